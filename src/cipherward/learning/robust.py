"""What bounds or outvotes a false update where only sums are seen.

What follows from opened sums is a public rule: every hospital has to get the coordinator's bits, so it is elementwise float64 in a
fixed order, sorting, and `math.fsum`, which is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_ROUNDING = 1.0 + 2.0**-30  # float64 rounding of norms at their limit
_CLASS = 2.0
"""The class of a row count is at most 1.42 times the rows; the rest is room for noise on the opened number of rows."""


def norm(x: F64) -> float:
    """The L2 norm of float64[n], the same bits on every machine."""
    return math.sqrt(math.fsum((x * x).tolist()))


def clipped(update: F64, limit: float) -> F64:
    """An update, float64[n_parameters], scaled down to an L2 norm of at most `limit`; 0: as it is."""
    size = norm(update) if limit else 0.0
    return update * (limit / size) if size > limit else update


def exceeds(total: Sequence[F64], bounds: Sequence[float], weight: float, limit: float, n: int, half: int) -> bool:
    """Whether a weighted sum of updates is larger than hospitals give that clip theirs to an L2 norm of `limit`.

    Each of them adds w x with norm(x) <= limit, each entry rounded by less than a step of its grid, and a weight that is rounded by
    at most half a step of 1 / `half`. So an honest sum is never found to exceed.

    Args:
        total: the opened sum by parameter tensor, float64[size] each.
        bounds: the range of each tensor. weight: the opened sum of weights. n: contributors.
        half: grid steps of a range.
    """
    reach = [n * bound / half for bound in bounds]
    steps = math.fsum(len(part) * (each * each) for part, each in zip(total, reach, strict=True))
    most = limit * (weight + 0.5 * n / half) + math.sqrt(steps)
    return not norm(np.concatenate(list(total))) <= most * _ROUNDING


def combined(means: Sequence[F64], rule: str) -> F64:
    """One vector from those of several blocks, by coordinate: their "median", or "trimmed": their mean without the largest and the
    smallest, where there are three or more (Yin et al. 2018, Byzantine-robust distributed learning)."""
    ordered = np.sort(np.stack(list(means)), axis=0)
    n = len(ordered)
    cut = (n - 1) // 2 if rule == "median" else int(n > 2)
    kept = ordered[cut : n - cut]
    total = kept[0]
    for row in kept[1:]:
        total = total + row
    return np.asarray(total / np.float64(len(kept)), dtype=np.float64)


def false_weight(weight: float, weights: str, n: int, half: int, *, rows: int, cap: float) -> bool:
    """Whether honest hospitals cannot add up to this sum of weights.

    Args:
        weights: as `training.weights`. rows: training rows of all hospitals, opened before; 0 where it is not known.
        cap: rows that count as weight 1.
    """
    slack = 0.5 * n / half
    if weights == "equal":
        return not abs(weight - n) <= slack * _ROUNDING
    return bool(rows) and not weight <= (_CLASS * rows / cap + slack) * _ROUNDING
