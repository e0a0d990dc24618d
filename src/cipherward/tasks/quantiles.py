"""Quartiles and other quantiles from two histograms: one over the whole range, then one inside each bin that holds a
wanted value.

A quartile is what numpy's default ("linear", Hyndman and Fan 1996, type 7) makes of the values: between the two order
statistics next to it, each known to one small bin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Histograms = NDArray[np.int64]
"""int64[n_columns, n_groups, bins]."""

Shares = tuple[float, ...]
QUARTILES: Shares = (0.25, 0.5, 0.75)
_AT_QUARTILES = 4


def places(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """The bins of values in [0, 1]."""
    return np.minimum((values * bins).astype(np.int64), bins - 1)


def is_shown(share: float, n: int, least: int) -> bool:
    """Whether enough of `n` values lie beyond a quantile, as beyond a quartile of `least` values."""
    below = n * share  # 1 - 0.9 is less than 0.1
    return n >= least and min(below, n - below) * _AT_QUARTILES >= least


def wanted_bins(histograms: Histograms, shares: Shares = QUARTILES) -> NDArray[np.int64]:
    """The bins that hold the order statistics next to each quantile, of all rows and of each group.

    Returns:
        int64[n_columns, (1 + n_groups) * 2 * n_shares]: for all rows and then each group, lower and upper of each
        quantile; -1 where there are no values.
    """
    n_columns = len(histograms)
    found = np.full((n_columns, _subsets(histograms).shape[1], 2 * len(shares)), -1, dtype=np.int64)
    for column, subsets in enumerate(_subsets(histograms)):
        for subset, counts in enumerate(subsets):
            if ranks := _ranks(int(counts.sum()), shares):
                found[column, subset] = np.searchsorted(np.cumsum(counts), ranks, side="right")
    return found.reshape(n_columns, -1)


def refined(
    values: Sequence[NDArray[np.float64]],
    groups: NDArray[np.integer],
    wanted: NDArray[np.int64],
    bins: int,
    shares: Shares = QUARTILES,
) -> NDArray[np.int64]:
    """One hospital's rows inside the wanted bins, each divided into `bins` once more.

    Args:
        values: per column float64[n_rows] in [0, 1], NaN = missing.
        groups: integers[n_rows] from 0.
        wanted: as `wanted_bins`.

    Returns:
        int64, flat: [n_columns, n_groups, n_wanted, bins].
    """
    n_groups = wanted.shape[1] // (2 * len(shares)) - 1
    found = np.zeros((len(values), n_groups, wanted.shape[1], bins), dtype=np.int64)
    for column, each in enumerate(values):
        small = np.minimum(np.nan_to_num(each * (bins * bins), nan=-1.0).astype(np.int64), bins * bins - 1)
        for group in range(n_groups):
            own = np.sort(small[(groups == group) & ~np.isnan(each)])
            for place, coarse in enumerate(wanted[column]):
                if coarse >= 0:
                    edges = np.searchsorted(own, np.arange(bins + 1) + coarse * bins)
                    found[column, group, place] = np.diff(edges)
    return found.reshape(-1)


def quantiles(
    histograms: Histograms, fine: NDArray[np.int64], bins: int, shares: Shares = QUARTILES
) -> NDArray[np.float64]:
    """float64[n_columns, 1 + n_groups, n_shares] in [0, 1]: all rows first; NaN where there are no values.

    Args:
        fine: the sum of what `refined` gives.
    """
    wanted = wanted_bins(histograms, shares)
    n_columns, n_groups, _ = histograms.shape
    inside = fine.reshape(n_columns, n_groups, wanted.shape[1], bins)
    found = np.full((n_columns, 1 + n_groups, len(shares)), np.nan)
    for column, subsets in enumerate(_subsets(histograms)):
        for subset, counts in enumerate(subsets):
            n = int(counts.sum())
            if not n:
                continue
            own = inside[column].sum(axis=0) if subset == 0 else inside[column, subset - 1]
            ends = [
                _value(counts, own, wanted[column], subset * 2 * len(shares) + place, rank, bins)
                for place, rank in enumerate(_ranks(n, shares))
            ]
            for k, share in enumerate(shares):
                between = (n - 1) * share % 1.0
                found[column, subset, k] = ends[2 * k] + between * (ends[2 * k + 1] - ends[2 * k])
    return found


def _value(
    counts: NDArray[np.int64], inside: NDArray[np.int64], wanted: NDArray[np.int64], place: int, rank: int, bins: int
) -> float:
    """The order statistic of this rank (from 0): the middle of its small bin."""
    coarse = int(wanted[place])
    below = int(counts[:coarse].sum())
    small = int(np.searchsorted(np.cumsum(inside[place]), rank - below, side="right"))
    return (coarse * bins + min(small, bins - 1) + 0.5) / (bins * bins)


def _ranks(n: int, shares: Shares) -> list[int]:
    """Ranks (from 0) of the order statistics next to each quantile of `n` values; [] without values."""
    if not n:
        return []
    found = []
    for share in shares:
        lower = int((n - 1) * share)
        found += [lower, min(lower + 1, n - 1)]
    return found


def _subsets(histograms: Histograms) -> NDArray[np.int64]:
    """int64[n_columns, 1 + n_groups, bins]: all rows, then each group."""
    return np.concatenate([histograms.sum(axis=1, keepdims=True), histograms], axis=1)
