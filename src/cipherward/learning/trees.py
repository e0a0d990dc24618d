"""Gradient-boosted trees from histograms (Friedman 2001; Chen and Guestrin, KDD 2016, section 2.2): what a hospital adds up,
and the rule by which sums become splits.

The rule is for every party to repeat: + - * / on float64 in one fixed order, nothing fused or reordered, so that the same sums give the same
bits on every machine. What a hospital computes from its own rows is an input of the sums and need not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, In3, Out1, Out2, Out3, inlined, kernel

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

RIDGE = 10.0
"""lambda: added to every sum of second derivatives."""
CATEGORY_RIDGE = 10.0
"""The same beside it, where categories were put in order by the outcome."""
CATEGORY_ROWS = 10
"""A category with fewer rows in a node stays right."""
LEAST_CURVATURE = 1.0
"""Second derivatives of a child, at least."""


@dataclass(frozen=True)
class Sums:
    """Over the rows of some nodes, by bin: first and second derivatives of the loss float64[n_nodes, n_columns, width], and how many rows
    int64 of the same shape. What is beyond a column's bins is zero."""

    gradient: F64 = field(repr=False)
    curvature: F64 = field(repr=False)
    rows: I64 = field(repr=False)

    def __getitem__(self, nodes: NDArray[np.integer] | slice) -> Sums:
        return Sums(self.gradient[nodes], self.curvature[nodes], self.rows[nodes])

    def less(self, part: Sums) -> Sums:
        """What is left of them without a part."""
        return Sums(self.gradient - part.gradient, self.curvature - part.curvature, self.rows - part.rows)

    def are_of_rows(self) -> bool:
        """Whether there can be rows with these sums, each with derivatives of -1 to 1, and of 0 to 1/4."""
        within = (np.abs(self.gradient) <= self.rows) & (self.curvature >= 0.0) & (4.0 * self.curvature <= self.rows)
        return bool(within.all())


@dataclass(frozen=True)
class Splits:
    """The best split of each node: its gain (0: there is none), which of the node's columns it asks about, which bins go left
    bool[n_nodes, width], and of the rows that go left and right: derivatives and number."""

    gain: F64
    column: I32
    goes_left: Bools = field(repr=False)
    left: tuple[F64, F64, I64] = field(repr=False)
    right: tuple[F64, F64, I64] = field(repr=False)


def histograms(
    bins: NDArray[np.uint16],
    error: F64,
    unsure: F64,
    drawn: list[I64],
    nodes: tuple[I32, I32, I32, I32, Bools],
    slots: I32,
    columns: I32,
    n_slots: int,
) -> Sums:
    """A hospital's sums for the nodes that have a slot, float64[n_slots, n_columns, width].

    Args:
        bins: uint16[n_rows, n_binned].
        error, unsure: float64[n_rows], first and second derivative of each row's loss.
        drawn: for each tree the rows that it sees, int64.
        nodes: of the trees that are growing: roots int32[n_trees]; feature, left, right int32[n_nodes]; goes_left bool[n_nodes, width].
        slots: int32[n_nodes]; -1: not asked for.
        columns: int32[n_trees, n_columns], those that each tree may ask about.
    """
    width = nodes[4].shape[1]
    shape = (n_slots, columns.shape[1], width)
    gradient, curvature, rows = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in drawn])]).astype(np.int64)
    every = np.concatenate([np.zeros(0, np.int64), *drawn])
    _add(bins, error, unsure, every, starts, *nodes, slots, columns, gradient, curvature, rows)
    return Sums(gradient, curvature, rows)


def best_splits(sums: Sums, sizes: I32, is_numeric: Bools, missing: I32, least_rows: int) -> Splits:
    """By the public rule: the split with the largest gain GL^2 / (HL + lambda) + GR^2 / (HR + lambda) - G^2 / (H + lambda), of equal
    ones the first. A numeric column is cut between two bins, with its missing values on either side; categories are put in order
    by G / (H + lambda) first.

    Args:
        sizes: int32[n_nodes, n_columns], bins of each column; is_numeric: bool of the same shape; missing: int32, the bin that
            holds missing values and nothing else, -1: there is none.
        least_rows: in either child.
    """
    n, _, width = sums.gradient.shape
    gain, column = np.zeros(n), np.zeros(n, np.int32)
    goes_left = np.zeros((n, width), np.bool_)
    derivatives, rows = np.zeros((n, 2, 2)), np.zeros((n, 2), np.int64)
    _search(
        sums.gradient,
        sums.curvature,
        sums.rows,
        sizes,
        is_numeric,
        missing,
        least_rows,
        np.empty(width, np.int64),
        np.empty(width),
        np.empty(2),
        np.empty(5),
        gain,
        column,
        goes_left,
        derivatives,
        rows,
    )
    left, right = ((derivatives[:, side, 0], derivatives[:, side, 1], rows[:, side]) for side in (0, 1))
    return Splits(gain, column, goes_left, left, right)


