"""From estimates and their covariance to intervals and p-values, as R prints them.

What does not follow from + - * / and roots (tails of distributions, exponentials) is rounded: every party recomputes it, and the last bits
of a machine's library do not matter.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_DIGITS = 9
_OF_TAILS = 6


def rounded(value: float, digits: int = _DIGITS) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits - 1}e}")


def normal(z: float) -> float:
    """The two-sided p-value of a standard normal statistic."""
    return rounded(math.erfc(abs(z) / math.sqrt(2.0)), _OF_TAILS)


def student(t: float, df: int) -> float:
    """The two-sided p-value of Student's t with `df` degrees of freedom."""
    from scipy import special

    return rounded(2.0 * float(special.stdtr(df, -abs(t))), _OF_TAILS)


def chi_squared(statistic: float, df: int) -> float:
    """The p-value of a chi-squared statistic with `df` degrees of freedom."""
    from scipy import special

    return rounded(float(special.chdtrc(df, max(statistic, 0.0))), _OF_TAILS)


def quantile(level: float) -> float:
    """How many standard errors a normal interval of this level (0.95) reaches on either side."""
    return rounded(NormalDist().inv_cdf(0.5 + level / 2.0))


def student_quantile(level: float, df: int) -> float:
    """The same of Student's t."""
    from scipy import special

    return rounded(float(special.stdtrit(df, 0.5 + level / 2.0)))


def combined(weights: F64, covariance: F64) -> tuple[F64, F64]:
    """Standard errors float64[m] of m linear combinations of estimates, and the covariances, float64[m, m].

    Args:
        weights: float64[m, p]. covariance: float64[p, p].
    """
    half = _products(weights, covariance)
    found = _products(weights, half.T).T
    return np.sqrt(np.maximum(np.diagonal(found), 0.0)), found


def _products(weights: F64, of: F64) -> F64:
    """The matrix product of float64[m, p] and float64[p, q], each entry rounded once, which zeros do not change."""
    found = np.zeros((len(weights), of.shape[1]))
    for row, values in zip(weights, found, strict=True):
        own = np.flatnonzero(row)
        values[:] = [math.fsum(each) for each in (row[own, None] * of[own]).T.tolist()]
    return found
