"""Scaling numbers from sums that carry noise: public rules, the same at every party.

Noise makes counts negative, means leave their range and variances vanish. Nothing is divided by a number that could be
noise alone: what is below `SURE` standard deviations of its noise counts as nothing, and a variance is at least as
large as its own noise. Only + - * / and sqrt on float64, one number at a time, so that every machine gets the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.data import preprocess
from cipherward.data.preprocess import FRACTION_BITS, Preprocessor
from cipherward.errors import DataError
from cipherward.study import Column

SURE = 4.0
UNKNOWN_MEAN, UNKNOWN_STDDEV = 0.5, 0.25
"""In scaled units, of a column with too few values to tell."""

_UNIT = float(1 << FRACTION_BITS)
_LEAST_VARIANCE = 2.0**-FRACTION_BITS
_MOST_VARIANCE = 0.25  # of anything in [0, 1]


def fit_noisy(
    columns: Sequence[Column], sums: Mapping[str, NDArray[np.int64]], stddevs: Mapping[str, float]
) -> Preprocessor:
    """The shared preprocessor from noisy totals of `preprocess.local_statistics`, offsets taken off.

    Args:
        stddevs: of the noise in the opened totals: "rows", "present"; "sum" as that of sum - present / 2 and "square" as
            that of square - sum + present / 8 (`tasks.moves.of_statistics`).

    Raises:
        DataError: totals of the wrong shape.
    """
    n_numeric = sum(column.kind != "categorical" for column in columns)
    shapes = {"present": (n_numeric,), "sum": (n_numeric,), "square": (n_numeric,)}
    if np.ndim(sums["rows"]) != 1 or any(np.shape(sums[name]) != shape for name, shape in shapes.items()):
        raise DataError("the preprocessing sums do not have one entry per numeric column")
    n_rows = max(2, int(sums["rows"][0]))
    n_positive = preprocess.n_positive(sums["rows"])
    n_positive = min(max(1, n_positive), n_rows - 1) if len(sums["rows"]) == 2 else 0
    noise = stddevs["present"], stddevs["sum"] / _UNIT, stddevs["square"] / _UNIT
    entries = zip(*(sums[name].tolist() for name in ("present", "sum", "square")), strict=True)
    found = [_moments(present, total, square, n_rows, noise) for present, total, square in entries]
    return Preprocessor(tuple(columns), tuple(m for m, _ in found), tuple(s for _, s in found), n_rows, n_positive)


def _moments(
    present: int, total: int, square: int, n_rows: int, noise: tuple[float, float, float]
) -> tuple[float, float]:
    """Mean and standard deviation of one column, through u = v - 1/2, whose sums carry less noise."""
    of_present, of_sum, of_square = noise
    if present <= SURE * of_present:
        return UNKNOWN_MEAN, UNKNOWN_STDDEV
    n = float(min(present, n_rows)) if n_rows > SURE * of_present else float(present)
    centre = min(max((total / _UNIT - present / 2.0) / n, -0.5), 0.5)
    second = (square / _UNIT - total / _UNIT + present / 8.0) / n + 0.125
    variance = second - centre * centre
    of_mean, of_count = 2.0 * centre * of_sum, (second - 0.125 - 2.0 * centre * centre) * of_present
    spread = math.sqrt(of_mean * of_mean + of_square * of_square + of_count * of_count) / n
    return centre + 0.5, math.sqrt(min(max(variance, spread, _LEAST_VARIANCE), _MOST_VARIANCE))
