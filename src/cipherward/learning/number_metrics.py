"""Evaluation of predicted numbers from sums: rows and the sum of their outcomes in bins of the prediction, and sums of errors.

Every term of a row is brought into [0, 1] by the study's declared range and counted in steps of 2^-30, so that the sum over
hospitals is that of all rows up to a billionth of the range for each row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, ProtocolError
from cipherward.learning import binning, score_groups
from cipherward.learning.measured import Measured
from cipherward.learning.outcome import Counted, Counts

F64 = NDArray[np.float64]
M = TypeVar("M", bound="NumberMetrics")

STEPS = float(1 << 30)
_BITS = 54
_GROUPS = 10
_ROWS, _OUTCOMES, _ERRORS = "test/rows", "test/outcomes", "test/errors"


@dataclass(frozen=True)
class Group:
    """One tenth of the rows, by prediction."""

    mean_predicted: float
    mean_observed: float
    n: int


@dataclass(frozen=True)
class NumberMetrics(Measured):
    """How well a model predicts a number, in its own unit.

    `slope`, `intercept`: of the line of outcomes on predictions, by least squares over groups of rows; perfect are 1 and 0. None
    where all predictions are the same.
    """

    mae: float
    slope: float | None
    intercept: float | None
    calibration: tuple[Group, ...]


@dataclass(frozen=True)
class Scale:
    """How predictions are binned and rows counted. `low`, `high`: the declared range."""

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class Opened:
    """Sums over rows: `errors` as the type of outcome added them, in [0, 1] for each row."""

    n: int
    outcomes: float
    errors: tuple[float, ...]
    slope: float | None
    intercept: float | None
    calibration: tuple[Group, ...]


def counted(bins: int, errors: Sequence[str]) -> tuple[Counted, ...]:
    """The sums, in their order. `errors`: what else is added for each row, in words."""
    return (
        Counted(
            _ROWS, bins, 24, "histogram of the model's predictions on test rows, in groups of neighbouring predictions"
        ),
        Counted(
            _OUTCOMES,
            bins,
            _BITS,
            "for each bin of that histogram: the sum of the outcomes of its rows, in parts of the declared range",
        ),
        Counted(
            _ERRORS, len(errors), _BITS, f"sums over test rows, in parts of the declared range: {', '.join(errors)}"
        ),
    )


def local_counts(
    values: F64, labels: F64, errors: Sequence[F64], scale: Scale, bins: int, group: int
) -> dict[str, NDArray[np.int64]]:
    """What one hospital contributes; zeros where it has fewer rows than `group`.

    Args:
        values: float64[n], the predictions on the scale of `binning`; labels: float64[n].
        errors: float64[n] each, in [0, 1].
    """
    if not score_groups.may_measure(len(labels), group):
        values, labels, errors = values[:0], labels[:0], [each[:0] for each in errors]
    grouped = score_groups.grouped(values, group) if group > 1 and len(values) else values
    place = binning.places(grouped, bins)
    parts = np.rint((labels - scale.low) / scale.width * STEPS).astype(np.int64)
    outcomes = np.zeros(bins, dtype=np.int64)
    np.add.at(outcomes, place, parts)
    summed = [np.rint(np.clip(each, 0.0, 1.0) * STEPS).astype(np.int64).sum() for each in errors]
    rows = np.bincount(place, minlength=bins).astype(np.int64)
    return {_ROWS: rows, _OUTCOMES: outcomes, _ERRORS: np.array(summed, dtype=np.int64)}


def opened(counts: Counts, centres: F64, scale: Scale) -> Opened:
    """From the sums. `centres`: float64[bins], the prediction in the middle of each bin.

    Raises:
        DataError: no rows. ProtocolError: sums that no rows give.
    """
    rows, outcomes, errors = (counts[name] for name in (_ROWS, _OUTCOMES, _ERRORS))
    is_sound = min(int(part.min(initial=0)) for part in (rows, outcomes, errors)) >= 0
    n = int(rows.sum())
    if not is_sound or bool((outcomes > rows * int(STEPS)).any()) or bool((errors > n * int(STEPS)).any()):
        raise ProtocolError("segments test/*: the opened evaluation sums fit no set of predictions")
    used = rows > 0
    observed: F64 = outcomes[used] / STEPS * scale.width + rows[used].astype(np.float64) * scale.low
    return _of(centres[used], rows[used], observed, [int(each) / STEPS for each in errors])


def exact(scores: F64, labels: F64, errors: Sequence[F64]) -> Opened:
    """From predictions and labels in one place, every distinct prediction its own bin. Raises DataError: no rows."""
    distinct, place = np.unique(scores, return_inverse=True)
    rows = np.bincount(place, minlength=len(distinct)).astype(np.int64)
    observed = np.bincount(place, weights=labels, minlength=len(distinct)).astype(np.float64)
    return _of(distinct, rows, observed, [math.fsum(np.clip(each, 0.0, 1.0)) for each in errors])


def read(document: Mapping[str, Any], kind: type[M]) -> M:
    """What `dataclasses.asdict` gave, after JSON. Raises ValueError: something else."""
    try:
        found = dict(document)
        found["calibration"] = tuple(Group(**row) for row in found["calibration"])
        result = kind(**found)
        values = [value for value in document.values() if isinstance(value, int | float)]
    except (TypeError, KeyError) as error:
        raise ValueError(f"no metrics of a number: {error}") from None
    if not all(map(math.isfinite, values)):
        raise ValueError("no metrics of a number: one is not finite")
    return result


def _of(value: F64, rows: NDArray[np.int64], observed: F64, errors: Sequence[float]) -> Opened:
    """From a table of predictions, ascending, with how many rows have them and the sums of their outcomes."""
    n = int(rows.sum())
    if n == 0:
        raise DataError("there are no rows to evaluate on")
    mean, middle = float(observed.sum()) / n, float((value * rows).sum()) / n
    spread = float((rows * np.square(value - middle)).sum())
    slope = float(((value - middle) * (observed - rows * mean)).sum()) / spread if spread > 0.0 else None
    groups = np.minimum((2 * np.cumsum(rows) - rows) * _GROUPS // (2 * n), _GROUPS - 1)
    calibration = []
    for place in range(_GROUPS):
        mine = groups == place
        if members := int(rows[mine].sum()):
            predicted = float((value[mine] * rows[mine]).sum()) / members
            calibration.append(Group(predicted, float(observed[mine].sum()) / members, members))
    intercept = None if slope is None else mean - slope * middle
    return Opened(n, float(observed.sum()), tuple(errors), slope, intercept, tuple(calibration))
