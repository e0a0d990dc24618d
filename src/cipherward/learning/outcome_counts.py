"""Counts: Poisson regression with a log link (McCullagh and Nelder, Generalized Linear Models, chapter 6), and networks with the same loss.

Models predict the logarithm of the expected count divided by a unit, which all training rows together give: their mean count, or its
standard deviation where that is larger, so that noise on both leaves no unit that is far too small. Nothing above the declared
maximum is expected: beyond it the loss goes on as a line, so that it stays convex and every row's part of a sum has a bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError
from cipherward.graph import Graph
from cipherward.learning import binning, newton, number_metrics
from cipherward.learning.newton import F32, Steps, Sums
from cipherward.learning.number_metrics import NumberMetrics, Opened
from cipherward.learning.outcome import F64, Counted, Counts, Figures
from cipherward.learning.outcome_continuous import Continuous, calibrated
from cipherward.study import Data

if TYPE_CHECKING:
    import torch

LEAST = 1e-6
"""A smaller count is never expected, in parts of the unit."""

_MOST = 1024.0  # of a row's validation loss
_LEAST_UNIT = 2.0**-20  # of the declared maximum


@dataclass(frozen=True)
class CountMetrics(NumberMetrics):
    """`deviance`: mean Poisson deviance; `d2`: 1 less that by the deviance of the mean of the test rows."""

    deviance: float
    d2: float

    @property
    def headline(self) -> float:
        return self.d2


class CountedOutcome(Continuous):
    type = "counts"
    words = "count"
    form = "whole"
    key, title = "d2", "D² (explained deviance)"
    floor = 0.01
    model_words = "Poisson regression"
    scale_words = "The expected count is exp(s) times a unit (docs/study.md), s being the sum of intercept and coefficients times inputs."

    @classmethod
    def problems(cls, data: Data) -> list[str]:
        most = data.outcome_maximum or 0.0
        is_right = 1.0 <= most <= 2.0**24 and most == int(most)
        return [] if is_right else ["data.outcome_maximum: the largest count is a whole number from 1 to 2^24"]

    @property
    def base(self) -> float:
        """In which counts are learned."""
        return min(max(self._mean, self._stddev, _LEAST_UNIT), 1.0) * self.scale.high

    @property
    def most(self) -> float:
        """The logarithm of the declared maximum by the unit: no output above it counts as more."""
        return math.log(self.scale.high / self.base)

    @property
    def expected_loss(self) -> float:
        return 1.0

    @property
    def steps(self) -> Steps:
        return _PoissonSteps(self)

    def check(self, labels: NDArray[Any]) -> str:
        trouble = super().check(labels)
        return trouble or ("training labels must be whole" if bool((labels != np.rint(labels)).any()) else "")

    def expected(self, outputs: F64) -> F64:
        """In parts of the unit, float64[n]."""
        found: F64 = np.exp(np.minimum(outputs, self.most))
        return found

    def losses(self, outputs: F64, labels: NDArray[Any]) -> F64:
        """Half the deviance, in parts of the unit."""
        y = labels / self.base
        with np.errstate(over="ignore", invalid="ignore"):
            beyond = np.maximum(outputs - self.most, 0.0) * math.exp(self.most)
            found: F64 = self.expected(outputs) + beyond - y + _xlogx(y) - y * outputs
        return found

    def slopes(self, outputs: F64, labels: NDArray[Any]) -> F64:
        found: F64 = self.expected(outputs) - labels / self.base
        return found

    def torch_loss(self, outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        import torch

        beyond = torch.clamp(outputs - self.most, min=0.0) * math.exp(self.most)
        losses = torch.exp(torch.clamp(outputs, max=self.most)) + beyond - labels * outputs
        return losses.sum() if reduction == "sum" else losses.mean()

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        return (labels / self.base).astype(np.float32)

    def scores(self, outputs: F64) -> F64:
        return self.base * np.maximum(self.expected(outputs), LEAST)

    def spread(self, scores: F64) -> tuple[F64, ...]:
        return (np.log(scores / self.base),)

    def validation_loss(self, scores: F64, labels: NDArray[Any]) -> float:
        return math.fsum(np.clip(self.losses(np.log(scores / self.base), labels), 0.0, _MOST))

    def counted(self, bins: int) -> tuple[Counted, ...]:
        return number_metrics.counted(
            bins, ("errors without their signs", "deviances", "outcomes times their logarithms")
        )

    def local_counts(
        self, scores: F64, labels: NDArray[Any], bins: int, group: int, least: int
    ) -> dict[str, NDArray[np.int64]]:
        (values,) = self.spread(scores)
        return number_metrics.local_counts(values, labels, self._errors(scores, labels), self.scale, bins, group)

    def from_counts(self, counts: Counts) -> CountMetrics:
        centres = self.base * np.exp(binning.centres(len(counts["test/rows"])))
        return self._of(number_metrics.opened(counts, np.minimum(centres, self.scale.high), self.scale))

    def exact(self, scores: F64, labels: NDArray[Any]) -> CountMetrics:
        return self._of(number_metrics.exact(scores, labels, self._errors(scores, labels)))

    def read(self, document: Mapping[str, Any]) -> CountMetrics:
        return number_metrics.read(document, CountMetrics)

    def figures(self, found: Any) -> Figures:
        named = [("D² (explained deviance)", found.d2), ("Mean Poisson deviance", found.deviance)]
        return calibrated(found, [*named, ("Mean absolute error", found.mae)])

    def exported(self, graph: Graph, outputs: str) -> tuple[str, str]:
        limits = [graph.constant([value], "float64") for value in (self.most, LEAST, self.base)]
        expected = graph.add("Max", graph.add("Exp", graph.add("Min", outputs, limits[0])), limits[1])
        return "expected_count", graph.add("Mul", expected, limits[2])

    @property
    def unit(self) -> float:
        return self.scale.high

    def columns(self) -> tuple[str, ...]:
        return ("expected count",)

    @property
    def _units(self) -> tuple[float, float, float]:
        """The largest term of a row in each sum of errors."""
        high = self.scale.high
        return high, 2.0 * high * (1.0 + math.log(high / (self.base * LEAST))), _largest_xlogx(high)

    def _errors(self, scores: F64, labels: NDArray[Any]) -> tuple[F64, ...]:
        y = labels.astype(np.float64)
        deviance = 2.0 * (_xlogx(y) - y * np.log(scores) - y + scores)
        absolute, most, logarithms = self._units
        return np.abs(scores - y) / absolute, deviance / most, _xlogx(y) / logarithms

    def _of(self, found: Opened) -> CountMetrics:
        absolute, deviance, logarithms = (total * unit for total, unit in zip(found.errors, self._units, strict=True))
        of_mean = (
            2.0 * (logarithms - found.outcomes * math.log(found.outcomes / found.n)) if found.outcomes > 0 else 0.0
        )
        if not of_mean > 0.0:
            raise DataError(
                f"all {found.n} evaluation rows have the same count: D² needs counts that differ",
                hint="pool the evaluation over more hospitals, or take a larger test_fraction",
            )
        return CountMetrics(
            found.n,
            absolute / found.n,
            found.slope,
            found.intercept,
            found.calibration,
            deviance=deviance / found.n,
            d2=1.0 - deviance / of_mean,
        )


def _xlogx(y: F64) -> F64:
    found: F64 = y * np.log(np.maximum(y, 1e-300))
    return found


def _largest_xlogx(high: float) -> float:
    return max(high * math.log(high), 1.0)


class _PoissonSteps(Steps):
    """Gradient and curvature as of a logistic regression; a row's weight is its expected count in parts of the unit."""

    def __init__(self, outcome: CountedOutcome) -> None:
        self._outcome = outcome
        self._largest = math.exp(outcome.most)
        self.most_loss = newton.MOST_LOSS * self._largest

    def sizes(self, d: int) -> tuple[int, int]:
        return d + 1, (d + 1) * (d + 2) // 2

    def reach(self, inputs: F64) -> tuple[F64, F64]:
        first = np.append(inputs, 1.0)
        return self._largest * first, self._largest * np.multiply.outer(first, first)[np.triu_indices(len(first))]

    def sums_at(self, weights: F32, features: F32, labels: NDArray[Any]) -> Sums:
        p = len(weights)
        outputs = features.astype(np.float64) @ weights[:-1].astype(np.float64) + float(weights[-1])
        error = self._outcome.slopes(outputs, labels)
        gradient = np.zeros(p)
        for part, x in newton.blocks(features):
            gradient += x.T @ error[part]
        (square,) = newton.weighted_squares(features, [self._outcome.expected(outputs)])
        losses = np.clip(self._outcome.losses(outputs, labels), 0.0, self.most_loss)
        return Sums(len(labels), float(losses.sum()), gradient, square[np.triu_indices(p)])

    def full(self, gradient: F64, curvature: F64, d: int) -> tuple[F64, F64]:
        return gradient, newton.symmetric(curvature, d + 1)
