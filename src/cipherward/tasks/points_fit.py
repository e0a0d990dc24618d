"""A table of points: logistic regression on bins of columns and cells of pairs of columns (a generalised additive model with
pairwise interactions; Lou, Caruana, Gehrke, Hooker, KDD 2013), fitted by Newton steps.

The sums that a step needs are one number per bin and one per two bins. The rules that follow from them are + - * / in a
fixed order and exactly rounded sums: no BLAS, the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.data.coding import Coding, Pair
from cipherward.errors import ProtocolError
from cipherward.learning import linear
from cipherward.learning.elimination import solved
from cipherward.learning.points import Points

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

BIN_RIDGE, BEND_RIDGE, CELL_RIDGE = 1.0, 1_000.0, 100.0
"""Penalties in rows; see `penalty`."""

_SHRINK = 20.0
_ADDITIVE_RIDGE = 5.0
_LARGE = 2.0**14
_LONGEST_STEP = 10.0
_LN2 = 0.6931471805599453


@dataclass(frozen=True)
class Entries:
    """Which entries of the matrix of second derivatives can differ from zero: `there` bool[p, p], of the upper triangle. They
    are listed row after row.

    A row is in one bin of a term, so two bins of one term share no rows.
    """

    there: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(cls, sizes: Sequence[int]) -> Entries:
        """Of terms with so many bins."""
        term = np.repeat(np.arange(len(sizes)), sizes)
        there = np.less.outer(term, term)
        np.fill_diagonal(there, True)
        return cls(there)

    @staticmethod
    def count(sizes: Sequence[int]) -> int:
        """How many `of` gives."""
        size = sum(sizes)
        return size + (size * size - sum(each * each for each in sizes)) // 2

    def __len__(self) -> int:
        return int(np.count_nonzero(self.there))

    def matrix(self, values: F64) -> F64:
        """The whole symmetric matrix float64[p, p]."""
        found = np.zeros(self.there.shape)
        found[self.there] = values
        found.T[self.there] = values
        return found


def totals(coding: Coding, x: F32, each: F64) -> F64:
    """For every bin and cell the sum of `each` float64[n] over its rows, float64[p]."""
    found = np.zeros(coding.n_features)
    for term, (start, own) in enumerate(coding.terms):
        places = x[:, term].astype(np.intp) - start
        found[start : start + own] = np.bincount(places, weights=each, minlength=own)
    return found


def joint_totals(coding: Coding, entries: Entries, x: F32, each: F64) -> F64:
    """For every two bins or cells the sum of `each` float64[n] over the rows in both, float64[n_entries]."""
    found = np.zeros(entries.there.shape)
    places = [x[:, term].astype(np.intp) - start for term, start in enumerate(coding.starts)]
    for a, (start, size) in enumerate(zip(coding.starts, coding.sizes, strict=True)):
        own = np.bincount(places[a], weights=each, minlength=size)
        found[np.arange(start, start + size), np.arange(start, start + size)] = own
        for b in range(a + 1, len(coding.sizes)):
            width = coding.sizes[b]
            both = np.bincount(places[a] * width + places[b], weights=each, minlength=size * width)
            found[start : start + size, coding.starts[b] : coding.starts[b] + width] = both.reshape(size, width)
    return found[entries.there]


def derivatives(module: Points, vector: F32, x: F32, labels: NDArray[np.integer]) -> tuple[F64, F64]:
    """Each row's predicted chance less its outcome, and its chance times the rest to 1; float64[n] both."""
    chance = linear.sigmoid(module.logits(vector, x))
    return chance - labels, chance * (1.0 - chance)


@dataclass(frozen=True)
class Penalty:
    """On the squares of points, `own` float64[p], and of how much the points of three neighbouring bins bend, `bend`
    float64[p], by the middle one."""

    own: F64 = field(repr=False)
    bend: F64 = field(repr=False)

    def slope(self, points: F64) -> F64:
        """Half the gradient of the penalty, float64[p]."""
        found = self.own * points
        pulled = self.bend[1:-1] * (points[:-2] - 2.0 * points[1:-1] + points[2:])
        found[:-2] += pulled
        found[1:-1] -= 2.0 * pulled
        found[2:] += pulled
        return found

    def add_to(self, matrix: F64) -> None:
        """Half the second derivatives, onto float64[p, p]."""
        at = np.arange(len(self.own))
        matrix[at, at] += self.own
        below, middle, above = at[:-2], at[1:-1], at[2:]
        three = ((below, 1.0), (middle, -2.0), (above, 1.0))
        for rows, first in three:
            for columns, second in three:
                matrix[rows, columns] += self.bend[1:-1] * (first * second)


