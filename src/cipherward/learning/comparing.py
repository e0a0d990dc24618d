"""Two groups of rows compared from their counts, means and standard deviations: standardised differences and tests, as papers print them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import likelihood, wald

Ints = NDArray[np.int64]


def of_means(
    first: tuple[int, float, float], second: tuple[int, float, float], noise: tuple[float, float] = (0.0, 0.0)
) -> dict[str, float | None]:
    """Second less first, in the mean of both standard deviations (Austin 2009), and the p-value of Welch's t-test; None where nothing
    follows.

    Args:
        first, second: rows, mean, standard deviation. noise: standard deviations of the noise on both means, which the test counts as
            further uncertainty.
    """
    (n, mean, sd), (m, other, spread) = first, second
    pooled = math.sqrt((sd * sd + spread * spread) / 2.0)
    found: dict[str, float | None] = {"difference": (other - mean) / pooled if pooled > 0.0 else None, "p_value": None}
    if min(n, m) < 2:
        return found
    parts = sd * sd / n, spread * spread / m
    variance = sum(parts) + noise[0] ** 2 + noise[1] ** 2
    if not variance > 0.0:
        return found
    t = (other - mean) / math.sqrt(variance)
    if any(noise):
        return found | {"p_value": wald.normal(t)}
    df = sum(parts) ** 2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (m - 1))
    return found | {"p_value": _student(t, df)}


def of_categories(counts: Ints, *, is_exact: bool = True) -> dict[str, float | None]:
    """The standardised difference of several shares at once (Yang and Dalton 2012), always positive, and the p-value of Pearson's
    chi-squared test; of counts that carry noise no p-value.

    Args:
        counts: int64[2, categories], rows of each group by category.
    """
    there = counts.sum(axis=0) > 0
    table, rows = counts[:, there].astype(np.float64), counts.sum(axis=1)
    none: dict[str, float | None] = {"difference": None, "p_value": None}
    if table.shape[1] < 2 or int(rows.min()) < 1:
        return none
    shares = table / rows[:, None]
    first, second = shares[:, 1:]
    spread = sum(np.diag(share) - np.outer(share, share) for share in (first, second)) / 2.0
    try:
        inverse = likelihood.inverse(np.asarray(spread))
    except ProtocolError:
        return none
    gap = second - first
    squared = math.fsum(float(g) * math.fsum(line * gap) for g, line in zip(gap, inverse, strict=True))
    found: dict[str, float | None] = {"difference": math.sqrt(max(squared, 0.0)), "p_value": None}
    if is_exact:
        expected = np.outer(rows, table.sum(axis=0)) / rows.sum()
        statistic = math.fsum(((table - expected) ** 2 / expected).reshape(-1))
        found["p_value"] = wald.chi_squared(statistic, table.shape[1] - 1)
    return found


def _student(t: float, df: float) -> float:
    from scipy import special

    return wald.rounded(2.0 * float(special.stdtr(df, -abs(t))), 6)
