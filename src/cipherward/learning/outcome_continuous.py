"""A measured number: linear regression by least squares, exact in one sum, and networks with squared loss.

Models predict the outcome in standard deviations from its mean, both of all training rows together, so that a step size fits whatever
the unit is.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError
from cipherward.graph import Graph
from cipherward.learning import binning, newton, number_metrics
from cipherward.learning.newton import F32, Steps, Sums
from cipherward.learning.number_metrics import NumberMetrics, Opened, Scale
from cipherward.learning.outcome import F64, Counted, Counts, Curve, Figures, OtherOutcome
from cipherward.study import Data

if TYPE_CHECKING:
    import torch

_MOST = 1024.0  # of a row's validation loss: squared standard deviations
_FIRST = (0.5, 0.25)  # mean and standard deviation, in parts of the range, before they are known


@dataclass(frozen=True)
class ContinuousMetrics(NumberMetrics):
    """`mse`: mean squared error; `r2`: 1 less that by the variance of the test rows' outcomes."""

    mse: float
    r2: float

    @property
    def headline(self) -> float:
        return self.r2


class Continuous(OtherOutcome):
    type = "continuous"
    words = "measured number"
    form = "range"
    key, title = "r2", "R²"
    floor = 0.01
    model_words = "linear regression"
    scale_words = (
        "The prediction is the mean outcome plus s standard deviations of the outcome, s being the sum of intercept and coefficients "
        "times inputs."
    )

    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.scale = Scale(float(data.outcome_minimum or 0.0), float(data.outcome_maximum or 1.0))
        self._mean, self._stddev = _FIRST

    def scaled(self, constants: Sequence[float]) -> Self:
        if not constants:
            return self
        found = copy.copy(self)
        found._mean, found._stddev = constants
        return found

    @property
    def mean(self) -> float:
        """Of all training rows together, in the outcome's unit."""
        return self.scale.low + self._mean * self.scale.width

    @property
    def stddev(self) -> float:
        return self._stddev * self.scale.width

    @property
    def predicted(self) -> str:
        return f"{self.data.outcome}, from {self.scale.low:g} to {self.scale.high:g}"

    @property
    def expected_loss(self) -> float:
        return 0.5

    @property
    def steps(self) -> Steps:
        return _LeastSquares(self)

    def check(self, labels: NDArray[Any]) -> str:
        if labels.dtype.kind not in "iuf" or not np.isfinite(labels).all():
            return "training labels must be finite numbers"
        is_outside = bool(((labels < self.scale.low) | (labels > self.scale.high)).any())
        return "a training label lies outside the declared range" if is_outside else ""

    def standardised(self, labels: NDArray[Any]) -> F64:
        """In standard deviations from the mean, float64[n]."""
        found: F64 = (labels - self.mean) / self.stddev
        return found

    def losses(self, outputs: F64, labels: NDArray[Any]) -> F64:
        with np.errstate(over="ignore", invalid="ignore"):
            found: F64 = 0.5 * np.square(outputs - self.standardised(labels))
        return found

    def slopes(self, outputs: F64, labels: NDArray[Any]) -> F64:
        found: F64 = outputs - self.standardised(labels)
        return found

    def torch_loss(self, outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        from torch.nn.functional import mse_loss

        return 0.5 * mse_loss(outputs, labels, reduction=reduction)

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        return self.standardised(labels).astype(np.float32)

    def scores(self, outputs: F64) -> F64:
        return np.clip(self.mean + self.stddev * outputs, self.scale.low, self.scale.high)

    def spread(self, scores: F64) -> tuple[F64, ...]:
        return (self.standardised(scores),)

    def validation_loss(self, scores: F64, labels: NDArray[Any]) -> float:
        return math.fsum(np.minimum(self.losses(self.standardised(scores), labels), _MOST))

    def counted(self, bins: int) -> tuple[Counted, ...]:
        return number_metrics.counted(bins, ("errors without their signs", "squared errors", "squared outcomes"))

    def local_counts(
        self, scores: F64, labels: NDArray[Any], bins: int, group: int, least: int
    ) -> dict[str, NDArray[np.int64]]:
        errors = self._errors(scores, labels)
        return number_metrics.local_counts(self.standardised(scores), labels, errors, self.scale, bins, group)

    def from_counts(self, counts: Counts) -> NumberMetrics:
        centres = self.mean + self.stddev * binning.centres(len(counts["test/rows"]))
        return self._metrics(number_metrics.opened(counts, centres, self.scale))

    def exact(self, scores: F64, labels: NDArray[Any]) -> NumberMetrics:
        return self._metrics(number_metrics.exact(scores, labels, self._errors(scores, labels)))

    def unfit(self, labels: NDArray[Any]) -> str:
        return "one value of the outcome only" if labels.size == 0 or labels.min() == labels.max() else ""

    def read(self, document: Mapping[str, Any]) -> NumberMetrics:
        return number_metrics.read(document, ContinuousMetrics)

    def figures(self, found: Any) -> Figures:
        named = [("R²", found.r2), ("Mean squared error", found.mse), ("Mean absolute error", found.mae)]
        return calibrated(found, named)

    def exported(self, graph: Graph, outputs: str) -> tuple[str, str]:
        stddev, mean, low, high = (
            graph.constant([value], "float64") for value in (self.stddev, self.mean, self.scale.low, self.scale.high)
        )
        number = graph.add("Add", graph.add("Mul", outputs, stddev), mean)
        return "prediction", graph.add("Min", graph.add("Max", number, low), high)

    @property
    def unit(self) -> float:
        return self.scale.width

    def columns(self) -> tuple[str, ...]:
        return ("prediction",)

    def _errors(self, scores: F64, labels: NDArray[Any]) -> tuple[F64, ...]:
        apart = (scores - labels) / self.scale.width
        return np.abs(apart), np.square(apart), np.square((labels - self.scale.low) / self.scale.width)

    def _metrics(self, found: Opened) -> ContinuousMetrics:
        absolute, squared, squares = found.errors
        mean = (found.outcomes / found.n - self.scale.low) / self.scale.width
        variance = squares / found.n - mean * mean
        if not variance > 0.0:
            raise DataError(
                f"all {found.n} evaluation rows have the same outcome: R² needs outcomes that differ",
                hint="pool the evaluation over more hospitals, or take a larger test_fraction",
            )
        width = self.scale.width
        return ContinuousMetrics(
            found.n,
            absolute / found.n * width,
            found.slope,
            found.intercept,
            found.calibration,
            mse=squared / found.n * width * width,
            r2=1.0 - squared / found.n / variance,
        )


def calibrated(found: NumberMetrics, named: Sequence[tuple[str, float]]) -> Figures:
    """These metrics with the line and the curve of outcomes on predictions."""
    line = [("Calibration slope", found.slope), ("Calibration intercept", found.intercept)]
    told = [(name, value) for name, value in line if value is not None]
    points = tuple((row.mean_predicted, row.mean_observed, row.n) for row in found.calibration)
    return Figures((*named, *told), (Curve("calibration", "tenths of the test rows", points),))


class _LeastSquares(Steps):
    """Gradient and curvature as of a logistic regression, with every row's weight 1 in the curvature, which is that of the loss
    everywhere: one step from zeros is the fit."""

    is_exact = True

    def __init__(self, outcome: Continuous) -> None:
        self._outcome = outcome

    @property
    def _most(self) -> float:
        """How far a standardised outcome can be from zero; twice, for steps that do not begin at zeros."""
        ends = self._outcome.standardised(np.array([self._outcome.scale.low, self._outcome.scale.high]))
        return 2.0 * max(abs(float(ends[0])), abs(float(ends[1])))

    def sizes(self, d: int) -> tuple[int, int]:
        return d + 1, (d + 1) * (d + 2) // 2

    def reach(self, inputs: F64) -> tuple[F64, F64]:
        first = np.append(inputs, 1.0)
        return self._most * first, np.multiply.outer(first, first)[np.triu_indices(len(first))]

    def sums_at(self, weights: F32, features: F32, labels: NDArray[Any]) -> Sums:
        p = len(weights)
        outputs = features.astype(np.float64) @ weights[:-1].astype(np.float64) + float(weights[-1])
        error = np.clip(self._outcome.slopes(outputs, labels), -self._most, self._most)
        gradient = np.zeros(p)
        for part, x in newton.blocks(features):
            gradient += x.T @ error[part]
        (square,) = newton.weighted_squares(features, [np.ones(len(labels))])
        losses = np.minimum(0.5 * np.square(error), self.most_loss)
        return Sums(len(labels), float(losses.sum()), gradient, square[np.triu_indices(p)])

    def full(self, gradient: F64, curvature: F64, d: int) -> tuple[F64, F64]:
        return gradient, newton.symmetric(curvature, d + 1)
