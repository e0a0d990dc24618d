"""No exact count by outcome is of few rows of a hospital, nor is what is left beside it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.study import Column
from cipherward.tasks import cells


@given(st.lists(st.integers(-1, 4), max_size=80), st.integers(0, 12))
@settings(max_examples=300)
def test_no_category_is_of_few_rows(found: list[int], least: int) -> None:
    before = np.array(found, dtype=np.int64)
    after = cells.codes(before, 4, least)
    counts = np.bincount(after + 1, minlength=6)
    small = (counts > 0) & (counts < least)
    assert not small.any() or (len(found) < least and set(after) == {4})
    changed = before != after
    assert set(after[changed]) <= {4}
    if least == 0:
        assert not changed.any()


@given(st.lists(st.floats(0.0, 1.0) | st.just(float("nan")), max_size=80), st.integers(0, 12))
@settings(max_examples=300)
def test_no_bin_and_no_missing_value_is_of_few_rows(found: list[float], least: int) -> None:
    before = np.array(found, dtype=np.float64)
    after = cells.values(before, least)
    there = ~np.isnan(after)
    gone = len(found) - int(there.sum())
    assert gone == 0 or gone >= least or gone == len(found)
    assert np.array_equal(after[there], before[there])
    grouped = cells.grouped(after, least)
    assert np.array_equal(np.isnan(grouped), ~there)
    _, counts = np.unique(grouped[there], return_counts=True)
    assert not len(counts) or counts.min() >= min(least, int(there.sum()))


def test_few_rows_of_a_category_take_some_of_the_largest_along() -> None:
    after = cells.codes(np.repeat([0, 1], [95, 5]), 2, 10)
    assert np.bincount(after).tolist() == [90, 0, 10]


def test_a_category_of_just_enough_rows_stays_as_it_is() -> None:
    found = np.repeat([0, 1, 2], [80, 10, 10])
    assert cells.codes(found, 2, 10).tolist() == found.tolist()


def test_few_missing_values_are_joined_by_those_nearest_the_median() -> None:
    after = cells.values(np.array([*range(40), np.nan], dtype=np.float64), 10)
    assert np.flatnonzero(np.isnan(after)).tolist() == [*range(15, 24), 40]


@pytest.mark.parametrize("least", [0, 1])
def test_nothing_changes_where_nothing_is_asked(least: int) -> None:
    values = np.array([0.5, np.nan, 0.1])
    assert np.array_equal(cells.grouped(cells.values(values, least), least), values, equal_nan=True)


@given(st.lists(st.floats(-9.0, 9.0) | st.none(), min_size=1, max_size=60), st.integers(2, 12))
@settings(max_examples=200)
def test_wherever_an_edge_is_drawn_whole_groups_are_on_its_sides(found: list[float | None], least: int) -> None:
    column = Column(name="age", kind="numeric", minimum=-8.0, maximum=8.0)
    there = cells.table(pl.DataFrame({"age": pl.Series(found, dtype=pl.Float64)}), [column], least)["age"].drop_nulls()
    counts = there.value_counts()["count"].to_numpy()
    assert not len(counts) or counts.min() >= min(least, len(there))
    assert len(there) in (0, len(found)) or len(found) - len(there) >= least
    assert there.is_between(-8.0, 8.0).all()


def test_rows_of_a_small_category_have_none() -> None:
    column = Column(name="ward", kind="categorical", categories=("A", "B"))
    before = pl.DataFrame({"ward": ["A"] * 30 + ["B"] * 4})
    after = cells.table(before, [column], 10)["ward"]
    assert (after.null_count(), (after == "A").sum(), (after == "B").sum()) == (10, 24, 0)
    assert cells.table(before, [column], 0) is before
