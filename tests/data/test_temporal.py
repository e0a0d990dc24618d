"""A split by time: later rows test, no patient is on two sides, and studies without it are what they were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import simulator

from cipherward.data import temporal
from cipherward.data.registers import Terms
from cipherward.data.sources import admit, load_hospitals
from cipherward.data.tables import RawTable
from cipherward.data.temporal import TimeSplit
from cipherward.data.values import names_of
from cipherward.errors import DataError, StudyError
from cipherward.learning.outcomes import outcome_of
from cipherward.study import Study
from cipherward.tasks.rows import check_classes

Make = Callable[..., Study]
BY_TIME: dict[str, Any] = {"date_column": "discharged", "test_from": date(2021, 1, 1)}


def raw(table: pl.DataFrame) -> RawTable:
    return RawTable(table, np.arange(1, table.height + 1), "table.csv")


def with_days(table: pl.DataFrame, step: int = 26) -> pl.DataFrame:
    """A discharge for each row, from the beginning of 2019 on."""
    days = [date(2019, 1, 1) + timedelta(days=step * row) for row in range(table.height)]
    return table.with_columns(pl.Series("discharged", [day.isoformat() for day in days]))


def test_later_rows_test_and_earlier_rows_of_their_patients_are_left_out(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    table = with_days(good_table)
    found = admit(raw(table), make_study(**BY_TIME, validation_fraction=0.3), "north").data
    assert found
    late = table["discharged"].to_numpy() >= "2021-01-01"
    patients = table["patient"].to_numpy()
    used = late | ~np.isin(patients, patients[late])
    assert len(found.outcome) == used.sum()
    assert ((found.split == 2) == late[used]).all()
    assert set(np.unique(found.split)) == {0, 1, 2}
    assert found.cluster is not None
    for code in np.unique(found.cluster):
        assert len(set(found.split[found.cluster == code])) == 1
    left_out = int((~used).sum())
    assert left_out > 0
    assert any(f"{left_out} row(s) are from before 2021-01-01" in finding.text for finding in found.about)


def test_the_days_of_a_parquet_file_are_read(make_study: Make, good_table: pl.DataFrame, tmp_path: Path) -> None:
    table = with_days(good_table).with_columns(pl.col("discharged").str.to_date(), unused=pl.lit("x"))
    table.write_parquet(tmp_path / "t.parquet")
    roster = [{"name": "north", "path": "t.parquet"}, {"name": "south", "path": "x"}, {"name": "west", "path": "y"}]
    study = make_study(hospitals=roster, **BY_TIME)
    (found,) = load_hospitals(study, None, tmp_path, only=["north"])
    assert int((found.split == 2).sum()) == int((table["discharged"] >= date(2021, 1, 1)).sum())


def test_without_patients_no_row_is_left_out(make_study: Make, good_table: pl.DataFrame) -> None:
    found = admit(raw(with_days(good_table)), make_study(**BY_TIME, patient_column=""), "north").data
    assert found
    assert len(found.outcome) == good_table.height


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop("discharged"), "column 'discharged' (data.date_column) is missing"),
        (lambda table: table.with_columns(discharged=pl.lit(7)), "holds Int32, not dates"),
        (
            lambda table: table.with_columns(
                discharged=pl.when(pl.col("patient") == "p3").then(pl.lit("31.12.2020")).otherwise("discharged")
            ),
            "column 'discharged', row 7 holds no date (2 such row(s))",
        ),
        (
            lambda table: table.with_columns(discharged=pl.lit("2030-01-01")),
            "no training row among 60 rows after the split by time",
        ),
    ],
)
def test_rows_without_a_day_are_refused(
    make_study: Make, good_table: pl.DataFrame, change: Callable[[pl.DataFrame], pl.DataFrame], words: str
) -> None:
    admitted = admit(raw(change(with_days(good_table))), make_study(**BY_TIME), "north")
    assert admitted.data is None
    assert words in "; ".join(admitted.problems)
    assert "31.12" not in "; ".join(admitted.problems)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"date_column": "discharged"}, "go together"),
        ({"test_from": "2021-01-01"}, "go together"),
        ({**BY_TIME, "date_column": "patient"}, "'patient' cannot be two of"),
        ({**BY_TIME, "date_column": "age"}, "column 'age' cannot be both input and"),
        ({**BY_TIME, "test_from": "soon"}, "test_from"),
    ],
)
def test_a_study_says_both_or_neither(make_study: Make, data: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        make_study(**data)
    assert words in caught.value.message


def test_a_study_that_does_not_split_by_time_is_the_same_document(make_study: Make) -> None:
    plain = make_study()
    assert not {"date_column", "test_from"} & plain.model_dump(mode="json")["data"].keys()
    assert make_study(date_column="", test_from=None).digest() == plain.digest()
    assert make_study(**BY_TIME).digest() != plain.digest()
    later = BY_TIME | {"test_from": date(2021, 1, 2)}
    assert make_study(**later).digest() != make_study(**BY_TIME).digest()


_ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), st.dates(date(2020, 1, 1), date(2022, 1, 1))), min_size=1)


@given(_ROWS, st.booleans())
def test_no_patient_is_on_two_sides_and_no_test_row_is_early(rows: list[tuple[str, date]], is_typed: bool) -> None:
    days = [day if is_typed else f"{day}T23:59:59-11:00" for _, day in rows]
    table = pl.DataFrame({"patient": [who for who, _ in rows], "day": days})
    data = simulator.study(3).data.model_copy(update={"date_column": "day", "test_from": date(2021, 1, 1)})
    found = temporal.split(raw(table), names_of(table["patient"]), data)
    assert isinstance(found, TimeSplit)
    sides: dict[str, set[int]] = {}
    for row, part in zip(found.rows.tolist(), found.parts.tolist(), strict=True):
        who, day = rows[row]
        assert (part == 2) == (day >= date(2021, 1, 1))
        sides.setdefault(who, set()).add(part)
    assert all(len(parts) == 1 for parts in sides.values())
    late = {who for who, day in rows if day >= date(2021, 1, 1)}
    assert found.left_out == sum(who in late and day < date(2021, 1, 1) for who, day in rows)
    assert found.left_out + len(found.rows) == len(rows)


def test_times_of_a_typed_column_are_of_their_own_day(make_study: Make, good_table: pl.DataFrame) -> None:
    at = [datetime(2020, 12, 31, 23, 30) + timedelta(days=row % 2) for row in range(good_table.height)]
    table = good_table.with_columns(discharged=pl.Series(at), patient=pl.Series([f"p{row}" for row in range(60)]))
    found = admit(raw(table), make_study(**BY_TIME), "north").data
    assert found
    assert (found.split == 2).tolist() == [bool(row % 2) for row in range(60)]


def test_between_hospitals_the_split_is_the_registers(tmp_path: Path) -> None:
    study = simulator.study(3)
    by_time = study.model_copy(update={"data": study.data.model_copy(update=BY_TIME)})
    table = pl.read_csv(simulator.write_tables(tmp_path, 1) / "clinic-1.csv", infer_schema=False)
    admitted = admit(raw(with_days(table, 1)), by_time, "clinic-1", terms=Terms(bytes(32), None, 0, 2))
    assert admitted.data is None
    assert any(temporal.BETWEEN_HOSPITALS in problem for problem in admitted.problems)


def test_a_day_after_which_nobody_came_is_named(make_study: Make, good_table: pl.DataFrame) -> None:
    study = make_study(date_column="discharged", test_from=date(2090, 1, 1))
    found = admit(raw(with_days(good_table)), study, "north").data
    assert found
    with pytest.raises(DataError, match="test rows from 2090-01-01 on") as caught:
        check_classes([found], 1, outcome_of(study.data))
    assert "earlier day" in caught.value.hint
