"""How trees grow from opened sums: what every party recomputes."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cipherward.data.coding import Coding
from cipherward.data.forest import Forest, width_of
from cipherward.errors import ProtocolError
from cipherward.learning import trees
from cipherward.learning.trees import Splits, Sums
from cipherward.tasks.boost_settings import Settings
from cipherward.tasks.boost_state import SMALL, BoostState, Growing, model_of

_DRAWN = 0x626F6F73  # "boos": keeps these words apart from those of first models

I32 = NDArray[np.int32]
Bools = NDArray[np.bool_]


def begun(coding: Coding, settings: Settings, seed: int, stage: int) -> Growing:
    """The roots of a stage, each with columns that the study's seed draws: the same for everybody."""
    n_columns, n_trees = drawn_columns(coding, settings), settings.trees
    columns = np.empty((n_trees, n_columns), np.int32)
    for tree in range(n_trees):
        words = np.random.PCG64(np.random.SeedSequence((_DRAWN, seed, stage, tree))).random_raw(len(coding.binned))
        columns[tree] = np.sort(np.argsort(words, kind="stable")[:n_columns])
    return roots_of(columns, width_of(coding))


def drawn_columns(coding: Coding, settings: Settings) -> int:
    """How many columns a tree may ask about."""
    n = len(coding.binned)
    return min(max(round(settings.colsample * n), 2), n)


def roots_of(columns: I32, width: int) -> Growing:
    """Trees that are roots, of which nothing is known."""
    n = len(columns)
    none, places = np.full(n, -1, np.int32), np.arange(n, dtype=np.int32)
    zeros, rows = np.zeros(n), np.zeros(n, np.int64)
    return Growing(
        columns, places, none, none, none, np.zeros((n, width), np.bool_), zeros, zeros, rows, 0, places, places
    )


def cells(coding: Coding, growing: Growing, nodes: I32) -> Bools:
    """Which entries of these nodes' sums are bins of their columns, bool[n_nodes, n_columns, width]."""
    sizes = np.array(coding.sizes[: len(coding.binned)])[growing.columns]
    there: Bools = np.arange(width_of(coding)) < sizes[:, :, None]
    return there[growing.tree[nodes]]


def most_rows(state: BoostState, nodes: I32) -> NDArray[np.int64]:
    """How many rows an entry of these nodes' sums can be of, at most, as is known before they are asked: int64[n_nodes, n_columns, width]."""
    coding, growing = state.coding, state.grown
    of_bin = np.ones((len(coding.binned), width_of(coding)), np.int64)
    for at, (start, size) in enumerate(coding.terms):
        of_bin[at, :size] = state.rows[start : start + size]
    in_bin = of_bin[growing.columns[growing.tree[nodes]]]
    own = growing.rows[nodes] if growing.level else np.full(len(nodes), coding.n_rows)
    most: NDArray[np.int64] = np.maximum(np.minimum(in_bin, own[:, None, None]), 1)
    return most


def grown(state: BoostState, asked: Sums, settings: Settings) -> BoostState:
    """The state after the sums of the asked nodes are known: one level deeper, or with a finished stage.

    Raises:
        ProtocolError: sums that no rows give.
    """
    coding, growing = state.coding, state.grown
    of_columns = asked.rows.sum(axis=2)
    if (of_columns != of_columns[:, :1]).any():
        raise ProtocolError("the opened counts of a tree's rows contradict each other: a hospital has sent false ones")
    if not growing.level:
        growing = _with_roots(growing, asked)
        found: Sums | None = asked
    else:
        found = _both(growing, asked)
    if found is None:  # other hospitals, or other rows, than those by whose sums the trees have grown so far
        return finished(dataclasses.replace(state, cut_short=state.cut_short + 1), growing, settings)
    state = dataclasses.replace(state, cells=_tally(state.cells, found.rows[cells(coding, growing, growing.open)]))
    state, growing = _split(state, growing, found, settings)
    if not len(growing.asked):
        return finished(state, growing, settings)
    return dataclasses.replace(state, growing=growing)


def finished(state: BoostState, growing: Growing, settings: Settings) -> BoostState:
    """The state with the trees of a stage added to the model; no stage is growing."""
    order = np.argsort(growing.tree, kind="stable").astype(np.int32)  # a node comes after its parent, as before
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    left, right = (
        np.where(child < 0, -1, place[child])[order].astype(np.int32) for child in (growing.left, growing.right)
    )
    feature = growing.feature[order]
    forest = state.forest.grown(place[: growing.n_trees], feature, left, right, growing.goes_left[order])
    leaves = order[feature < 0]
    values = trees.leaf_values(
        growing.gradient[leaves], growing.curvature[leaves], settings.learning_rate / growing.n_trees
    )
    weights = state.model.weights
    model = model_of(np.concatenate([weights[:-1], values]), float(weights[-1]), forest)
    return dataclasses.replace(state, model=model, stages=state.stages + 1, growing=None)


def has_splits(forest: Forest, since: int) -> bool:
    """Whether any tree from this one on asks about a column."""
    return since < forest.n_trees and bool((forest.feature[forest.roots[since] :] >= 0).any())


