"""Grades in an order: one slope for all thresholds (CORAL: Cao, Mirjalili and Raschka 2020, Pattern Recognition Letters 140:325-331).

The model gives for each grade but the last the log odds that the outcome lies above it; they share every weight and differ by their
thresholds. The loss is the sum of their logistic losses. It is convex for a linear model, like that of proportional odds, and needs no
constraint: at the fit the thresholds are in order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.graph import Graph
from cipherward.learning import class_metrics, class_weights, linear, newton
from cipherward.learning.class_metrics import GradeMetrics
from cipherward.learning.newton import F32, Steps, Sums
from cipherward.learning.outcome import F64, Counts, Figures, Outputs
from cipherward.learning.outcome_multiclass import Multiclass, figures_of
from cipherward.learning.picking import logits

if TYPE_CHECKING:
    import torch


class Ordinal(Multiclass):
    type = "ordinal"
    words = "outcome of grades in order"
    key, title = "kappa", "quadratic weighted kappa"
    floor = 0.05
    model_words = "ordinal logistic regression"
    scale_words = (
        "The probability of a grade above another is 1 / (1 + exp(-s)), s being the sum of the threshold of that grade and of the "
        "coefficients, which all thresholds share, times inputs."
    )

    @property
    def outputs(self) -> Outputs:
        return Outputs(self.size - 1, is_shared=True)

    @property
    def predicted(self) -> str:
        return f"{self.data.outcome}: {' < '.join(self.data.classes)}"

    @property
    def expected_loss(self) -> float:
        return (self.size - 1) * math.log(2.0)

    @property
    def steps(self) -> Steps:
        return _SharedSteps(self.size - 1, self.class_weights)

    def losses(self, outputs: F64, labels: NDArray[Any]) -> F64:
        with np.errstate(invalid="ignore"):
            found: F64 = (np.logaddexp(0.0, outputs) - self._above(labels) * outputs).sum(axis=1)
        return found * self.row_weights(labels)

    def slopes(self, outputs: F64, labels: NDArray[Any]) -> F64:
        return (sigmoids(outputs) - self._above(labels)) * self.row_weights(labels)[:, None]

    def torch_loss(self, outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        above = (labels[:, None] > torch.arange(self.size - 1, device=labels.device)).to(outputs.dtype)
        if self.class_weights:
            each = binary_cross_entropy_with_logits(outputs, above, reduction="none").sum(dim=1)
            return self.weighed_mean(each, labels, reduction)
        total = binary_cross_entropy_with_logits(outputs, above, reduction="sum")
        return total if reduction == "sum" else total / len(labels)

    def scores(self, outputs: F64) -> F64:
        """While training the thresholds may not be in order yet: nobody's chance to lie above a grade is larger than above a lower one."""
        return _grades(sigmoids(outputs.reshape(-1, self.size - 1)))

    def chosen(self, scores: F64) -> NDArray[np.int64]:
        """The middle grade of each row: the chance to lie above it is at most one half, int64[n]."""
        found: NDArray[np.int64] = (_chances_above(scores) > 0.5).sum(axis=1).astype(np.int64)
        return found

    def spread(self, scores: F64) -> tuple[F64, ...]:
        return tuple(logits(np.clip(above, 0.0, 1.0)) for above in _chances_above(scores).T)

    def from_counts(self, counts: Counts) -> GradeMetrics:
        return _graded(class_metrics.from_counts(counts, self.data.classes, grades=True))

    def exact(self, scores: F64, labels: NDArray[Any]) -> GradeMetrics:
        return _graded(class_metrics.exact(scores, labels, self.chosen(scores), self.data.classes, grades=True))

    def read(self, document: Mapping[str, Any]) -> GradeMetrics:
        return _graded(class_metrics.read(document, GradeMetrics))

    def figures(self, found: Any) -> Figures:
        named = (
            ("Quadratic weighted kappa", found.kappa),
            ("Mean distance between predicted and actual grade", found.mae),
            ("Accuracy", found.accuracy),
            ("Macro AUROC (one grade against the rest)", found.macro_auroc),
            ("Log loss", found.log_loss),
        )
        return figures_of(found, named)

    def exported(self, graph: Graph, outputs: str) -> tuple[str, str]:
        chances = graph.add("Sigmoid", outputs)
        above = [
            graph.add("Gather", chances, graph.constant([place], "int64"), axis=1) for place in range(self.size - 1)
        ]
        for place in range(1, len(above)):
            above[place] = graph.add("Min", above[place - 1], above[place])
        first = graph.add("Sub", graph.constant([1.0], "float64"), above[0])
        middle = [graph.add("Sub", one, next_one) for one, next_one in pairwise(above)]
        return "probabilities", graph.joined([first, *middle, above[-1]])

    def columns(self) -> tuple[str, ...]:
        return ("grade", *super().columns()[1:])

    def _above(self, labels: NDArray[Any]) -> F64:
        return (labels[:, None] > np.arange(self.size - 1)).astype(np.float64)


