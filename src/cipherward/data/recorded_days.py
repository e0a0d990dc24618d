"""The index date of a study's rows, and values that were recorded after it: refused, as a model that is fed what was
written down later looks better than it can be.

A study names the index date (`data.index_date`), for an input the column with the day of its record (`recorded`), and
the day of the outcome (`data.outcome_date`). A hospital that wants late values to be left out says so in an extract of
dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from cipherward.data.dates import Moment, moment, written
from cipherward.data.problems import Problem
from cipherward.data.schema import with_declared_names
from cipherward.data.tables import RawTable
from cipherward.data.values import as_text, is_missing
from cipherward.study import Column, Data

_MOST_NAMED = 3
_LATER = 'leave the value out, or let an extract with source = "dates" do it ([[recorded]], late = "empty")'
_WRITE = "every row needs one, written as 2024-02-29: a mapping file reads another form (date), or a query writes it"

Days = list[Moment | None]


def names(data: Data, columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns of dates that a study looks at, beside its inputs."""
    found = (data.index_date, data.outcome_date, *(column.recorded for column in columns))
    return tuple(dict.fromkeys(name for name in found if name))


def problems(raw: RawTable, data: Data, columns: Sequence[Column]) -> list[Problem]:
    """Why the dates of a table do not fit, with rows; none where the study names no index date."""
    if not data.index_date:
        return []
    wanted = names(data, columns)
    table = with_declared_names(raw.table, [*wanted, *(column.name for column in columns)])
    absent = [name for name in wanted if name not in table.columns and not _is_of_nothing(name, data, columns, table)]
    if absent:
        return [_absent(name, data, columns, raw) for name in absent]
    days: dict[str, Days] = {}
    found: list[Problem] = []
    for name in wanted:
        if name in table.columns:
            days[name] = _read(table[name], raw, found, is_whole=name == data.index_date)
    if found:
        return found
    index = days[data.index_date]
    if data.outcome_date:
        early = [
            row
            for row, (start, end) in enumerate(zip(index, days[data.outcome_date], strict=True))
            if start and end and start.is_after(end)
        ]
        found += _rows(
            data.outcome_date, early, raw, f"the outcome is from before the index date {data.index_date!r}", _OUT
        )
    for column in columns:
        if column.recorded and column.name in table.columns:
            found += _late(column, table[column.name], days[column.recorded], days, raw, data)
    return found


_OUT = "leave such rows out: what is to be predicted was known already"


def _late(
    column: Column, values: pl.Series, recorded: Days, days: dict[str, Days], raw: RawTable, data: Data
) -> Iterator[Problem]:
    has_value = [text is not None and not is_missing(text) for text in as_text(values).to_list()]
    has_value = has_value if values.dtype.is_numeric() or values.dtype == pl.String else values.is_not_null().to_list()
    undated = [row for row, there in enumerate(has_value) if there and recorded[row] is None]
    yield from _rows(column.name, undated, raw, f"a value without the day of its record ({column.recorded!r})", _LATER)
    limits = {data.index_date: "the index date"} | ({data.outcome_date: "the outcome"} if data.outcome_date else {})
    for name, words in limits.items():
        late = [
            row
            for row, (there, day, end) in enumerate(zip(has_value, recorded, days[name], strict=True))
            if there and day and end and day.is_after(end)
        ]
        if late:
            yield from _rows(column.name, late, raw, f"recorded after {words} {name!r}", _LATER)
            return


def _is_of_nothing(name: str, data: Data, columns: Sequence[Column], table: pl.DataFrame) -> bool:
    """Whether only inputs that the table lacks have their day in this column."""
    own = {column.name for column in columns if column.recorded == name}
    return name not in (data.index_date, data.outcome_date) and own.isdisjoint(table.columns)


def _absent(name: str, data: Data, columns: Sequence[Column], raw: RawTable) -> Problem:
    if name == data.index_date:
        what = "the index date"
    elif name == data.outcome_date:
        what = "the day of the outcome"
    else:
        what = f"the day on which {next(column.name for column in columns if column.recorded == name)!r} was recorded"
    said = f"column {name!r} is missing: {what}"
    listed = ", ".join(raw.table.columns[:20])
    return Problem(f"{said}; add it, or map it (mapping file, from); found: {listed}", said)


def _read(series: pl.Series, raw: RawTable, problems: list[Problem], *, is_whole: bool) -> Days:
    if (texts := written(series)) is None:
        said = f"column {series.name!r} holds {series.dtype}, not dates"
        problems.append(Problem(f"{said}; write them as 2024-02-29", said))
        return []
    days: Days = []
    wrong: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        found = None
        if text is not None and not is_missing(text):
            try:
                found = moment(text)
            except ValueError as error:
                wrong.setdefault(str(error), []).append(row)
        elif is_whole:
            wrong.setdefault("no date", []).append(row)
        days.append(found)
    for words, rows in wrong.items():
        problems += _rows(series.name, rows, raw, words, _WRITE)
    return days


def _rows(name: str, rows: Sequence[int], raw: RawTable, words: str, remedy: str) -> Iterator[Problem]:
    if rows:
        listed = ", ".join(str(raw.rows[row]) for row in rows[:_MOST_NAMED])
        said = f"column {name!r}, row {listed}: {words} ({len(rows)} such row(s))"
        yield Problem(f"{said}; {remedy}", said)
