"""Scaling numbers from histograms: the median, and a standard deviation that few extreme values do not move.

Only + - * / on float64 and comparisons in a fixed order, so that every machine gets the same bits. Noise may make counts negative: what lies
below a bin is then the most that lay below an earlier one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DataError
from cipherward.study import Column

BINS = 256
"""Of a column's declared range, after its transform. A quantile is known to one of them."""

_SPANS = ((0.25, 1.34898), (0.1, 2.56310), (0.05, 3.28971), (0.01, 4.65270))
"""A lower quantile, and how many standard deviations of a normal distribution lie between it and the upper one."""
_LEAST = 2.0 / BINS
_UNSURE = 8.0 / BINS
"""Under noise, of a column nearly all of whose rows may be in one bin: values then count up to a third of the range, so that those of a
count that is mostly 0 stay apart."""
_SURE = 4.0
_BEYOND = 1.5
"""Standard deviations of the noise on the number of rows below a bin: three of what half of all bins, added up, carry."""
UNKNOWN_MEDIAN, UNKNOWN_SPREAD = 0.5, 0.25


def histograms(
    table: pl.DataFrame, columns: Sequence[Column], rows: NDArray[np.bool_], values: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.int64]:
    """One hospital's counts of these rows by bin, int64[n_numeric * BINS]. `values`: of a column what is counted instead of `scaled`."""
    found = []
    for column in columns:
        if column.kind == "numeric":
            own = values.get(column.name)
            inside = (preprocess.scaled(table[column.name].to_numpy(), column) if own is None else own)[rows]
            places = np.minimum((inside[~np.isnan(inside)] * BINS).astype(np.int64), BINS - 1)
            found.append(np.bincount(places, minlength=BINS))
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)


def fit(columns: Sequence[Column], sums: Mapping[str, NDArray[np.int64]], stddev: float = 0.0) -> Preprocessor:
    """The shared preprocessor: medians in place of means, and robust standard deviations.

    Args:
        sums: "rows", and "histogram" of all hospitals. stddev: of the noise on a bin.

    Raises:
        DataError: counts that no data gives.
    """
    n_numeric = sum(column.kind == "numeric" for column in columns)
    counts = np.asarray(sums["histogram"], dtype=np.int64)
    rows = np.asarray(sums["rows"], dtype=np.int64)
    if counts.shape != (n_numeric * BINS,) or rows.ndim != 1 or not rows.size:
        raise DataError("the preprocessing sums do not have one histogram for each numeric column")
    if not stddev and (
        counts.min(initial=0) < 0 or any(int(h.sum()) > int(rows[0]) for h in np.split(counts, max(n_numeric, 1)))
    ):
        raise DataError(
            "the preprocessing sums cannot come from data: a histogram has more rows than there are, or fewer than none",
            hint="one hospital sent false sums; ask every hospital to check its software and start again",
        )
    found = [_of(each, stddev) for each in np.split(counts, n_numeric)] if n_numeric else []
    n_rows = max(2, int(rows[0])) if stddev else int(rows[0])
    n_positive = preprocess.n_positive(rows)
    if stddev and len(rows) == 2:
        n_positive = min(max(1, n_positive), n_rows - 1)
    return Preprocessor(tuple(columns), tuple(m for m, _ in found), tuple(s for _, s in found), n_rows, n_positive)


def quantile(below: NDArray[np.float64], share: float) -> float:
    """Where this share of rows lies below, in 0..1, straight within a bin. `below`: float64[BINS + 1], never falling."""
    rank = share * float(below[-1])
    upper = min(max(int(np.searchsorted(below, rank, side="left")), 1), len(below) - 1)
    inside = float(below[upper] - below[upper - 1])
    part = (rank - float(below[upper - 1])) / inside if inside > 0.0 else 1.0
    return (upper - 1 + min(max(part, 0.0), 1.0)) / (len(below) - 1)


def _of(counts: NDArray[np.int64], stddev: float) -> tuple[float, float]:
    below = np.maximum.accumulate(np.clip(np.concatenate([[0], np.cumsum(counts)]), 0, None)).astype(np.float64)
    if float(below[-1]) <= _SURE * stddev * math.sqrt(BINS) or not below[-1]:
        return UNKNOWN_MEDIAN, UNKNOWN_SPREAD if stddev else 1.0
    median = quantile(below, 0.5)
    for share, deviations in _SPANS:
        if stddev and share * float(below[-1]) < _BEYOND * stddev * math.sqrt(BINS):
            break  # so few rows lie beyond it that the noise of empty bins would set it
        width = quantile(below, 1.0 - share) - quantile(below, share)
        if width >= _LEAST:
            return median, width / deviations
    if stddev:
        return median, _UNSURE
    return median, _spread(counts) or 1.0


def _spread(counts: NDArray[np.int64]) -> float:
    """The standard deviation of the middles of bins: of a column nearly all of whose values are in one."""
    n = float(counts.sum())
    middles = (np.arange(BINS) + 0.5) / BINS
    mean = math.fsum((counts * middles).tolist()) / n
    return math.sqrt(math.fsum((counts * (middles - mean) ** 2).tolist()) / n)
