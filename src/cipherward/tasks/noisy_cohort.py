"""`describe` from sums that carry noise: sensitivities, quartiles of a noisy histogram, and how far noise moves a figure.

What a figure's noise may do is said as the half-width of a 95 % interval: 1.96 standard deviations, to first order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.data.preprocess import FRACTION_BITS
from cipherward.privacy.records import Sensitivity
from cipherward.tasks import moves
from cipherward.tasks.cohort_table import names_of
from cipherward.tasks.quantiles import QUARTILES, Shares

SCALE = 1 << FRACTION_BITS
"""Fixed-point units of a column's declared range."""

Z95 = 1.96
_SURE = 4.0
_RANK = 40.0
"""A simulation adds noise by default when its rows are so many standard deviations of the median's rank, or more: then the
noise moves that rank by less than 5 % of the rows."""
_LEAST = 25.0
"""Nothing can be said of fewer rows than so many standard deviations of the noise on their count."""


GIVEN_UP = (
    "So few rows do not bear the noise on counts that a study has by default, so this run's counts are exact and promise no "
    "patient anything. A study between hospitals has to decide: noise.enabled = false, or a larger noise.epsilon."
)


def sensitivity(n_groups: int, n_numeric: int, bins: int, n_categorical: int, n_cells: int) -> Sensitivity:
    """Of the one question: a row is in one group, and in one cell of each column.

    Args:
        n_cells: all cells of all categorical columns, in all groups.
    """
    found = moves.of_counts("rows", n_groups)
    if n_numeric:
        found = found.and_also(moves.of_totals(n_numeric * n_groups, n_numeric))
        found = found.and_also(moves.of_counts("histogram", n_numeric * n_groups * bins, n_numeric))
    return found.and_also(moves.of_counts("categories", n_cells, n_categorical)) if n_cells else found


def rows_needed(stddevs: Mapping[str, float]) -> int:
    """Rows of all hospitals together below which noise would drown even their number."""
    return math.ceil(_LEAST * stddevs["rows"])


def rows_wanted(stddevs: Mapping[str, float], bins: int) -> int:
    """Rows of all hospitals together with which a simulation adds noise by default."""
    # Half of the bins lie on either side of the median, each weighed by a half.
    rank = stddevs.get("histogram", 0.0) * math.sqrt(bins) / 2.0
    return max(rows_needed(stddevs), math.ceil(_RANK * rank))


@dataclass(frozen=True)
class Figures:
    """Of one column and subset of rows, in 0..1 of the declared range; `noise`: the half-width of each. None: too few."""

    values: Mapping[str, float | None]
    noise: Mapping[str, float | None]


def figures(
    totals: tuple[int, int, int],
    histogram: NDArray[np.int64],
    stddevs: Mapping[str, float],
    n_groups: int,
    shares: Shares = QUARTILES,
) -> Figures:
    """Mean, standard deviation and quantiles from noisy totals.

    Args:
        totals: present, sum, square.
        histogram: int64[bins].
        stddevs: of the noise on one cell, in the coordinates of `moves.of_totals`.
        n_groups: how many cells each of these numbers is the sum of.
    """
    present, total, square = totals
    root = math.sqrt(n_groups)
    of_present, of_sum, of_square = (
        stddevs["present"] * root, stddevs["sum"] * root / SCALE, stddevs["square"] * root / SCALE
    )  # fmt: skip
    names = ("mean", "sd", *names_of(shares))
    if present <= _SURE * of_present:
        return Figures(dict.fromkeys(names), dict.fromkeys(names))
    n = float(present)
    centre = min(max((total / SCALE - n / 2.0) / n, -0.5), 0.5)
    second = (square / SCALE - total / SCALE + n / 8.0) / n + 0.125
    variance = min(max(second - centre * centre, 0.0), 0.25)
    of_mean = math.hypot(of_sum, centre * of_present) / n
    spread = math.hypot(2.0 * centre * of_sum, of_square, (second - 0.125 - 2.0 * centre * centre) * of_present) / n
    sd = math.sqrt(variance)
    # The root of a variance that may be nothing but noise moves by at most the root of that noise.
    of_sd = min(Z95 * spread / (2.0 * sd) if sd else math.inf, math.sqrt(Z95 * spread))
    values: dict[str, float | None] = {"mean": centre + 0.5, "sd": sd}
    noise: dict[str, float | None] = {"mean": Z95 * of_mean, "sd": of_sd}
    cut = _quantiles(histogram, stddevs["histogram"] * root, shares)
    for name, (value, reach) in zip(names[2:], cut, strict=True):
        values[name], noise[name] = value, reach
    return Figures(values, noise)


def _quantiles(histogram: NDArray[np.int64], stddev: float, shares: Shares) -> list[tuple[float, float]]:
    """Each quantile with the half-width of its interval: where ranks on either side lie, and a bin's own width."""
    bins = len(histogram)
    below = np.maximum.accumulate(np.clip(np.concatenate([[0], np.cumsum(histogram)]), 0, None)).astype(np.float64)
    n = float(below[-1])
    found = []
    for share in shares:
        place = _place(below, share * n)
        # The rank at a bin edge, less its share of all rows: noise of the bins on either side.
        left = place * bins
        spread = Z95 * stddev * math.sqrt(left * (1.0 - share) ** 2 + (bins - left) * share**2)
        ends = _place(below, share * n - spread), _place(below, share * n + spread)
        found.append((place, max(ends[1] - place, place - ends[0]) + 1.0 / bins))
    return found


def _place(below: NDArray[np.float64], rank: float) -> float:
    """Where so many rows lie below, in 0..1: linear inside a bin."""
    bins, rank = len(below) - 1, min(max(rank, 0.0), float(below[-1]))
    upper = min(max(int(np.searchsorted(below, rank, side="left")), 1), bins)
    inside = float(below[upper] - below[upper - 1])
    part = (rank - float(below[upper - 1])) / inside if inside else 1.0
    return (upper - 1 + min(max(part, 0.0), 1.0)) / bins
