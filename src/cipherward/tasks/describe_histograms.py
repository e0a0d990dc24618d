"""The histograms that a cohort table has opened: whether they can be true, and, whatever the outcome, what drift is told from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning.drift import Histogram
from cipherward.study import Column
from cipherward.tasks.cohort_table import GROUPS
from cipherward.tasks.noisy_cohort import SCALE
from cipherward.tasks.task import Sums


def of(
    sums: Sums, numeric: Sequence[Column], categorical: Sequence[Column], bins: int, stddevs: Mapping[str, float]
) -> dict[str, Histogram]:
    """By column, rows by value and last rows without one; and under "" rows by outcome.

    Args:
        sums: of the first question. stddevs: of the noise on each count; {} for none.
    """
    n, root = len(GROUPS), math.sqrt(len(GROUPS))
    rows = np.asarray(sums["rows"], dtype=np.int64)
    found = {"": Histogram(rows, stddevs.get("rows", 0.0), is_ordered=False)}
    for place, column in enumerate(numeric):
        counts = _of(sums["histogram"], place, n * bins).reshape(n, bins).sum(axis=0)
        absent = int(rows.sum()) - int(_of(sums["present"], place, n).sum())
        found[column.name] = Histogram(np.append(counts, absent), stddevs.get("histogram", 0.0) * root)
    start = 0
    for column in categorical:
        size = len(column.categories) + 1
        counts = np.asarray(sums["categories"][start : start + n * size], dtype=np.int64).reshape(n, size).sum(axis=0)
        found[column.name] = Histogram(counts, stddevs.get("categories", 0.0) * root, is_ordered=False)
        start += n * size
    return found


def check(sums: Sums) -> None:
    """Raises ProtocolError where the counts contradict each other."""
    rows = np.asarray(sums["rows"], dtype=np.int64)
    if not rows.sum():
        raise ProtocolError("the hospitals together have no rows")
    if "present" in sums:
        n = len(rows)
        present = np.asarray(sums["present"], dtype=np.int64).reshape(-1, n)
        histogram = np.asarray(sums["histogram"], dtype=np.int64).reshape(len(present), n, -1)
        total, square = (np.asarray(sums[key], dtype=np.float64).reshape(-1, n) / SCALE for key in ("sum", "square"))
        wrong = (present > rows).any() or (histogram.sum(axis=2) != present).any()
        if wrong or (total > present + 1).any() or (square > total + 1).any():
            raise ProtocolError("the opened counts contradict each other: a hospital has sent false ones")


def _of(values: NDArray[np.generic], place: int, size: int) -> NDArray[np.int64]:
    return np.asarray(values[place * size : (place + 1) * size], dtype=np.int64)