def sigmoids(outputs: F64) -> F64:
    """Of each entry, float64[n, m]."""
    return linear.sigmoid(np.ascontiguousarray(outputs).ravel()).reshape(outputs.shape)


def _grades(chances: F64) -> F64:
    """The probability of each grade, float64[n, m + 1], from those to lie above each grade but the last."""
    above = np.minimum.accumulate(chances, axis=1)
    ends = np.ones((len(above), 1)), np.zeros((len(above), 1))
    found: F64 = np.hstack([ends[0], above]) - np.hstack([above, ends[1]])
    return found


def _chances_above(scores: F64) -> F64:
    return 1.0 - np.cumsum(scores, axis=1)[:, :-1]


def _graded(found: class_metrics.ClassMetrics) -> GradeMetrics:
    if not isinstance(found, GradeMetrics):
        raise ValueError("no metrics of grades")
    return found


class _SharedSteps(Steps):
    """Gradient: of the shared weights float64[d], then of the thresholds [m]. Curvature: of the weights (upper triangle, row by row),
    of each threshold with the weights [m, d], and of each threshold [m]."""

    is_shared = True

    def __init__(self, size: int, weights: tuple[float, ...] = ()) -> None:
        self.n_biases, self.class_weights = size, weights

    def sizes(self, d: int) -> tuple[int, int]:
        m = self.n_biases
        return d + m, d * (d + 1) // 2 + m * d + m

    def reach(self, inputs: F64) -> tuple[F64, F64]:
        m = self.n_biases
        squares = 0.25 * m * np.multiply.outer(inputs, inputs)[np.triu_indices(len(inputs))]
        first = np.concatenate([m * inputs, np.ones(m)])
        return first, np.concatenate([squares, np.tile(0.25 * inputs, m), np.full(m, 0.25)])

    def sums_at(self, weights: F32, features: F32, labels: NDArray[Any]) -> Sums:
        m, d = self.n_biases, features.shape[1]
        slope, thresholds = weights[:-m].astype(np.float64), weights[-m:].astype(np.float64)
        common = features.astype(np.float64) @ slope
        outputs = (common[:, None] + thresholds).astype(np.float32).astype(np.float64)
        chance = sigmoids(outputs)
        above = (labels[:, None] > np.arange(m)).astype(np.float64)
        each = class_weights.of_rows(self.class_weights, labels)
        expected = class_weights.expected(self.class_weights, _grades(chance))
        error, weight = (chance - above) * each[:, None], chance * (1.0 - chance) * expected[:, None]
        gradient, mixed = np.zeros(d), np.zeros((m, d))
        for part, x in newton.blocks(features):
            gradient += x[:, :d].T @ error[part].sum(axis=1)
            mixed += weight[part].T @ x[:, :d]
        (square,) = newton.weighted_squares(features, [weight.sum(axis=1)])
        losses = np.minimum((np.logaddexp(0.0, outputs) - above * outputs).sum(axis=1), self.most_loss) * each
        curvature = np.concatenate([square[:d, :d][np.triu_indices(d)], mixed.ravel(), weight.sum(axis=0)])
        return Sums(len(labels), float(losses.sum()), np.concatenate([gradient, error.sum(axis=0)]), curvature)

    def full(self, gradient: F64, curvature: F64, d: int) -> tuple[F64, F64]:
        m, first = self.n_biases, d * (d + 1) // 2
        matrix = np.zeros((d + m, d + m))
        matrix[:d, :d] = newton.symmetric(curvature[:first], d)
        mixed = curvature[first : first + m * d].reshape(m, d)
        matrix[d:, :d], matrix[:d, d:] = mixed, mixed.T
        matrix[np.arange(d, d + m), np.arange(d, d + m)] = curvature[first + m * d :]
        return gradient, matrix
