"""Intervals from the dates of a table, and values recorded too late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.dates import Moment, hours_between, in_zone, moment
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import DataError

AGE = '[[intervals]]\nname = "age"\nstart = "born"\nend = "admitted"\nunit = "years"\n'
STAY = '[[intervals]]\nname = "stay"\nstart = "admitted"\nend = "discharged"\n'
LATE = '[[recorded]]\ncolumn = "hba1c"\nday = "hba1c_day"\n'


def extract(folder: Path, columns: Mapping[str, Any], text: str) -> RawTable:
    pl.DataFrame(dict(columns), strict=False).write_parquet(folder / "table.parquet")
    (folder / "extract.toml").write_text(f'source = "dates"\ntable = "table.parquet"\n{text}')
    return read_table(folder / "extract.toml")


def test_intervals_become_columns_and_rows_without_a_date_have_none(tmp_path: Path) -> None:
    raw = extract(
        tmp_path,
        {
            "born": ["2004-02-29", "2004-02-29", "", "NA"],
            "admitted": ["2022-02-28", "2022-03-01 23:59", "2022-01-01", "2022-01-01"],
            "discharged": ["2022-03-01", "2022-03-02T00:01:00+01:00", None, "2022-01-01"],
        },
        AGE + STAY,
    )
    assert raw.table.columns == ["born", "admitted", "discharged", "age", "stay"]
    assert raw.table["age"].to_list() == [17, 18, None, None]
    assert raw.table["stay"].to_list() == [1, 1, None, 0]


def test_typed_columns_are_read_like_text(tmp_path: Path) -> None:
    raw = extract(
        tmp_path,
        {
            "born": [date(1970, 2, 28)],
            "admitted": [datetime(2022, 2, 28, 23, 30)],
            "discharged": [datetime(2022, 3, 1, 1, 0, tzinfo=ZoneInfo("Europe/Berlin"))],
        },
        AGE + STAY,
    )
    assert raw.table.select("age", "stay").row(0) == (52.0, 1.0)


def test_a_form_and_a_zone_are_named_and_never_guessed(tmp_path: Path) -> None:
    columns = {"admitted": ["01.02.2022", "28.02.2022"], "discharged": ["03.02.2022", "01.03.2022"]}
    with pytest.raises(DataError, match=r"'admitted', row 1, 2: no date in the form YYYY-MM-DD"):
        extract(tmp_path, columns, STAY)
    assert extract(tmp_path, columns, 'form = "%d.%m.%Y"\n' + STAY).table["stay"].to_list() == [2, 1]
    with pytest.raises(DataError, match=r"row 2: no date in the form %m\.%d\.%Y \(1 such row"):
        extract(tmp_path, columns, 'form = "%m.%d.%Y"\n' + STAY)
    utc = {"admitted": ["2022-01-31T23:30:00Z"], "discharged": ["2022-02-01T22:00:00Z"]}
    assert extract(tmp_path, utc, STAY).table["stay"].to_list() == [1]
    assert extract(tmp_path, utc, 'zone = "Europe/Berlin"\n' + STAY).table["stay"].to_list() == [0]


def test_hours_are_those_that_passed(tmp_path: Path) -> None:
    hours = STAY + 'unit = "hours"\n'
    clocks = {
        "admitted": ["2024-03-30 12:00", "2024-10-26 12:00"],
        "discharged": ["2024-03-31 12:00", "2024-10-27 12:00"],
    }
    with pytest.raises(DataError, match="hours need times with an offset"):
        extract(tmp_path, clocks, hours)
    assert extract(tmp_path, clocks, 'zone = "Europe/Berlin"\n' + hours).table["stay"].to_list() == [23, 25]
    gone = {"admitted": ["2024-03-31 02:30"], "discharged": ["2024-03-31 12:00"]}
    with pytest.raises(DataError, match="row 1: a time that clocks never showed in Europe/Berlin"):
        extract(tmp_path, gone, 'zone = "Europe/Berlin"\n' + hours)


def test_an_end_before_its_start_is_refused_or_emptied_and_counted(tmp_path: Path) -> None:
    columns = {
        "admitted": ["2022-01-02", "2022-01-02", "2022-01-02"],
        "discharged": ["2022-01-01", "2022-01-02", "2021-01-01"],
    }
    with pytest.raises(DataError, match=r"column 'stay', row 1, 3: 'discharged' is before 'admitted' \(2 such row"):
        extract(tmp_path, columns, STAY)
    raw = extract(tmp_path, columns, STAY + 'negative = "empty"\n')
    assert raw.table["stay"].to_list() == [None, 0, None]
    assert raw.assumed[-1] == "2 value(s) of 'stay' emptied: 'discharged' is before 'admitted'"


def test_what_was_recorded_after_the_index_date_is_refused_or_emptied_and_counted(tmp_path: Path) -> None:
    columns = {
        "admitted": ["2022-01-02", "2022-01-02T10:00:00Z", "2022-01-02T10:00:00Z", "2022-01-02", None, "2022-01-02"],
        "hba1c": ["6.1", "6.2", "6.3", "6.4", "6.5", "NA"],
        "hba1c_day": [
            "2022-01-02T23:00:00Z",
            "2022-01-02T10:00:01Z",
            "2022-01-02T10:00:00Z",
            "",
            "2022-01-01",
            "2023-01-01",
        ],
    }
    text = 'index = "admitted"\n' + LATE
    with pytest.raises(DataError) as caught:
        extract(tmp_path, columns, text)
    assert "column 'hba1c', row 2: recorded after the index date 'admitted' (1 such row(s))" in caught.value.message
    assert "row 4, 5: recorded on no known day" in caught.value.message
    assert "6.2" not in caught.value.message
    raw = extract(tmp_path, columns, text + 'late = "empty"\n')
    assert raw.table["hba1c"].to_list() == ["6.1", None, "6.3", None, None, "NA"]
    assert "1 value(s) of 'hba1c' emptied: recorded after the index date 'admitted'" in raw.assumed
    assert any(said.startswith("2 value(s) of 'hba1c' emptied: recorded on no known day") for said in raw.assumed)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give [[intervals]], [[recorded]], or both"),
        (LATE, "recorded needs index"),
        (AGE + AGE, "two intervals are called 'age'"),
        ('zone = "Mars/Phobos"\n' + STAY, "no such time zone"),
        ('zone = "../../etc/passwd"\n' + STAY, "no such time zone"),
        ('form = "%d.%m.%y"\n' + STAY, "year with four digits"),
        (STAY + 'unit = "weeks"\n', "unit (line"),
        (STAY.replace('"stay"', '"born"'), "has a column 'born' already"),
        (STAY.replace('"discharged"', '"left"'), "column 'left' is missing"),
        (STAY.replace('"discharged"', '"n"'), "column 'n' holds Int64, not dates"),
    ],
)
def test_a_wrong_extract_of_dates_is_refused(tmp_path: Path, text: str, words: str) -> None:
    columns = {"born": ["1970-01-01"], "admitted": ["2022-01-01"], "discharged": ["2022-01-01"], "n": [1]}
    with pytest.raises(DataError) as caught:
        extract(tmp_path, columns, text)
    assert words in caught.value.message
    assert caught.value.hint


def test_extracts_stand_in_one_another(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("born;admitted\n1970-05-01;2020-04-30\n")
    (tmp_path / "inner.toml").write_text(f'source = "dates"\ntable = "table.csv"\n{AGE}')
    (tmp_path / "outer.toml").write_text(
        'source = "dates"\ntable = "inner.toml"\n[[intervals]]\nname = "days"\nstart = "born"\nend = "admitted"\n'
    )
    assert read_table(tmp_path / "outer.toml").table.row(0)[2:] == (49.0, 18262.0)
    (tmp_path / "inner.toml").write_text(f'source = "dates"\ntable = "outer.toml"\n{AGE}')
    with pytest.raises(DataError, match="names itself"):
        read_table(tmp_path / "outer.toml")


@given(st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)), st.integers(0, 10_000))
def test_hours_in_a_zone_are_hours_of_utc(start: datetime, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = in_zone(moment(f"{start:%Y-%m-%dT%H:%M:%S}Z"), berlin)
    later = in_zone(Moment(first.day, datetime.fromtimestamp(first.order.timestamp() + 3600 * hours, berlin)), berlin)
    assert hours_between(first, later) == pytest.approx(hours)
    assert later.is_after(first) == (hours > 0)