def leaf_values(gradient: F64, curvature: F64, rate: float) -> NDArray[np.float32]:
    """What the leaves add to the score, float32[n]: a Newton step with the ridge, times the learning rate."""
    return (-rate * gradient / (curvature + RIDGE)).astype(np.float32)


@kernel
def _add(
    bins: In2[np.uint16],
    error: In1[np.float64],
    unsure: In1[np.float64],
    every: In1[np.int64],
    starts: In1[np.int64],
    roots: In1[np.int32],
    feature: In1[np.int32],
    left: In1[np.int32],
    right: In1[np.int32],
    goes_left: In2[np.bool_],
    slots: In1[np.int32],
    columns: In2[np.int32],
    gradient: Out3[np.float64],
    curvature: Out3[np.float64],
    rows: Out3[np.int64],
) -> None:
    for tree in range(roots.size):
        for place in range(starts[tree], starts[tree + 1]):
            row = every[place]
            node = roots[tree]
            while feature[node] >= 0:
                node = left[node] if goes_left[node, bins[row, feature[node]]] else right[node]
            slot = slots[node]
            if slot < 0:
                continue
            for column in range(columns.shape[1]):
                own = bins[row, columns[tree, column]]
                gradient[slot, column, own] += error[row]
                curvature[slot, column, own] += unsure[row]
                rows[slot, column, own] += 1


@inlined
def _scan(
    g: F64,
    h: F64,
    n: I64,
    order: I64,
    count: int,
    totals: F64,
    n_total: int,
    ridge: float,
    least_rows: int,
    found: F64,
) -> int:
    """The best cut of bins in this order, as how many of the first go left, where it gains more than found[0]; else 0."""
    gl, hl, nl, best = 0.0, 0.0, 0, 0
    whole = totals[0] * totals[0] / (totals[1] + RIDGE)
    for cut in range(1, count + 1):
        own = order[cut - 1]
        gl += g[own]
        hl += h[own]
        nl += n[own]
        gr, hr, nr = totals[0] - gl, totals[1] - hl, n_total - nl
        if nr < least_rows or hr < LEAST_CURVATURE:
            break
        if nl < least_rows or hl < LEAST_CURVATURE:
            continue
        gain = gl * gl / (hl + ridge) + gr * gr / (hr + ridge) - whole
        if gain > found[0]:
            found[0], found[1], found[2], found[3], found[4] = gain, gl, hl, gr, hr
            best = cut
    return best


@kernel
def _search(
    gradient: In3[np.float64],
    curvature: In3[np.float64],
    rows: In3[np.int64],
    sizes: In2[np.int32],
    is_numeric: In2[np.bool_],
    missing: In2[np.int32],
    least_rows: int,
    order: Out1[np.int64],
    ratio: Out1[np.float64],
    totals: Out1[np.float64],
    found: Out1[np.float64],
    gains: Out1[np.float64],
    chosen: Out1[np.int32],
    goes_left: Out2[np.bool_],
    derivatives: Out3[np.float64],
    of_rows: Out2[np.int64],
) -> None:
    for node in range(gradient.shape[0]):
        found[0] = 0.0
        for column in range(gradient.shape[1]):
            g, h, n = gradient[node, column], curvature[node, column], rows[node, column]
            size = sizes[node, column]
            totals[0] = totals[1] = 0.0
            n_total = 0
            for own in range(size):
                totals[0] += g[own]
                totals[1] += h[own]
                n_total += n[own]
            ways = 2 if is_numeric[node, column] and missing[node, column] >= 0 else 1
            for way in range(ways):
                count = 0
                if is_numeric[node, column]:
                    if way == 1:
                        order[0] = missing[node, column]
                        count = 1
                    for own in range(size):
                        if way == 0 or own != missing[node, column]:
                            order[count] = own
                            count += 1
                    ridge = RIDGE
                else:
                    ridge = RIDGE + CATEGORY_RIDGE
                    for own in range(size):
                        if n[own] >= CATEGORY_ROWS:
                            ratio[own] = g[own] / (h[own] + RIDGE)
                            place = count
                            while place > 0 and ratio[order[place - 1]] > ratio[own]:
                                order[place] = order[place - 1]
                                place -= 1
                            order[place] = own
                            count += 1
                best = _scan(g, h, n, order, count, totals, n_total, ridge, least_rows, found)
                if best > 0:
                    gains[node] = found[0]
                    chosen[node] = column
                    goes_left[node, :] = False
                    nl = 0
                    for k in range(best):
                        goes_left[node, order[k]] = True
                        nl += n[order[k]]
                    derivatives[node, 0, 0], derivatives[node, 0, 1] = found[1], found[2]
                    derivatives[node, 1, 0], derivatives[node, 1, 1] = found[3], found[4]
                    of_rows[node, 0], of_rows[node, 1] = nl, n_total - nl
