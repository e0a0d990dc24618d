from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.data.preprocess import Preprocessor, fit, local_statistics
from cipherward.errors import DataError
from cipherward.study import Column

AGE = Column(name="age", kind="numeric", minimum=0, maximum=100)
STAYS = Column(name="stays", kind="numeric", minimum=0, maximum=20, transform="log1p")
WARD = Column(name="ward", kind="categorical", categories=("medical", "surgical", "other"))
SEX = Column(name="sex", kind="categorical", categories=("female", "male"))
COLUMNS = (AGE, STAYS, WARD, SEX)


def table_of(ages: Sequence[float | None], stays: Sequence[float | None]) -> pl.DataFrame:
    n = len(ages)
    return pl.DataFrame(
        {"age": ages, "stays": stays, "ward": ["medical"] * n, "sex": ["male"] * n},
        schema={"age": pl.Float64, "stays": pl.Float64, "ward": pl.String, "sex": pl.String},
    )


def sums_of(tables: list[pl.DataFrame]) -> dict[str, NDArray[np.int64]]:
    parts = [local_statistics(t, np.ones(t.height, np.int8), np.zeros(t.height, np.uint8), COLUMNS) for t in tables]
    return {key: np.sum([part[key] for part in parts], axis=0) for key in parts[0]}


def test_statistics_are_integers_over_training_rows_only() -> None:
    table = table_of([50.0, None, 100.0, 7.0], [0.0, 20.0, 20.0, 3.0])
    sums = local_statistics(table, np.array([1, 0, 1, 1], np.int8), np.array([0, 0, 0, 2], np.uint8), COLUMNS)
    assert all(value.dtype == np.int64 for value in sums.values())
    assert sums["rows"].tolist() == [3, 2]
    assert sums["present"].tolist() == [2, 3]
    assert sums["sum"].tolist() == [round(1.5 * 2**20), 2 * 2**20]
    assert sums["square"].tolist() == [round(1.25 * 2**20), 2 * 2**20]


values = st.one_of(st.none(), st.floats(-50, 200))


@given(st.lists(st.lists(st.tuples(values, values), min_size=1, max_size=20), min_size=1, max_size=6))
@settings(deadline=None)
def test_scaling_from_sums_is_that_of_the_pooled_rows(hospitals: list[list[tuple[float | None, float | None]]]) -> None:
    tables = [table_of([age for age, _ in rows], [stay for _, stay in rows]) for rows in hospitals]
    fitted = fit(COLUMNS, sums_of(tables))
    ages = np.array([age for rows in hospitals for age, _ in rows if age is not None])
    stays = np.array([stay for rows in hospitals for _, stay in rows if stay is not None])
    pooled = (np.clip(ages, 0, 100) / 100, np.log1p(np.clip(stays, 0, 20)) / math.log1p(20))
    for values_, mean, stddev in zip(pooled, fitted.mean, fitted.stddev, strict=True):
        if not len(values_):
            assert (mean, stddev) == (0.0, 1.0)
            continue
        assert mean == pytest.approx(values_.mean(), abs=1e-5)
        assert stddev == 1.0 or stddev == pytest.approx(values_.std(), rel=0.1)
    features = np.concatenate([fitted.transform(table) for table in tables])
    assert np.isfinite(features).all()


def test_missing_becomes_the_mean_with_an_indicator_and_unknown_becomes_other_or_nothing() -> None:
    fitted = Preprocessor(COLUMNS, mean=(0.5, 0.25), stddev=(0.1, 0.5), n_rows=9, n_positive=3)
    table = pl.DataFrame(
        {"age": [60.0, None], "stays": [None, 20.0], "ward": ["maternity", None], "sex": ["x", "male"]}
    )
    features = fitted.transform(table)
    assert features.dtype == np.float32
    assert features.flags.c_contiguous
    named = [dict(zip(fitted.feature_names, row, strict=True)) for row in features.tolist()]
    assert named[0]["age"] == pytest.approx(1.0)
    assert named[0]["stays"] == 0.0
    assert named[0]["stays is missing"] == 1.0
    assert named[1]["stays"] == 1.5
    assert named[1]["age is missing"] == 1.0
    assert named[0]["ward = other"] == 1.0
    assert named[1]["ward is missing"] == 1.0
    assert [named[0][f"sex = {s}"] for s in SEX.categories] == [0.0, 0.0]
    assert named[1]["sex = male"] == 1.0
    assert features.shape == (2, fitted.n_features) == (2, len(fitted.feature_names)) == (2, 2 + 2 + 4 + 3)


