from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cipherward.data.filled import filled, n_patients
from cipherward.data.sources import load_hospitals, load_table_for_prediction
from cipherward.errors import DataError
from cipherward.study import Study, load_builtin

Make = Callable[..., Study]
NAMES = ("north", "south", "west")


def write_all(folder: Path, table: pl.DataFrame) -> None:
    for name in NAMES:
        table.write_csv(folder / f"{name}.csv")


def test_each_hospital_gets_its_own_file(make_study: Make, good_table: pl.DataFrame, tmp_path: Path) -> None:
    write_all(tmp_path, good_table)
    hospitals = load_hospitals(make_study(), None, tmp_path)
    assert [h.name for h in hospitals] == list(NAMES)
    for hospital in hospitals:
        assert hospital.table.columns == ["age", "ward"]
        assert hospital.outcome.dtype == np.int8
        assert hospital.split.dtype == np.uint8
        assert hospital.best_score is None
        assert set(hospital.split.tolist()) == {0, 1, 2}
        assert "p0" not in repr(hospital)


def test_one_file_with_a_hospital_column_gives_the_same_hospitals_in_csv_and_parquet(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write_all(tmp_path, good_table)
    expected = load_hospitals(make_study(), None, tmp_path)
    together = pl.concat([good_table.with_columns(site=pl.lit(name)) for name in NAMES])
    together.write_csv(tmp_path / "all.csv")
    together.write_parquet(tmp_path / "all.parquet")
    named = [{"name": name} for name in NAMES]
    for file in ("all.csv", "all.parquet"):
        study = make_study(hospitals=named, path=file, hospital_column="site")
        for given in (None, tmp_path, tmp_path / file):
            found = load_hospitals(study, given, tmp_path)
            assert all(a.table.equals(b.table) for a, b in zip(found, expected, strict=True))
            assert all(np.array_equal(a.split, b.split) for a, b in zip(found, expected, strict=True))


def test_a_hospital_that_is_alone_needs_only_its_own_file(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    good_table.write_csv(tmp_path / "elsewhere.csv")
    (only,) = load_hospitals(make_study(), tmp_path / "elsewhere.csv", Path("/nowhere"), only=["south"])
    assert only.name == "south"
    with pytest.raises(DataError, match="not on the roster: east"):
        load_hospitals(make_study(), None, tmp_path, only=["east"])


def test_problems_of_all_hospitals_come_in_one_error(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write_all(tmp_path, good_table)
    good_table.drop("readmitted").write_csv(tmp_path / "south.csv")
    (tmp_path / "west.csv").unlink()
    with pytest.raises(DataError) as error:
        load_hospitals(make_study(), None, tmp_path)
    south, west = error.value.problems
    assert south.startswith("south (")
    assert "column 'readmitted' is missing" in south
    assert west.startswith("west: cannot read")


def test_a_table_without_one_of_the_columns_reads_as_missing_there(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write_all(tmp_path, good_table)
    good_table.drop("ward").write_csv(tmp_path / "south.csv")
    north, south, _ = load_hospitals(make_study(), None, tmp_path)
    assert south.table["ward"].null_count() == south.table.height
    assert any("'ward' has no value in any row" in finding.text for finding in south.about)
    assert filled(north, 10) == ("age", "ward")
    assert filled(south, 10) == ("age",)


def test_a_table_without_any_of_the_columns_is_refused(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write_all(tmp_path, good_table)
    good_table.drop("ward", "age").write_csv(tmp_path / "south.csv")
    with pytest.raises(DataError, match="column 'age' is missing"):
        load_hospitals(make_study(), None, tmp_path)


def test_a_column_is_filled_by_patients_not_by_their_rows(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write_all(tmp_path, good_table)
    north = load_hospitals(make_study(), None, tmp_path)[0]
    assert north.cluster is not None
    patients = n_patients(north)
    assert patients < north.table.height
    rows = north.table["age"].is_not_null().to_numpy()
    n = len(np.unique(north.cluster[rows]))
    assert "age" in filled(north, n)
    assert "age" not in filled(north, n + 1)


def test_a_row_number_is_that_of_the_shared_file(make_study: Make, good_table: pl.DataFrame, tmp_path: Path) -> None:
    together = pl.concat([good_table.with_columns(site=pl.lit(name)) for name in NAMES])
    ages = together["age"].to_list()
    ages[130] = "old"
    together.with_columns(pl.Series("age", ages)).write_csv(tmp_path / "all.csv")
    study = make_study(hospitals=[{"name": name} for name in NAMES], path="all.csv", hospital_column="site")
    with pytest.raises(DataError, match=r"west \(.*all.csv\): column 'age', row 131: 'old'"):
        load_hospitals(study, None, tmp_path)


def test_a_hospital_without_rows_in_the_shared_file_is_named(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    good_table.with_columns(site=pl.lit("North")).write_csv(tmp_path / "all.csv")
    study = make_study(hospitals=[{"name": name} for name in NAMES], path="all.csv", hospital_column="site")
    with pytest.raises(DataError, match="no row has site = 'north'; found: North") as error:
        load_hospitals(study, None, tmp_path)
    assert len(error.value.problems) == 3
    missing = make_study(hospitals=[{"name": name} for name in NAMES], path="all.csv", hospital_column="clinic")
    with pytest.raises(DataError, match=r"column 'clinic' \(data\.hospital_column\) is missing"):
        load_hospitals(missing, None, tmp_path)


def test_a_hospital_without_positive_training_rows_is_an_error_unless_allowed(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write_all(tmp_path, good_table)
    split = load_hospitals(make_study(), None, tmp_path)[0].split
    # only a test row is positive
    lonely = np.zeros(60, int)
    lonely[np.flatnonzero(split == 2)[0]] = 1
    good_table.with_columns(pl.Series("readmitted", lonely)).write_csv(tmp_path / "south.csv")
    with pytest.raises(DataError, match=r"south .*: none of the \d+ training rows is positive") as error:
        load_hospitals(make_study(), None, tmp_path)
    assert "allow_single_class" in error.value.hint
    assert len(load_hospitals(make_study(allow_single_class=True), None, tmp_path)) == 3


def test_without_a_patient_column_rows_are_split_by_their_number(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    numbered = good_table.with_columns(patient=pl.Series([str(row) for row in range(1, 61)]))
    write_all(tmp_path, numbered)
    by_id = load_hospitals(make_study(), None, tmp_path)
    by_row = load_hospitals(make_study(patient_column=""), None, tmp_path)
    assert np.array_equal(by_id[0].split, by_row[0].split)


def test_a_table_to_predict_on_needs_the_inputs_only(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    columns = make_study().columns
    good_table.select("ward", "age").write_csv(tmp_path / "new.csv")
    _, found = load_table_for_prediction(tmp_path / "new.csv", columns)
    assert found.table.columns == ["age", "ward"]
    good_table.select("age").write_csv(tmp_path / "new.csv")
    with pytest.raises(DataError, match="column 'ward' is missing") as error:
        load_table_for_prediction(tmp_path / "new.csv", columns)
    assert len(error.value.problems) == 1


def test_a_thousand_synthetic_hospitals_have_distinct_sortable_names() -> None:
    study = load_builtin("readmission")
    cohort = {**study.model_dump(mode="json")["data"]["cohort"], "n_hospitals": 1000}
    names = study.with_overrides(data={"cohort": cohort}).hospital_names
    assert len(set(names)) == 1000
    assert list(names) == sorted(names)


def test_breast_cancer_gives_four_different_hospitals_with_both_outcomes() -> None:
    study = load_builtin("breast-cancer")
    hospitals = load_hospitals(study, None, Path())
    assert sum(h.table.height for h in hospitals) == 569
    assert sum(int(h.outcome.sum()) for h in hospitals) == 212
    rates = [float(h.outcome.mean()) for h in hospitals]
    assert 0.05 < min(rates) < max(rates) < 0.95
    assert max(rates) - min(rates) > 0.5
    for column in study.columns:
        values = pl.concat([h.table for h in hospitals])[column.name].to_numpy()
        assert values.min() >= column.minimum
        assert values.max() <= column.maximum
