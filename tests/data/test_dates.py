"""Dates keep the day that was written; intervals are of the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.dates import completed_years, days_between, hours_between, moment


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-02-29", "2024-02-29"),
        ("2024-02-29T23:30:00-04:00", "2024-02-29"),
        ("2024-03-01T00:30:00+14:00", "2024-03-01"),
        ("2024-02-29 23:30", "2024-02-29"),
        (" 2024-02-29T23:30:00.123456789Z ", "2024-02-29"),
        ("2024-02-29 23:30:00+02", "2024-02-29"),
        ("2024-02-29 23:30:00 +0200", "2024-02-29"),
    ],
)
def test_a_day_is_the_one_that_was_written(text: str, day: str) -> None:
    assert moment(text).day == date.fromisoformat(day)


@pytest.mark.parametrize(
    "text",
    ["", "2023-02-29", "2024-13-01", "24-02-29", "2024-02-29T24:00:00Z", "2024-02-29T10:61Z", "29.02.2024", "2024/02/29",
     "2024-02-29T10:00:00+25:00", "20240229", "2024-02", "2024", "2024-02-29T", "٢٠٢٤-02-29"],
)  # fmt: skip
def test_what_is_no_day_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"no date|not to the day|does not exist") as caught:
        moment(text)
    assert not text or text not in str(caught.value)


def test_clocks_that_change_shift_no_interval() -> None:
    before, after = moment("2024-03-30T12:00:00+01:00"), moment("2024-03-31T12:00:00+02:00")
    assert days_between(before, after) == 1
    assert hours_between(before, after) == 23.0
    late, early = moment("2024-01-01T23:30:00-05:00"), moment("2024-01-02T00:10:00-05:00")
    assert days_between(late, early) == 1
    assert hours_between(late, early) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="hours need two times"):
        hours_between(moment("2024-01-01"), early)
    with pytest.raises(ValueError, match="hours need two times"):
        hours_between(moment("2024-01-01 10:00"), early)


def test_order_is_by_instant_where_it_is_known_and_by_day_elsewhere() -> None:
    new_york, london = moment("2024-01-01T20:00:00-05:00"), moment("2024-01-02T00:30:00Z")
    assert new_york.is_after(london)
    assert not moment("2024-01-01").is_after(new_york)
    assert moment("2024-01-02").is_after(new_york)
    assert sorted([new_york, london], key=lambda each: each.order) == [london, new_york]


def test_who_was_born_on_29_february_is_older_on_1_march() -> None:
    born = date(2004, 2, 29)
    assert completed_years(born, date(2022, 2, 28)) == 17
    assert completed_years(born, date(2022, 3, 1)) == 18
    assert completed_years(born, date(2024, 2, 29)) == 20
    assert completed_years(born, date(2004, 2, 29)) == 0
    assert completed_years(born, date(2004, 2, 28)) == -1


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 40_000))
def test_ages_rise_by_one_a_birthday(born: date, days: int) -> None:
    on = born + timedelta(days=days)
    age = completed_years(born, on)
    birthdays = sum(_birthday(born, year) <= on for year in range(born.year + 1, on.year + 1))
    assert age == birthdays


def _birthday(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
