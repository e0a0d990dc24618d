"""Numbers of which a few lie far from all others, so that a mean, a standard deviation or equal bins say little of the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.data.schema import declared_range
from cipherward.study import Column

_ROWS = 50
_SKEWED = 4.0
"""Skewness from which on the logarithm is tried; of an exponential distribution it is 2, of a log-normal one with s = 1 it is 6."""
_STRETCHED = 5.0
"""Standard deviations over that of a normal distribution with the same quartiles; 1 of a normal one, 2 of that log-normal one."""

LOGARITHM = 'a few values lie far above the rest: transform = "log1p" suits such a column better'


def advice(values: NDArray[np.float64], column: Column) -> str:
    """What to change in the data dictionary, as a clause; "" where nothing is to be said.

    Args:
        values: float64[n], NaN = missing.
    """
    low, high = declared_range(column)
    known = np.clip(values[~np.isnan(values)], low, high)
    if column.transform != "none" or len(known) < _ROWS:
        return ""
    if low >= 0.0 and is_for_logarithm(known):
        return LOGARITHM
    if is_stretched(known):
        return (
            "a few values lie far from the rest: is that another unit, or a code for missing? If they are real, training.scale = "
            '"robust" keeps them from setting the scale'
        )
    return ""


def is_stretched(values: NDArray[np.float64]) -> bool:
    """Whether few of these numbers (float64[n]) make most of their standard deviation."""
    first, third = np.quantile(values, (0.25, 0.75))
    return bool(values.std() > _STRETCHED * (third - first) / 1.349 > 0.0)


def is_for_logarithm(values: NDArray[np.float64]) -> bool:
    """Whether log(1 + x) takes away most of the skewness of these numbers (float64[n], at least 0)."""
    skewness = _skewness(values)
    return skewness > _SKEWED and abs(_skewness(np.log1p(values))) < skewness / 2.0


def _skewness(values: NDArray[np.float64]) -> float:
    apart = values - values.mean()
    spread = float(np.sqrt(np.mean(apart**2)))
    return float(np.mean((apart / spread) ** 3)) if spread > 0.0 else 0.0
