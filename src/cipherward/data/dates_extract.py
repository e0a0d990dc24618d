"""Intervals from the dates of a table, and values that were recorded too late taken out or refused.

A model that is fed what was written down after the outcome was known looks better than it can be. So a hospital names, for
a value, the column with the day of its record; what is later than the index date is refused, or emptied and counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl
from pydantic import Field, field_validator, model_validator

from cipherward.data.dates import (
    Moment,
    checked_form,
    completed_years,
    days_between,
    hours_between,
    in_form,
    in_zone,
    moment,
    written,
)
from cipherward.data.extract import Extract
from cipherward.data.problems import Problem, table_error
from cipherward.data.tables import RawTable, read_table
from cipherward.data.values import is_missing
from cipherward.errors import TableError
from cipherward.study_sections import Section

_MOST_NAMED = 3
"""Rows of one kind of mistake that are named."""


class Interval(Section):
    """A new column `name`: what lies between two dates, in completed years, days of the calendar, or hours. `negative`: an end
    before its start is refused, or no value."""

    name: str = Field(min_length=1)
    start: str = Field(min_length=1)
    end: str = Field(min_length=1)
    unit: Literal["years", "days", "hours"] = "days"
    negative: Literal["refuse", "empty"] = "refuse"


class Recorded(Section):
    """A column whose values were recorded on the day of another. `late`: values of after the index date, or of no known day, are
    refused, or emptied."""

    column: str = Field(min_length=1)
    day: str = Field(min_length=1)
    late: Literal["refuse", "empty"] = "refuse"


class DatesExtract(Extract):
    """`table`: a file, or another extract. `index`: the column with each row's index date, which `recorded` looks at. `form`: how
    dates are written where they are not ISO 8601 (`%d.%m.%Y`); `zone`: where the hospital is: times with an offset are read
    there, and times without one are of there."""

    source: Literal["dates"]
    table: str = Field(min_length=1)
    index: str = ""
    form: str = ""
    zone: str = ""
    intervals: tuple[Interval, ...] = Field(default=(), max_length=200)
    recorded: tuple[Recorded, ...] = Field(default=(), max_length=1_000)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            _ = ZoneInfo(name) if name else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone is known here; write it as Europe/Berlin") from None
        return name

    @field_validator("form")
    @classmethod
    def _whole_form(cls, form: str) -> str:
        return checked_form(form)

    @model_validator(mode="after")
    def _whole(self) -> DatesExtract:
        if not self.intervals and not self.recorded:
            raise ValueError("give [[intervals]], [[recorded]], or both")
        if self.recorded and not self.index:
            raise ValueError("recorded needs index, the column with each row's index date")
        names = [each.name for each in self.intervals]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two intervals are called {doubled[0]!r}")
        return self

    def inner(self, folder: Path) -> Path:
        return folder / self.table

    def read(self, folder: Path, wanted: Collection[str] | None = None) -> RawTable:
        here = None if wanted is None else {*wanted, *self._named}
        raw = read_table(folder / self.table, wanted=here)
        self._check_columns(raw)
        reader = _Reader(self, raw)
        added = [reader.interval(each) for each in self.intervals]
        emptied = [reader.in_time(each) for each in self.recorded]
        if reader.problems:
            raise table_error(
                f"{raw.origin} has {len(reader.problems)} problem(s) with dates",
                (problem.at("the table", raw.origin) for problem in reader.problems),
                hint='correct the dates, or say `late = "empty"` or `negative = "empty"` where a value may go',
            )
        table = raw.table.with_columns(*emptied, *added)
        return dataclasses.replace(raw, table=table, assumed=(*raw.assumed, *reader.said))

    @property
    def _named(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""
        wanted = [self.index, *(name for each in self.intervals for name in (each.start, each.end))]
        wanted += [name for each in self.recorded for name in (each.column, each.day)]
        return tuple(name for name in dict.fromkeys(wanted) if name)

    def _check_columns(self, raw: RawTable) -> None:
        there = set(raw.table.columns)
        problems = [
            Problem(
                f"column {name!r} is missing; found: {', '.join(raw.table.columns[:20])}", f"column {name!r} is missing"
            )
            for name in self._named
            if name not in there
        ]
        problems += [
            Problem(text, text)
            for each in self.intervals
            if each.name in there and (text := f"the table has a column {each.name!r} already")
        ]
        if problems:
            raise table_error(f"{raw.origin} does not fit the extract", problems, hint="correct the extract's columns")


class _Reader:
    """Reads the dates of one table, each column once; `problems` and `said` grow."""

    def __init__(self, extract: DatesExtract, raw: RawTable) -> None:
        self.extract, self.raw = extract, raw
        self.zone = ZoneInfo(extract.zone) if extract.zone else None
        self.problems: list[Problem] = []
        self.said: list[str] = []
        self._read: dict[str, list[Moment | None]] = {}

    def interval(self, each: Interval) -> pl.Series:
        """The new column."""
        between: dict[str, Callable[[Moment, Moment], float]] = {
            "years": lambda start, end: completed_years(start.day, end.day),
            "days": days_between,
            "hours": _hours,
        }
        values: list[float | None] = []
        wrong, negative = [], []
        for row, (start, end) in enumerate(zip(self.dates(each.start), self.dates(each.end), strict=True)):
            value = None
            if start and end:
                try:
                    value = between[each.unit](start, end)
                except ValueError:
                    wrong.append(row)
                if value is not None and value < 0:
                    negative.append(row)
                    value = None
            values.append(value)
        self._mistake(each.name, wrong, "hours need times with an offset, or the extract's zone")
        if each.negative == "refuse":
            self._mistake(each.name, negative, f"{each.end!r} is before {each.start!r}")
        elif negative:
            self.said.append(
                f"{len(negative)} value(s) of {each.name!r} emptied: {each.end!r} is before {each.start!r}"
            )
        return pl.Series(each.name, values, dtype=pl.Float64)

    def in_time(self, each: Recorded) -> pl.Series:
        """The column, with what was recorded too late, or on no known day, taken out."""
        series = self.raw.table[each.column]
        has_value = ~_is_empty(series)
        late, undated = [], []
        for row, (index, day) in enumerate(zip(self.dates(self.extract.index), self.dates(each.day), strict=True)):
            if not has_value[row]:
                continue
            if index is None or day is None:
                undated.append(row)
            elif day.is_after(index):
                late.append(row)
        for rows, words in (
            (late, f"recorded after the index date {self.extract.index!r}"),
            (undated, f"recorded on no known day ({each.day!r} or {self.extract.index!r} is empty)"),
        ):
            if each.late == "refuse":
                self._mistake(each.column, rows, words)
            elif rows:
                self.said.append(f"{len(rows)} value(s) of {each.column!r} emptied: {words}")
        out = np.zeros(len(series), dtype=bool)
        out[[*late, *undated]] = True
        return pl.select(pl.when(~pl.Series(out)).then(series)).to_series().rename(each.column)

    def dates(self, name: str) -> list[Moment | None]:
        """A column of dates; None where there is none."""
        if name not in self._read:
            self._read[name] = list(self._moments(name))
        return self._read[name]

    def _moments(self, name: str) -> Iterator[Moment | None]:
        wrong: dict[str, list[int]] = {}
        for row, text in enumerate(_as_text(self.raw.table[name], self.raw.origin)):
            found = None
            if text is not None and not is_missing(text):
                try:
                    found = self._moment(text.strip())
                except ValueError as error:
                    wrong.setdefault(str(error), []).append(row)
            yield found
        for words, rows in wrong.items():
            self._mistake(name, rows, words)

    def _moment(self, text: str) -> Moment:
        found = in_form(text, self.extract.form) if self.extract.form else moment(text)
        return in_zone(found, self.zone) if self.zone else found

    def _mistake(self, name: str, rows: list[int], words: str) -> None:
        if rows:
            listed = ", ".join(str(self.raw.rows[row]) for row in rows[:_MOST_NAMED])
            said = f"column {name!r}, row {listed}: {words} ({len(rows)} such row(s))"
            self.problems.append(Problem(said, said))


def _hours(start: Moment, end: Moment) -> float:
    if not (start.has_offset and end.has_offset):
        raise ValueError("clocks are put forward and back")
    return hours_between(start, end)


def _is_empty(series: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if series.dtype != pl.String:
        return series.is_null().to_numpy()
    empty = [text for text in series.drop_nulls().unique() if is_missing(text)]
    return (series.is_null() | series.is_in(empty)).to_numpy()


def _as_text(series: pl.Series, origin: str) -> list[str | None]:
    if (found := written(series)) is not None:
        return found
    said = f"column {series.name!r} holds {series.dtype}, not dates"
    raise TableError(f"{origin}: {said}", logged=said, hint="write dates as 2024-02-29, or name their form")
