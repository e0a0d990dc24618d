"""Evaluation of several classes or grades from sums: each class beside all others as in `metrics`, a confusion matrix with no small
cell, and sums over rows that need no cells.

Quadratic weighted kappa (Cohen 1968, Psychological Bulletin 70:213-220) follows from sums of grades: of squared differences
between predicted and actual ones, and of each with its square.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, ProtocolError
from cipherward.learning import metrics, score_groups
from cipherward.learning.measured import Measured
from cipherward.learning.metrics import CLIP, SCALE, CalibrationRow
from cipherward.learning.outcome import Counted, Counts

_SUMS = ("correct", "absolute", "squared", "predicted", "predicted squared")
_SUMMED = "test/sums"
_CONFUSION = "test/confusion"
_LOSS = "test/log_loss"


@dataclass(frozen=True)
class OneClass:
    """One class beside all others. `auroc`, `auprc`: None, and no figures, where the rows have it all, or none."""

    label: str
    n: int
    auroc: float | None
    auprc: float | None
    calibration: tuple[CalibrationRow, ...]
    roc: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ClassMetrics(Measured):
    """How well probabilities predict one of several classes.

    `macro_auroc`: the mean over the classes that occur. `log_loss`: mean, of the actual class. `confusion`: for each class the rows
    by predicted class, and last those whose prediction is not told, as few rows shared it at a hospital.
    """

    accuracy: float
    macro_auroc: float
    log_loss: float
    each: tuple[OneClass, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def headline(self) -> float:
        return self.macro_auroc

    def without_curves(self) -> Self:
        return dataclasses.replace(self, each=tuple(dataclasses.replace(one, roc=()) for one in self.each))


@dataclass(frozen=True)
class GradeMetrics(ClassMetrics):
    """The same of grades in order. `kappa`: quadratic weighted; `mae`: mean distance between predicted and actual grade."""

    kappa: float
    mae: float

    @property
    def headline(self) -> float:
        return self.kappa


def counted(labels: Sequence[str], bins: int) -> tuple[Counted, ...]:
    """The sums, in their order."""
    n = len(labels)
    of_classes = [
        Counted(
            f"test/{place}/{side}",
            bins,
            24,
            f"histogram of the predicted probability of class {place + 1} of {n}, on test rows {words}, in groups of neighbouring "
            "probabilities; a group may hold one row of the class",
        )
        for place in range(n)
        for side, words in (("negative", "of other classes"), ("positive", "of that class"))
    ]
    table = "test rows by actual and predicted class; predictions that few rows of a class share are counted together as not told"
    return (
        *of_classes,
        Counted(_LOSS, 1, 48, "sum of logarithmic errors of the predicted probabilities on test rows"),
        Counted(_SUMMED, len(_SUMS), 48, f"sums over test rows of places of classes: {', '.join(_SUMS)}"),
        Counted(_CONFUSION, n * (n + 1), 24, table),
    )


def local_counts(
    scores: NDArray[np.float64], labels: NDArray[Any], predicted: NDArray[np.int64], bins: int, group: int, least: int
) -> dict[str, NDArray[np.int64]]:
    """What one hospital contributes; zeros where it has fewer rows than `group`.

    Args:
        scores: float64[n, classes]; labels, predicted: [n], places of classes.
        least: rows of a cell of the confusion matrix, or none.
    """
    if not score_groups.may_measure(len(labels), group):
        scores, labels, predicted = scores[:0], labels[:0], predicted[:0]
    found: dict[str, NDArray[np.int64]] = {}
    for place in range(scores.shape[1]):
        own = metrics.local_counts(scores[:, place], (labels == place).astype(np.int8), bins, group=group)
        found |= {f"test/{place}/{side}": own[side] for side in ("negative", "positive")}
    loss = np.rint(row_losses(scores, labels) * SCALE).astype(np.int64).sum(keepdims=True)
    sums = np.array([*_sums(labels, predicted)], dtype=np.int64)
    return found | {
        _LOSS: loss,
        _SUMMED: sums,
        _CONFUSION: _confusion(labels, predicted, scores.shape[1], least).ravel(),
    }


def from_counts(counts: Counts, labels: Sequence[str], *, grades: bool) -> ClassMetrics:
    """Metrics from the sums.

    Raises:
        DataError: no rows, or one class only. ProtocolError: sums that no rows give.
    """
    k = len(labels)
    sides = [(counts[f"test/{place}/negative"], counts[f"test/{place}/positive"]) for place in range(k)]
    of_classes = [int(positive.sum()) for _, positive in sides]
    n, loss = sum(of_classes), int(counts[_LOSS].sum())
    table = counts[_CONFUSION].reshape(k, k + 1)
    is_sound = all(int(negative.sum()) + own == n for (negative, _), own in zip(sides, of_classes, strict=True))
    is_sound = (
        is_sound and 0 <= loss <= n * math.ceil(-math.log(CLIP) * SCALE) and table.sum(axis=1).tolist() == of_classes
    )
    sums = dict(zip(_SUMS, (int(value) for value in counts[_SUMMED]), strict=True))
    if not is_sound or (table < 0).any() or not 0 <= sums["correct"] <= n:
        raise ProtocolError("segments test/*: the opened evaluation counts fit no set of predictions")
    each = [
        _one(label, own, metrics.from_histograms(*side) if 0 < own < n else None)
        for label, own, side in zip(labels, of_classes, sides, strict=True)
    ]
    return _measured(each, n, loss / SCALE, sums, table, grades)


def exact(
    scores: NDArray[np.float64],
    labels: NDArray[Any],
    predicted: NDArray[np.int64],
    names: Sequence[str],
    *,
    grades: bool,
) -> ClassMetrics:
    """Metrics from predictions and labels in one place. Raises DataError: as `from_counts`."""
    each = []
    for place, label in enumerate(names):
        is_it = labels == place
        own = int(is_it.sum())
        found = metrics.exact(scores[:, place], is_it.astype(np.int8)) if 0 < own < len(labels) else None
        each.append(_one(label, own, found))
    sums = dict(zip(_SUMS, _sums(labels, predicted), strict=True))
    table = _confusion(labels, predicted, len(names), 0)
    return _measured(each, len(labels), math.fsum(row_losses(scores, labels)), sums, table, grades)


def row_losses(scores: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
    """-log of the probability of each row's own class, taken for no less than `metrics.CLIP`; float64[n]."""
    own = scores[np.arange(len(labels)), labels.astype(np.intp)]
    found: NDArray[np.float64] = -np.log(np.clip(own, CLIP, 1.0))
    return found


