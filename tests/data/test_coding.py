from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data import binning, coding, inputs
from cipherward.data.coding import Binned, Coding, Pair
from cipherward.errors import DataError
from cipherward.study import Column

AGE = Column(name="age", kind="numeric", minimum=0.0, maximum=64.0, unit="years")
STAYS = Column(name="stays", kind="numeric", minimum=0.0, maximum=30.0, transform="log1p")
WARD = Column(name="ward", kind="categorical", categories=("A", "B", "C", "D"))

columns = st.sampled_from([AGE, STAYS, WARD])
counts = st.integers(0, 400)


@st.composite
def counted(draw: st.DrawFn) -> tuple[Column, np.ndarray]:
    column = draw(columns)
    n = coding.n_values(column)
    return column, np.array(draw(st.lists(counts, min_size=n, max_size=n)), dtype=np.int64)


def sizes(each: Binned, of_value: np.ndarray) -> np.ndarray:
    return np.bincount(each.places, weights=of_value, minlength=each.size).astype(np.int64)


@given(counted(), st.integers(2, 40), st.integers(1, 2_000))
def test_every_bin_has_the_floor_and_so_has_what_is_left_beside_it(
    given_counts: tuple[Column, np.ndarray], most: int, floor: int
) -> None:
    column, of_value = given_counts
    found = binning.bins_of(column, of_value, most, floor)
    if found is None:
        return
    rows = sizes(found, of_value)
    assert len(rows) >= 2
    assert rows.min() >= floor
    assert (rows.sum() - rows).min() >= floor
    if column.kind == "numeric":
        assert len(rows) <= most + 1
        bins_in_order = list(found.places[:-1])
        assert bins_in_order == sorted(bins_in_order)


@given(counted(), counted(), st.integers(1, 500))
def test_bins_from_noisy_counts_are_put_together_until_the_exact_ones_have_the_floor(
    noisy: tuple[Column, np.ndarray], other: tuple[Column, np.ndarray], floor: int
) -> None:
    column, of_value = noisy
    found = binning.bins_of(column, of_value, 16, floor)
    if found is None:
        return
    exact = np.resize(other[1], len(of_value))
    rows = sizes(found, exact)
    whole = binning.merged(found, rows, floor)
    if whole is None:
        return
    assert sizes(whole, exact).min() >= floor
    # no bin before is parted
    assert all(
        len({whole.places[v] for v in range(len(exact)) if found.places[v] == k}) == 1 for k in range(found.size)
    )


@given(counted(), st.integers(1, 300), st.integers(1, 4))
def test_wide_bins_are_whole_bins_and_have_their_floor_where_there_are_two(
    given_counts: tuple[Column, np.ndarray], floor: int, times: int
) -> None:
    column, of_value = given_counts
    found = binning.bins_of(column, of_value, 16, floor)
    if found is None:
        return
    rows = sizes(found, of_value)
    wide = binning.widened(found, rows, 5, floor * times)
    of_wide = np.bincount(wide.coarse, weights=rows)
    assert wide.places == found.places
    assert set(wide.coarse) == set(range(wide.coarse_size))
    assert wide.coarse_size == 1 or of_wide.min() >= floor * times


@given(st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=2, max_size=4), st.integers(1, 100))
def test_every_cell_of_a_pair_has_the_floor_and_so_has_what_is_left_beside_it(
    table: list[list[int]], floor: int
) -> None:
    rows = np.array(table, dtype=np.int64)
    pair = binning.cells_of(0, 1, rows, floor)
    if pair is None:
        return
    of_cells = np.bincount(pair.cells, weights=rows.reshape(-1), minlength=pair.size)
    assert pair.size >= 2
    assert of_cells.min() >= floor
    assert (of_cells.sum() - of_cells).min() >= floor


def small_coding() -> Coding:
    age = Binned(AGE, tuple([0] * 32 + [1] * 32 + [2]), (0, 1, 1))
    ward = Binned(WARD, (0, 1, 1, 1, 0), (0, 1))
    return Coding((AGE, WARD), (age, ward), (Pair(0, 1, (0, 1, 1, 0)),), 100, 10)


def test_a_row_has_one_place_in_every_term() -> None:
    table = pl.DataFrame({"age": [3.0, 40.0, None, 99.0], "ward": ["A", "D", None, "unheard of"]})
    found = small_coding().transform(table)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 3, 5], [1, 4, 5], [2, 3, 6], [1, 3, 6]]


def test_bins_are_named_in_the_columns_own_unit() -> None:
    found = small_coding()
    assert found.binned[0].names == ("0 to 32", "32 to 64", "no value")
    assert found.binned[1].names == ("A, no value", "B, C, D")
    assert found.cell_names(found.pairs[0]) == (
        "0 to 32 and A, no value; or 32 to 64, no value and B, C, D",
        "0 to 32 and B, C, D; or 32 to 64, no value and A, no value",
    )


def test_what_is_written_comes_back_and_nothing_else_is_read() -> None:
    found = small_coding()
    assert inputs.from_json(found.to_json()) == found
    text = found.to_json()
    damaged = [
        text.replace('"n_rows":100', '"n_rows":"x"'),
        text.replace("[0,1,[0,1,1,0]]", "[0,1,[0,1,1]]"),
        text.replace("[0,1,[0,1,1,0]]", "[1,0,[0,1,1,0]]"),
        text.replace('["ward",[0,1,1,1,0]', '["ward",[0,2,1,1,0]'),
        text.replace('["ward",[0,1,1,1,0]', '["ward",[0,1,1,1]'),
        text.replace('["ward"', '["bed"'),
        text.replace('"pairs"', '"twins"'),
        text[:-2],
    ]
    for one in damaged:
        assert one != text
        with pytest.raises(DataError, match="bins"):
            inputs.from_json(one)


@given(st.integers(0, 2**32 - 1))
def test_counts_by_pairs_of_bins_follow_bins_that_are_put_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    age = Binned(AGE, tuple(np.sort(rng.integers(0, 4, 65)).tolist()))
    before = Coding(
        (AGE, WARD),
        (Binned(AGE, tuple(np.unique(age.places, return_inverse=True)[1].tolist())), Binned(WARD, (0, 1, 2, 3, 4))),
        (),
        0,
        0,
    )
    after = Coding((AGE, WARD), (Binned(WARD, (0, 0, 1, 1, 1)),), (), 0, 0)
    ages, wards = rng.integers(0, before.binned[0].size, 50), rng.integers(0, 5, 50)
    hot = np.zeros((50, before.n_features))
    hot[np.arange(50), ages] = hot[np.arange(50), before.starts[1] + wards] = 1.0
    of_after = np.bincount(np.array(after.binned[0].places)[wards], minlength=2)
    found = binning.rearranged(hot.T @ hot, before, after)
    assert np.diagonal(found).tolist() == of_after.tolist()
