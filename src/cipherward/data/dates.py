"""Dates and times as hospitals write them, and what lies between them: days of the calendar where they were written.

A time with an offset keeps the day that its writer saw: 23:30-04:00 is that day, not the next one of UTC. Intervals in
days and years are of these days; only an order within a day, and hours, need the instant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

_WRITTEN = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day as it was written, and its time there where one was written: with an offset, or without."""

    day: date
    at: datetime | None = None

    @property
    def has_offset(self) -> bool:
        return self.at is not None and self.at.tzinfo is not None

    @property
    def order(self) -> datetime:
        """What sorts moments: the instant, in UTC; of a day without a time or an offset as if it were written there."""
        at = self.at or datetime.combine(self.day, time())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)

    def is_after(self, other: Moment) -> bool:
        """Whether it is later: by the instant where both have a time written alike, else by the day."""
        if self.at and other.at and self.has_offset == other.has_offset:
            return self.order > other.order  # two times of one zone would be compared by their clocks
        return self.day > other.day


def written(series: pl.Series) -> list[str | None] | None:
    """A column of dates as they would be written; None where its type holds none."""
    if isinstance(series.dtype, pl.Datetime):
        return series.dt.to_string("iso:strict").to_list()
    return series.cast(pl.String).to_list() if series.dtype in (pl.Date, pl.String, pl.Null) else None


def moment(text: str) -> Moment:
    """A date, or a date and time, with or without an offset; ISO 8601 as FHIR and databases write it.

    Raises:
        ValueError: not such a text, not to the day, or a day or time that does not exist; in words, without the text.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        is_part = re.fullmatch(r"\d{4}(-\d{2})?", text.strip(), re.ASCII)
        raise ValueError("not to the day" if is_part else "no date in the form YYYY-MM-DD, with or without a time")
    try:
        day = date.fromisoformat(found["day"])
        if not found["clock"]:
            return Moment(day)
        clock, _, fraction = found["clock"].partition(".")
        at = datetime.fromisoformat(f"{found['day']}T{clock}{'.' + fraction[:6] if fraction else ''}")
        if found["offset"]:
            at = at.replace(tzinfo=datetime.fromisoformat(f"{found['day']}T00:00{found['offset']}").tzinfo)
            at.astimezone(UTC)
        return Moment(day, at)
    except (ValueError, OverflowError):
        raise ValueError("a day or time that does not exist") from None


def checked_form(form: str) -> str:
    """How dates are written, as `strptime` has it; "" is ISO 8601.

    Raises:
        ValueError: it does not say a whole day.
    """
    if form and not all(any(mark in form for mark in marks) for marks in (("%d",), ("%m", "%b", "%B"), ("%Y",))):
        raise ValueError("a form has day (%d), month (%m) and year with four digits (%Y)")
    return form


def in_form(text: str, form: str) -> Moment:
    """A date in a form that `checked_form` allows.

    Raises:
        ValueError: it is none, in words, without the text.
    """
    try:
        at = datetime.strptime(text, form)
    except ValueError:
        raise ValueError(f"no date in the form {form}") from None
    return Moment(at.date(), at if any(mark in form for mark in ("%H", "%I")) else None)


def in_zone(found: Moment, zone: ZoneInfo) -> Moment:
    """The same as the clocks of a zone show it: a time with an offset on the day that it was there, a time without one as
    written there. Of an hour that a clock shows twice it is the first.

    Raises:
        ValueError: the clock never showed that time, as it was put forward.
    """
    if found.at is None:
        return found
    try:
        at = found.at.astimezone(zone) if found.at.tzinfo else found.at.replace(tzinfo=zone)
        back = at.astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise ValueError("a day or time that does not exist") from None
    if found.at.tzinfo:
        return Moment(at.date(), at)
    if back.replace(tzinfo=None) != found.at:
        raise ValueError(f"a time that clocks never showed in {zone.key}")
    return Moment(found.day, at)


def days_between(first: Moment, second: Moment) -> int:
    """Calendar days from the first to the second, negative where the second is earlier. Clocks that were put forward or
    back, and offsets, change nothing."""
    return (second.day - first.day).days


def hours_between(first: Moment, second: Moment) -> float:
    """Hours that passed from the first to the second.

    Raises:
        ValueError: one has no time, or an offset where the other has none.
    """
    if not first.at or not second.at or first.has_offset != second.has_offset:
        raise ValueError("hours need two times, both with an offset or both without")
    if not first.has_offset:
        return (second.at - first.at).total_seconds() / 3600.0
    return (second.at.astimezone(UTC) - first.at.astimezone(UTC)).total_seconds() / 3600.0


def completed_years(birth: date, on: date) -> int:
    """Age in completed years; negative before birth. Who was born on 29 February is a year older on 1 March in a year
    without that day."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
