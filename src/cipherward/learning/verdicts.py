"""A hospital's own test of a candidate model: does it do worse than the model before it on rows that nobody else sees, class by class?

After BaFFLe (Andreina et al. 2021, arXiv 2011.02167), with a paired test in place of its outlier factor, so that nothing has to be kept
from round to round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

LEAST = 10
"""Rows below which a hospital has no opinion."""

SURE = 3.0
"""Standard errors by which a rise has to stand out."""

_MOST = 1e6


def is_worse(before: F64, after: F64, of_class: NDArray[np.bool_], tolerance: float, least: int = LEAST) -> bool:
    """Whether a candidate does worse on one class: its mean loss there rises by more than `tolerance` of what it was and by `SURE`
    standard errors of the paired differences, and the mean loss of all rows rises, too.

    The last keeps the first rounds from looking like an attack: a model that learns how rare an outcome is does worse on the rows
    that have it.

    Args:
        before, after: each row's loss under the model so far and under the candidate, float64[n]; NaN and infinity count as large.
        of_class: bool[n].
    """
    n = int(of_class.sum())
    if n < max(least, 2):
        return False
    before, after = _finite(before), _finite(after)
    rise = (after - before)[of_class]
    stands_out = SURE * float(rise.std(ddof=1)) / math.sqrt(n)
    least_rise = max(tolerance * float(before[of_class].mean()), stands_out)
    return float(rise.mean()) > least_rise and float((after - before).mean()) > 0.0


def _finite(losses: F64) -> F64:
    return np.minimum(np.nan_to_num(losses, nan=_MOST, posinf=_MOST), _MOST)