def read(document: Mapping[str, Any], kind: type[ClassMetrics]) -> ClassMetrics:
    """What `dataclasses.asdict` gave, after JSON. Raises ValueError: something else."""
    try:
        found = dict(document)
        found["each"] = tuple(_read_one(one) for one in found["each"])
        found["confusion"] = tuple(tuple(int(cell) for cell in row) for row in found["confusion"])
        result = kind(**found)
    except (TypeError, KeyError) as error:
        raise ValueError(f"no metrics of classes: {error}") from None
    if not all(math.isfinite(value) for value in (result.accuracy, result.macro_auroc, result.log_loss)):
        raise ValueError("no metrics of classes: a number is not finite")
    return result


def _read_one(document: Mapping[str, Any]) -> OneClass:
    found = dict(document)
    found["calibration"] = tuple(CalibrationRow(**row) for row in found["calibration"])
    found["roc"] = tuple((float(x), float(y)) for x, y in found["roc"])
    return OneClass(**found)


def _one(label: str, own: int, found: metrics.Metrics | None) -> OneClass:
    if found is None:
        return OneClass(label, own, None, None, (), ())
    return OneClass(label, own, found.auroc, found.auprc, found.calibration, found.roc)


def _measured(
    each: Sequence[OneClass], n: int, loss: float, sums: Mapping[str, int], table: NDArray[np.int64], grades: bool
) -> ClassMetrics:
    areas = [one.auroc for one in each if one.auroc is not None]
    if not areas:
        raise DataError(
            f"all {n} evaluation rows have one class: nothing can be told apart",
            hint="pool the evaluation over more hospitals, or take a larger test_fraction",
        )
    confusion = tuple(tuple(int(cell) for cell in row) for row in table)
    found = ClassMetrics(n, sums["correct"] / n, sum(areas) / len(areas), loss / n, tuple(each), confusion)
    if not grades:
        return found
    of_labels = [(place, one.n) for place, one in enumerate(each)]
    first, second = sum(place * own for place, own in of_labels), sum(place * place * own for place, own in of_labels)
    by_chance = second - 2.0 * first * sums["predicted"] / n + sums["predicted squared"]
    if not by_chance > 0.0 or not sums["squared"] >= 0:
        raise ProtocolError(f"segment {_SUMMED}: the opened sums of grades fit no set of predictions")
    kappa = 1.0 - sums["squared"] / by_chance
    of_all: dict[str, Any] = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return GradeMetrics(**of_all, kappa=kappa, mae=sums["absolute"] / n)


def _sums(labels: NDArray[Any], predicted: NDArray[np.int64]) -> Iterator[int]:
    apart = predicted - labels.astype(np.int64)
    yield int((apart == 0).sum())
    yield int(np.abs(apart).sum())
    yield int(np.square(apart).sum())
    yield int(predicted.sum())
    yield int(np.square(predicted).sum())


def _confusion(labels: NDArray[Any], predicted: NDArray[np.int64], k: int, least: int) -> NDArray[np.int64]:
    """int64[k, k + 1]. Of each class the cells with fewer than `least` rows are put together in the last column; where these are
    few, the next smallest cells join them, so that what is left beside the told cells is no small cell either."""
    table = np.zeros((k, k + 1), dtype=np.int64)
    np.add.at(table, (labels.astype(np.intp), predicted), 1)
    for row in table:
        for place in np.argsort(row[:k], kind="stable"):
            if row[place] and (row[place] < least or 0 < row[k] < least):
                row[k] += row[place]
                row[place] = 0
    return table
