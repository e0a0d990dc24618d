"""How far rows have moved since a model was trained: the population stability index of opened histograms.

PSI is the sum over bins of (later share - earlier share) x log(later share / earlier share), symmetric Kullback-Leibler divergence. Where nothing has
moved it is about chi-squared with bins - 1 degrees of freedom, times 1 / earlier rows + 1 / later rows (Yurdakul and Naranjo 2020); noise on
the counts adds its own part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.learning import wald

WATCH, RETRAIN = 0.1, 0.25
"""Below the first nothing is to be done; from the second on a model is to be trained anew (the convention of credit scoring)."""

_BINS = 10
_LEVEL = 0.95


@dataclass(frozen=True)
class Histogram:
    """Rows by value: int64[k], with noise perhaps below 0. `stddev`: of the noise on each. `is_ordered`: neighbouring bins may be put together."""

    counts: NDArray[np.int64] = field(repr=False)
    stddev: float = 0.0
    is_ordered: bool = True


@dataclass(frozen=True)
class Moved:
    """`psi`: population stability index; `chance`: what it reaches in one of twenty cases if nothing has moved; `bins`: how many."""

    psi: float
    chance: float
    bins: int

    def verdict(self, watch: float = WATCH, retrain: float = RETRAIN) -> str:
        """ "stable", "watch" or "retrain"; what chance explains is stable."""
        if self.psi <= self.chance or self.psi < watch:
            return "stable"
        return "retrain" if self.psi >= retrain else "watch"


def moved(earlier: Histogram, later: Histogram) -> Moved | None:
    """None where there are too few rows, or one bin, to compare.

    Args:
        earlier, later: of the same bins. Ordered ones are put together into ten of about the same number of earlier rows; the last bin stays
            by itself (rows without a value).
    """
    first, second = (np.maximum(each.counts, 0) for each in (earlier, later))
    groups = _groups(first) if earlier.is_ordered else [np.array([k]) for k in range(len(first))]
    # Half a row in each bin: an empty one says little, and nothing is divided by zero.
    a, b = (np.array([each[group].sum() for group in groups], dtype=np.float64) for each in (first, second))
    there = (a + b) > 0
    groups = [group for group, is_there in zip(groups, there, strict=True) if is_there]
    a, b = a[there], b[there]
    n, m, k = float(a.sum()), float(b.sum()), len(a)
    if k < 2 or min(n, m) < 2 * k:
        return None
    p, q = (a + 0.5) / (n + 0.5 * k), (b + 0.5) / (m + 0.5 * k)
    psi = math.fsum(((q - p) * np.log(q / p)).tolist())
    sizes = np.array([len(group) for group in groups])
    noise = math.fsum((sizes * ((earlier.stddev / n) ** 2 + (later.stddev / m) ** 2) / p).tolist())
    expected = (k - 1) * (1.0 / n + 1.0 / m) + noise
    return Moved(wald.rounded(psi, 6), wald.rounded(_quantile(k - 1) / (k - 1) * expected, 6), k)


def _groups(counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Neighbouring bins, put together until each holds a tenth of the rows; the last one alone."""
    found: list[NDArray[np.int64]] = []
    whole, since, total = int(counts[:-1].sum()), 0, 0
    for place, count in enumerate(counts[:-1].tolist(), start=1):
        total += count
        if total * _BINS >= whole * (len(found) + 1) or place == len(counts) - 1:
            found.append(np.arange(since, place))
            since = place
    return [*(group for group in found if len(group)), np.array([len(counts) - 1])]


def _quantile(df: int) -> float:
    from scipy import special

    return float(special.chdtri(df, 1.0 - _LEVEL))