def penalty(coding: Coding) -> Penalty:
    """By a public rule: a row, and with very many rows more of them, so that the fixed-point steps of a sum stay small beside
    it. Bending costs more, so that the points of a numeric column are a smooth curve, and of one with few rows a straight
    line (Eilers and Marx, Statistical Science 1996, penalised splines)."""
    own = np.full(coding.n_features, CELL_RIDGE)
    own[: coding.n_bins] = max(BIN_RIDGE, coding.n_rows / _LARGE)
    bend = np.zeros(coding.n_features)
    for each, start in zip(coding.binned, coding.starts, strict=False):
        if each.column.kind == "numeric":
            values = each.size - (each.places.count(each.places[-1]) == 1)  # a bin for "no value" is nobody's neighbour
            bend[start + 1 : start + values - 1] = BEND_RIDGE
    return Penalty(own, bend)


def step(vector: F32, gradient: F64, curvature: F64, entries: Entries, by: Penalty) -> tuple[F32, float]:
    """The points after one Newton step, the bias unmoved, and how much the step lowers the penalised loss of all rows.

    Args:
        vector: float32[p + 1].
        gradient: float64[p]; curvature: float64[n_entries].

    Raises:
        ProtocolError: sums that no rows give.
    """
    points = vector[:-1].astype(np.float64)
    slope = gradient + by.slope(points)
    matrix = entries.matrix(curvature)
    by.add_to(matrix)
    direction = solved(matrix, slope)
    gain = 0.5 * math.fsum((direction * slope).tolist())
    longest = float(np.abs(direction).max())
    if longest > _LONGEST_STEP:
        direction = direction * (_LONGEST_STEP / longest)
    return np.append((points - direction).astype(np.float32), vector[-1:]), gain


def log_odds(n_positive: int, n_rows: int) -> float:
    """The bias before anything else is known.

    Raises:
        ProtocolError: counts of one class only.
    """
    if not 0 < n_positive < n_rows:
        raise ProtocolError(f"{n_rows} training rows, {n_positive} with the outcome: no model comes of one class")
    return _ln(n_positive / (n_rows - n_positive))


def best_pairs(
    coding: Coding, candidates: Sequence[Pair], gradient: F64, curvature: F64, most: int
) -> tuple[Pair, ...]:
    """The pairs that say most beyond what their two columns say, at most `most`, in the order of `candidates`.

    A pair's score is the gain of a free table of its cells, less that of the best sum of two columns, less what so many more
    numbers would gain by chance. Pairs without a score above 0 are left out; of equal ones the earlier is taken.

    Args:
        gradient, curvature: float64, over the cells of all candidates, one after the other.
    """
    found, start = [], 0
    for at, pair in enumerate(candidates):
        own = slice(start, start + pair.size)
        start += pair.size
        score = _score(coding, pair, gradient[own], curvature[own])
        if score > 0.0:
            found.append((-score, at))
    return tuple(candidates[at] for at in sorted(at for _, at in sorted(found)[:most]))


def _score(coding: Coding, pair: Pair, g: F64, h: F64) -> float:
    """Of one pair. Sums of cells are taken in the order of cells, as everywhere (`numpy.bincount` adds one after the other)."""
    free = math.fsum((g * g / (h + _SHRINK)).tolist())
    n_first, n_second = coding.binned[pair.first].coarse_size, coding.binned[pair.second].coarse_size
    size = n_first + n_second + 1
    cells = np.array(pair.cells)
    is_whole = np.bincount(cells, minlength=pair.size) == 1
    place = np.zeros(pair.size, np.int64)
    place[cells] = np.arange(len(cells))
    # What was put together has a column of its own, so that it adds nothing beyond the two columns.
    first = np.where(is_whole, place // n_second, size - 1)
    second = np.where(is_whole, n_first + place % n_second, size - 1)
    g2, h2 = np.where(is_whole, g, 0.0), np.where(is_whole, h, 0.0)
    right = np.bincount(np.concatenate([first, second]), np.concatenate([g, g2]), size).astype(np.float64)
    matrix = np.zeros((size, size))
    diagonal = np.concatenate([np.arange(size), first, second])
    ridge = np.full(size, _ADDITIVE_RIDGE)
    matrix[np.arange(size), np.arange(size)] = np.bincount(diagonal, np.concatenate([ridge, h, h2]), size)
    matrix[first[is_whole], second[is_whole]] = h[is_whole]
    matrix[second[is_whole], first[is_whole]] = h[is_whole]
    additive = math.fsum((right * solved(matrix, right)).tolist())
    by_chance = math.fsum((h / (h + _SHRINK)).tolist()) - (n_first + n_second - 1)
    return free - additive - max(by_chance, 0.0)


def _ln(x: float) -> float:
    """The natural logarithm of a positive number by + - * / alone: 2 artanh((m - 1) / (m + 1)) of its mantissa m."""
    mantissa, exponent = math.frexp(x)
    t = (mantissa - 1.0) / (mantissa + 1.0)
    power, total = t, 0.0
    for k in range(1, 80, 2):
        total += power / k
        power *= t * t
    return 2.0 * total + exponent * _LN2