def _with_roots(growing: Growing, found: Sums) -> Growing:
    """What all rows of each tree add up to, in the bins of its first column, one after the other."""
    gradient, curvature = (np.cumsum(each[:, 0], axis=1)[:, -1] for each in (found.gradient, found.curvature))
    return dataclasses.replace(growing, gradient=gradient, curvature=curvature, rows=found.rows[:, 0].sum(axis=1))


def _both(growing: Growing, asked: Sums) -> Sums | None:
    """The sums of the open nodes, every two of one parent, from those of one of them; None: they are not of the parent's rows."""
    if growing.parents is None or (asked.rows[:, 0].sum(axis=1) != growing.rows[growing.asked]).any():
        return None
    rest = growing.parents.less(asked)
    if not rest.are_of_rows():
        return None
    is_asked = growing.open == np.repeat(growing.asked, 2)
    shape = (len(growing.open), *asked.rows.shape[1:])
    gradient, curvature, rows = np.empty(shape), np.empty(shape), np.empty(shape, np.int64)
    for whole, one, other in (
        (gradient, asked.gradient, rest.gradient),
        (curvature, asked.curvature, rest.curvature),
        (rows, asked.rows, rest.rows),
    ):
        whole[is_asked] = one
        whole[~is_asked] = other
    return Sums(gradient, curvature, rows)


def _split(state: BoostState, growing: Growing, found: Sums, settings: Settings) -> tuple[BoostState, Growing]:
    """Every open node that gains most by it split in two, as far as its tree may have more leaves."""
    coding, floor = state.coding, settings.leaf_floor(state.coding.n_rows)
    best = _best(coding, growing, found, floor)
    chosen = _chosen(growing, best.gain, settings.max_leaves)
    nodes, n = growing.open[chosen], len(growing.tree)
    asks = growing.columns[growing.tree[nodes], best.column[chosen]]
    gain, splits = state.gain.copy(), state.splits.copy()
    for column, gained in zip(asks.tolist(), best.gain[chosen].tolist(), strict=True):
        gain[column] += gained
        splits[column] += 1
    state = dataclasses.replace(state, gain=gain, splits=splits)

    feature, left, right, goes_left = (
        each.copy() for each in (growing.feature, growing.left, growing.right, growing.goes_left)
    )
    first = (n + 2 * np.arange(len(nodes))).astype(np.int32)
    feature[nodes], left[nodes], right[nodes], goes_left[nodes] = asks, first, first + 1, best.goes_left[chosen]
    none = np.full(2 * len(nodes), -1, np.int32)
    of_children = [_pairs(one[chosen], other[chosen]) for one, other in zip(best.left, best.right, strict=True)]
    rows = np.concatenate([growing.rows, of_children[2]])
    level = growing.level + 1
    # What has no room for two leaves is one.
    roomy = np.maximum(rows[first], rows[first + 1]) >= 2 * floor if level < settings.max_depth else first < 0
    pairs, parents = first[roomy], found[chosen[roomy]]
    smaller = np.where(rows[pairs + 1] < rows[pairs], pairs + 1, pairs).astype(np.int32)
    return state, Growing(
        columns=growing.columns,
        tree=np.concatenate([growing.tree, np.repeat(growing.tree[nodes], 2)]),
        feature=np.concatenate([feature, none]),
        left=np.concatenate([left, none]),
        right=np.concatenate([right, none]),
        goes_left=np.concatenate([goes_left, np.zeros((len(none), goes_left.shape[1]), np.bool_)]),
        gradient=np.concatenate([growing.gradient, of_children[0]]),
        curvature=np.concatenate([growing.curvature, of_children[1]]),
        rows=rows,
        level=level,
        open=_pairs(pairs, pairs + 1).astype(np.int32),
        asked=smaller,
        parents=parents,
    )


def _best(coding: Coding, growing: Growing, found: Sums, floor: int) -> Splits:
    numeric = np.array([each.column.kind == "numeric" for each in coding.binned])
    # The last value is "no value"; it has a bin of its own where no other value is in it.
    missing = np.array(
        [each.places[-1] if each.places.count(each.places[-1]) == 1 else -1 for each in coding.binned], np.int32
    )
    sizes = np.array(coding.sizes[: len(coding.binned)], np.int32)
    of_node = growing.columns[growing.tree[growing.open]]
    return trees.best_splits(found, sizes[of_node], numeric[of_node], missing[of_node], floor)


def _chosen(growing: Growing, gain: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Places of the open nodes to split, ascending: in each tree those of the largest gain, of equal ones the first."""
    leaves = np.bincount(growing.tree[growing.feature < 0], minlength=growing.n_trees)
    found = []
    for place in np.argsort(-gain, kind="stable").tolist():
        tree = growing.tree[growing.open[place]]
        if gain[place] > 0.0 and leaves[tree] < most:
            leaves[tree] += 1
            found.append(place)
    return np.array(sorted(found), np.int64)


def _pairs(one: NDArray[np.generic], other: NDArray[np.generic]) -> NDArray[np.generic]:
    """First of one, first of the other, second of one, ..."""
    return np.stack([one, other], axis=1).reshape(-1)


def _tally(before: tuple[int, ...], rows: NDArray[np.int64]) -> tuple[int, ...]:
    small = [int(((rows > 0) & (rows <= most)).sum()) for most in SMALL]
    return tuple(a + b for a, b in zip(before, (len(rows), *small), strict=True))
