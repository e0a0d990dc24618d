from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.binning import cells_of, rearranged, with_floor
from cipherward.data.coding import Binned, Coding, Pair
from cipherward.errors import DataError, ProtocolError
from cipherward.learning.elimination import solved
from cipherward.learning.points import Points
from cipherward.study import Column
from cipherward.tasks import points_fit as points
from cipherward.tasks.points_fit import Entries

WARD = Column(name="ward", kind="categorical", categories=("A", "B"))
SEX = Column(name="sex", kind="categorical", categories=("F", "M"))
DRUG = Column(name="drug", kind="categorical", categories=("no", "yes"))


def coding_of(n_rows: int = 400) -> Coding:
    binned = tuple(Binned(column, (0, 1, 2), (0, 1, 2)) for column in (WARD, SEX, DRUG))
    return Coding((WARD, SEX, DRUG), binned, (), n_rows, n_rows // 4)


def rows(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places float32[n, 3], the same one-hot float64[n, 9], outcomes that the first two columns decide together."""
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 3, (n, 3))
    x = (bins + np.array(coding_of().starts)).astype(np.float32)
    hot = np.zeros((n, 9))
    for term in range(3):
        hot[np.arange(n), x[:, term].astype(int)] = 1.0
    chance = np.where((bins[:, 0] == 0) ^ (bins[:, 1] == 0), 0.8, 0.2)
    return x, hot, (rng.random(n) < chance).astype(np.int64)


def cell_after_cell(chosen: Coding, pair: Pair, g: np.ndarray, h: np.ndarray) -> float:
    """The score of a pair, as the rule says it: in the order of cells."""
    n_first, n_second = (chosen.binned[k].coarse_size for k in (pair.first, pair.second))
    size = n_first + n_second + 1
    matrix, right = np.eye(size) * points._ADDITIVE_RIDGE, np.zeros(size)
    for cell in range(pair.size):
        whole = [at for at, own in enumerate(pair.cells) if own == cell]
        first, second = divmod(whole[0], n_second)
        places = [first, n_first + second] if len(whole) == 1 else [size - 1]
        for a in places:
            right[a] += g[cell]
            for b in places:
                matrix[a, b] += h[cell]
    additive = math.fsum((right * solved(matrix, right)).tolist())
    by_chance = math.fsum((h / (h + points._SHRINK)).tolist()) - (n_first + n_second - 1)
    return math.fsum((g * g / (h + points._SHRINK)).tolist()) - additive - max(by_chance, 0.0)


@given(st.integers(0, 2**32 - 1))
def test_a_pair_scores_the_same_to_the_bit_however_its_cells_are_added_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 7, 2)
    binned = tuple(
        Binned(Column(name=name, kind="categorical", categories=tuple(map(str, range(n)))), (*range(n + 1),), (*range(n + 1),))
        for name, n in zip("ab", sizes.tolist(), strict=True)
    )  # fmt: skip
    chosen = Coding(tuple(each.column for each in binned), binned, (), 400, 100)
    pair = cells_of(0, 1, rng.integers(0, 30, sizes + 1), int(rng.integers(1, 25)))
    if pair:
        g, h = rng.normal(0, 3, pair.size), rng.random(pair.size) * 10
        assert points._score(chosen, pair, g, h) == cell_after_cell(chosen, pair, g, h)


@given(st.integers(0, 2**32 - 1))
def test_counts_of_bins_that_are_put_together_are_added_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = coding_of()
    rows = rng.integers(0, 30, 9)
    try:
        after, _ = with_floor(before, rows, 12)
    except DataError:
        return
    joint = rng.integers(0, 99, (9, 9)).astype(np.float64)
    moved = np.zeros((after.n_features, 9))
    for each, start in zip(after.binned, after.starts, strict=True):
        first = before.starts[before.binned.index(Binned(each.column, (0, 1, 2), (0, 1, 2)))]
        moved[start + np.array(each.places), first + np.arange(3)] = 1.0
    assert np.array_equal(rearranged(joint, before, after), moved @ joint @ moved.T)


@given(st.integers(0, 2**32 - 1))
def test_sums_over_rows_are_those_of_the_one_hot_matrix(seed: int) -> None:
    x, hot, _ = rows(seed, 60)
    each = np.random.default_rng(seed).random(60)
    chosen, entries = coding_of(), Entries.of(coding_of().sizes)
    assert np.allclose(points.totals(chosen, x, each), hot.T @ each)
    joint = points.joint_totals(chosen, entries, x, each)
    assert len(joint) == len(entries) == 9 + 27
    assert Entries.count(chosen.sizes) == len(entries)
    assert np.allclose(entries.matrix(joint), hot.T @ (hot * each[:, None]))


def test_a_step_is_newtons() -> None:
    x, hot, y = rows(1)
    chosen, entries = coding_of(), Entries.of(coding_of().sizes)
    vector = np.linspace(-0.5, 0.5, 10).astype(np.float32)
    error, unsure = points.derivatives(Points(vector), vector, x, y)
    logits = hot @ vector[:-1].astype(float) + float(vector[-1])
    assert np.allclose(error, 1 / (1 + np.exp(-logits)) - y, atol=1e-6)
    by = points.penalty(chosen)
    whole = np.zeros((9, 9))
    by.add_to(whole)
    gradient, curvature = points.totals(chosen, x, error), points.joint_totals(chosen, entries, x, unsure)
    found, gain = points.step(vector, gradient, curvature, entries, by)
    hessian = hot.T @ (hot * unsure[:, None]) + whole
    slope = gradient + whole @ vector[:-1]
    assert np.allclose(found[:-1], vector[:-1] - np.linalg.solve(hessian, slope), atol=1e-6)
    assert found[-1] == vector[-1]
    assert gain == pytest.approx(0.5 * slope @ np.linalg.solve(hessian, slope))


def test_bending_is_what_costs_a_curve_and_nothing_is_its_neighbour_but_the_next_bin() -> None:
    age = Column(name="age", kind="numeric", minimum=0.0, maximum=64.0)
    binned = (Binned(age, (*(value // 16 for value in range(64)), 4)), Binned(WARD, (0, 1, 2)))
    by = points.penalty(Coding((age, WARD), binned, (), 100, 10))
    line, whole = np.array([1.0, 2.0, 3.0, 4.0, 9.0, 5.0, -5.0, 5.0]), np.zeros((8, 8))
    by.add_to(whole)
    assert np.allclose(by.slope(line), whole @ line)
    assert np.allclose(by.slope(line), points.BIN_RIDGE * line)
    bent = line.copy()
    bent[2] += 1.0
    assert bent @ whole @ bent > line @ whole @ line + points.BEND_RIDGE


def test_the_pair_that_decides_together_is_found_and_no_other() -> None:
    x, _, y = rows(2, 4_000)
    chosen = coding_of(4_000)
    bins = x.astype(int) - np.array(chosen.starts)
    candidates, g, h = [], [], []
    for first, second in ((0, 1), (0, 2), (1, 2)):
        counts = np.zeros((3, 3), np.int64)
        np.add.at(counts, (bins[:, first], bins[:, second]), 1)
        pair = cells_of(first, second, counts, 20)
        assert pair is not None
        cell = np.array(pair.cells)[bins[:, first] * 3 + bins[:, second]]
        candidates.append(pair)
        g.append(np.bincount(cell, weights=y.mean() - y, minlength=pair.size))
        h.append(np.bincount(cell, weights=np.full(4_000, y.mean() * (1 - y.mean())), minlength=pair.size))
    found = points.best_pairs(chosen, candidates, np.concatenate(g), np.concatenate(h), 2)
    assert found == (candidates[0],)


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_bias_is_the_log_of_the_odds(positive: int, negative: int) -> None:
    assert points.log_odds(positive, positive + negative) == pytest.approx(math.log(positive / negative), abs=1e-12)


@pytest.mark.parametrize("counts", [(0, 10), (10, 10), (0, 0), (-1, 5)])
def test_one_class_has_no_odds(counts: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError, match="one class"):
        points.log_odds(*counts)


def test_what_chance_alone_would_gain_is_taken_off_the_score_of_a_pair() -> None:
    rng = np.random.default_rng(5)
    chosen, n = coding_of(20_000), 20_000
    found = 0
    for _ in range(40):
        bins, y = rng.integers(0, 3, (n, 3)), rng.random(n) < 0.5
        counts = np.zeros((3, 3), np.int64)
        np.add.at(counts, (bins[:, 0], bins[:, 1]), 1)
        pair = cells_of(0, 1, counts, 20)
        assert pair is not None
        cell = np.array(pair.cells)[bins[:, 0] * 3 + bins[:, 1]]
        g = np.bincount(cell, weights=y.mean() - y, minlength=pair.size)
        h = np.bincount(cell, weights=np.full(n, 0.25), minlength=pair.size)
        found += bool(points.best_pairs(chosen, [pair], g.astype(np.float64), h.astype(np.float64), 1))
    # four degrees of freedom are left: chance alone exceeds their mean in two of five draws, any gain in all of them
    assert found <= 28