def test_where_few_lack_a_value_a_missing_one_is_the_mean_or_a_category_that_is_kept_and_no_input_of_its_own() -> None:
    marked = Preprocessor(COLUMNS, mean=(0.5, 0.25), stddev=(0.1, 0.5), n_rows=9, n_positive=3)
    table = pl.DataFrame({"age": [60.0, None], "stays": [None, 20.0], "ward": ["medical", None], "sex": [None, "male"]})
    fitted = dataclasses.replace(marked, unmarked=("age", "ward", "sex"))
    rows = fitted.transform(table)
    first, second = (dict(zip(fitted.feature_names, row, strict=True)) for row in rows.tolist())
    assert second["age"] == second["age is missing"] == 0.0
    assert first["stays is missing"] == 1.0  # enough rows lack one
    assert (second["ward = other"], second["ward is missing"]) == (1.0, 0.0)
    assert (first[f"sex = {SEX.categories[-1]}"], first["sex is missing"]) == (1.0, 0.0)
    there = [name for name in fitted.feature_names if not name.startswith(("sex", "ward"))]
    kept = [k for k, name in enumerate(fitted.feature_names) if name in there and name != "age is missing"]
    assert (rows[:, kept] == marked.transform(table)[:, kept]).all()
    assert Preprocessor.from_json(fitted.to_json()) == fitted
    assert fitted.restricted(["stays", "sex"]).unmarked == ("sex",)
    merged = dataclasses.replace(fitted, merged=(("ward", (("other", "surgical"),)),))
    assert merged.missing_as(WARD) == "surgical"
    assert marked.missing_as(WARD) is None
    with pytest.raises(DataError):
        Preprocessor.from_json(fitted.to_json().replace('"unmarked":["age"', '"unmarked":["weight"'))


def test_a_constant_column_is_not_blown_up_by_the_rounding_of_the_sums() -> None:
    tables = [table_of([100 / 3] * 7, [1.0] * 7) for _ in range(40)]
    fitted = fit(COLUMNS, sums_of(tables))
    assert fitted.stddev == (1.0, 1.0)
    assert np.abs(fitted.transform(tables[0])[:, 0]).max() < 1e-5


def test_an_extreme_value_stays_within_ten_standard_deviations() -> None:
    tables = [table_of([1.0, 1.5] * 5_000 + [100.0], [0.0] * 10_001)]
    assert fit(COLUMNS, sums_of(tables)).transform(tables[0])[-1, 0] == 10.0


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=2),
    st.lists(st.floats(5e-324, 1e300), min_size=2, max_size=2),
)
def test_json_gives_the_same_numbers_back_bit_for_bit(mean: list[float], stddev: list[float]) -> None:
    original = Preprocessor(COLUMNS, (mean[0], mean[1]), (stddev[0], stddev[1]), 10, 2)
    again = Preprocessor.from_json(original.to_json())
    assert again == original
    assert again.to_json() == original.to_json()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"columns":[],"mean":[1.0],"stddev":[1.0],"n_rows":1,"n_positive":1}']
)
def test_a_damaged_document_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not a preprocessing document"):
        Preprocessor.from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rows", [3, 4]),
        ("rows", [2**61, 4]),
        ("present", [-1, 1]),
        ("sum", [2**50, 0]),
        ("square", [2**50, 0]),
        ("sum_fine", [-1, 0]),
        ("square_fine", [0, 2**50]),
        ("sum", [1]),
    ],
)
def test_sums_that_no_data_gives_are_refused(key: str, value: list[int]) -> None:
    sums = sums_of([table_of([50.0, 60.0], [1.0, 2.0])])
    with pytest.raises(DataError, match="cannot come from data"):
        fit(COLUMNS, {**sums, key: np.array(value, np.int64)})


def test_a_study_without_numeric_columns_has_empty_sums_and_works() -> None:
    table = pl.DataFrame({"sex": ["male", "female"]})
    sums = local_statistics(table, np.array([0, 1], np.int8), np.zeros(2, np.uint8), (SEX,))
    assert sums["sum"].shape == (0,)
    assert fit((SEX,), sums).transform(table).tolist() == [[0, 1, 0], [1, 0, 0]]
