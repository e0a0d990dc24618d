"""A confidence interval for an AUROC from the two class sizes alone, so that opened counts are enough for it."""

from __future__ import annotations

import math
from collections.abc import Callable

Z = 1.959963984540054  # 95 %


def auroc_interval(auroc: float, n_positive: int, n_negative: int) -> tuple[float, float]:
    """The 95 % interval of an AUROC in [0, 1]: Newcombe (2006), Statistics in Medicine 25:559-573, method 5.

    The Hanley-McNeil variance with N* = (m + n)/2 - 1 in place of both class sizes, solved for the AUROC as a score
    interval is, so that it stays inside [0, 1] and does not shrink to a point at 1.

    Raises:
        ValueError: no row of one class, or an AUROC outside [0, 1].
    """
    if min(n_positive, n_negative) < 1 or not 0.0 <= auroc <= 1.0:
        raise ValueError("an interval needs rows of both classes and an AUROC in [0, 1]")
    extra = (n_positive + n_negative) / 2 - 1

    def excess(theta: float) -> float:
        factor = 1 + extra * (1 - theta) / (2 - theta) + extra * theta / (1 + theta)
        deviation = math.sqrt(theta * (1 - theta) * factor / (n_positive * n_negative))
        return abs(theta - auroc) - Z * deviation

    low = 0.0 if auroc == 0 else _root(excess, auroc, 0.0)
    high = 1.0 if auroc == 1 else _root(excess, auroc, 1.0)
    return low, high


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n rows: Wilson (1927), Journal of the American Statistical Association 22:209-212.

    Raises:
        ValueError: no row, or more hits than rows.
    """
    if not 0 <= hits <= n or n < 1:
        raise ValueError("a share needs rows, and not more hits than rows")
    share, z = hits / n, Z * Z / n
    middle = (share + z / 2) / (1 + z)
    reach = Z / (1 + z) * math.sqrt(share * (1 - share) / n + z / (4 * n))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _root(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Where `excess` turns from negative (at `inside`) to positive (at `outside`), by bisection."""
    for _ in range(60):
        middle = (inside + outside) / 2
        if excess(middle) < 0:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2
