from __future__ import annotations

import itertools

import numpy as np
import pytest

from cipherward.learning import trees
from cipherward.learning.trees import Sums


def some_sums(seed: int, *, width: int = 6) -> tuple[Sums, np.ndarray]:
    """Two nodes with two columns, all of the same rows, as sums over rows are."""
    rng = np.random.default_rng(seed)
    sizes = np.array([[width, width - 2]] * 2, np.int32)
    shape = (2, 2, width)
    gradient, curvature, rows = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    for node in range(2):
        error, unsure = rng.normal(size=400), rng.uniform(0.05, 0.25, size=400)
        for column in range(2):
            own = rng.integers(0, sizes[node, column], size=400)
            gradient[node, column] = np.bincount(own, error, minlength=width)
            curvature[node, column] = np.bincount(own, unsure, minlength=width)
            rows[node, column] = np.bincount(own, minlength=width)
    return Sums(gradient, curvature, rows), sizes


def gain_of(sums: Sums, node: int, column: int, left: list[int], extra: float) -> float:
    g, h = sums.gradient[node, column], sums.curvature[node, column]
    gl, hl, whole_g, whole_h = g[left].sum(), h[left].sum(), g.sum(), h.sum()
    ridge = trees.RIDGE + extra
    parts = gl**2 / (hl + ridge) + (whole_g - gl) ** 2 / (whole_h - hl + ridge)
    return float(parts - whole_g**2 / (whole_h + trees.RIDGE))


def searched(sums: Sums, sizes: np.ndarray, *, numeric: bool, missing: int = -1, least: int = 20) -> trees.Splits:
    kinds = np.full(sizes.shape, numeric)
    return trees.best_splits(sums, sizes, kinds, np.full(sizes.shape, missing, np.int32), least)


@pytest.mark.parametrize("seed", range(20))
def test_a_numeric_split_is_the_best_of_all_cuts(seed: int) -> None:
    sums, sizes = some_sums(seed)
    found = searched(sums, sizes, numeric=True)
    for node in range(2):
        every = [
            (gain_of(sums, node, column, list(range(cut)), 0.0), -column, -cut)
            for column in range(2)
            for cut in range(1, sizes[node, column])
            if 20 <= sums.rows[node, column, :cut].sum() <= 380
        ]
        gain, column, cut = max(every)
        assert found.gain[node] == pytest.approx(max(gain, 0.0), abs=1e-9)
        if gain > 0.0:
            assert found.column[node] == -column
            assert found.goes_left[node].tolist() == [own < -cut for own in range(6)]


@pytest.mark.parametrize("seed", range(20))
def test_categories_in_the_order_of_their_means_give_the_best_of_all_subsets_when_they_are_equally_sure(
    seed: int,
) -> None:
    sums, sizes = some_sums(seed)
    same = Sums(sums.gradient, np.where(sums.curvature > 0.0, 8.0, 0.0), np.where(sums.rows > 0, 50, 0))
    found = searched(same, sizes, numeric=False, least=1)
    for node in range(2):
        every = [
            gain_of(same, node, column, list(left), trees.CATEGORY_RIDGE)
            for column in range(2)
            for n in range(1, sizes[node, column])
            for left in itertools.combinations(range(sizes[node, column]), n)
        ]
        assert found.gain[node] == pytest.approx(max(*every, 0.0), abs=1e-9)


def test_missing_values_go_to_the_side_that_gains_more() -> None:
    # the last bin is "no value"; its rows are like those of the first
    gradient = np.array([[[-30.0, 10.0, 12.0, -28.0]]])
    sums = Sums(gradient, np.full((1, 1, 4), 10.0), np.full((1, 1, 4), 100, np.int64))
    sizes = np.array([[4]], np.int32)
    both = searched(sums, sizes, numeric=True, missing=3)
    one = searched(sums, sizes, numeric=True)
    assert both.goes_left[0].tolist() == [True, False, False, True]
    assert both.gain[0] > one.gain[0]


def test_no_child_has_fewer_rows_than_the_floor() -> None:
    sums, sizes = some_sums(1)
    for least in (1, 60, 150, 201):
        found = searched(sums, sizes, numeric=True, least=least)
        for node in np.flatnonzero(found.gain > 0.0):
            assert min(found.left[2][node], found.right[2][node]) >= least
            assert found.left[2][node] + found.right[2][node] == 400
    assert not found.gain.any()


def test_a_rare_category_is_no_reason_to_split() -> None:
    rows = np.array([[[9, 200, 200]]])
    sums = Sums(np.array([[[-9.0, 1.0, 1.0]]]), rows * 0.2, rows)
    found = searched(sums, np.array([[3]], np.int32), numeric=False, least=1)
    assert not found.goes_left[0, 0]


def test_histograms_are_sums_over_the_rows_that_reach_a_node() -> None:
    rng = np.random.default_rng(5)
    bins = rng.integers(0, 4, size=(300, 3)).astype(np.uint16)
    error, unsure = rng.normal(size=300), rng.uniform(size=300)
    # one tree: the root asks about column 1, bins 0 and 1 go left
    feature, left, right = (np.array(each, np.int32) for each in ([1, -1, -1], [1, -1, -1], [2, -1, -1]))
    goes_left = np.zeros((3, 4), np.bool_)
    goes_left[0, :2] = True
    drawn = np.flatnonzero(rng.random(300) < 0.6)
    slots, columns = np.array([-1, -1, 0], np.int32), np.array([[0, 2]], np.int32)
    nodes = np.zeros(1, np.int32), feature, left, right, goes_left
    found = trees.histograms(bins, error, unsure, [drawn], nodes, slots, columns, 1)
    there = drawn[bins[drawn, 1] >= 2]
    for place, column in enumerate((0, 2)):
        assert np.allclose(found.gradient[0, place], np.bincount(bins[there, column], error[there], minlength=4))
        assert np.allclose(found.curvature[0, place], np.bincount(bins[there, column], unsure[there], minlength=4))
        assert found.rows[0, place].tolist() == np.bincount(bins[there, column], minlength=4).tolist()
