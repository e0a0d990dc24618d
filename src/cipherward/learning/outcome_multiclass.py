"""One of several classes without an order: multinomial logistic regression and networks with a softmax (Hastie, Tibshirani and
Friedman, The Elements of Statistical Learning, section 4.4)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.graph import Graph
from cipherward.learning import class_metrics, class_weights, newton
from cipherward.learning.class_metrics import ClassMetrics
from cipherward.learning.newton import F32, Steps, Sums
from cipherward.learning.outcome import F64, Counted, Counts, Curve, Figures, OtherOutcome, Outputs
from cipherward.learning.picking import logits
from cipherward.study import Data

if TYPE_CHECKING:
    import torch

MOST_CLASSES = 100


class Multiclass(OtherOutcome):
    type = "multiclass"
    words = "outcome of several classes"
    form = "labels"
    key, title = "macro_auroc", "macro AUROC"
    floor = 0.55
    model_words = "multinomial logistic regression"
    scale_words = (
        "The probability of a class is exp(s) divided by the sum of exp(s) over all classes, s being the sum of the class's intercept "
        "and its coefficients times inputs."
    )
    least_classes = 3

    @classmethod
    def problems(cls, data: Data) -> list[str]:
        if not cls.least_classes <= len(data.classes) <= MOST_CLASSES:
            return [f'data.classes: outcome_type "{cls.type}" has {cls.least_classes} to {MOST_CLASSES} classes']
        return []

    @property
    def size(self) -> int:
        return len(self.data.classes)

    @property
    def outputs(self) -> Outputs:
        return Outputs(self.size)

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple(range(self.size))

    @property
    def predicted(self) -> str:
        return f"{self.data.outcome}: {', '.join(self.data.classes)}"

    @property
    def expected_loss(self) -> float:
        return math.log(self.size)

    @property
    def steps(self) -> Steps:
        return _SoftmaxSteps(self.size, self.class_weights)

    def check(self, labels: NDArray[Any]) -> str:
        if labels.dtype.kind not in "iu":
            return f"training labels must be integers[{len(labels)}], not {labels.dtype} {labels.shape}"
        is_wrong = len(labels) and (int(labels.min()) < 0 or int(labels.max()) >= self.size)
        return f"training labels must be 0 to {self.size - 1}" if is_wrong else ""

    def losses(self, outputs: F64, labels: NDArray[Any]) -> F64:
        return softmax_losses(outputs, labels) * self.row_weights(labels)

    def slopes(self, outputs: F64, labels: NDArray[Any]) -> F64:
        error = softmax(outputs) - np.eye(self.size)[labels.astype(np.intp)]
        return error * self.row_weights(labels)[:, None]

    def torch_loss(self, outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        if not self.class_weights:
            return cross_entropy(outputs, labels.long(), reduction=reduction)
        return self.weighed_mean(cross_entropy(outputs, labels.long(), reduction="none"), labels, reduction)

    def scores(self, outputs: F64) -> F64:
        return softmax(outputs.reshape(-1, self.size))

    def chosen(self, scores: F64) -> NDArray[np.int64]:
        """The predicted class of each row, int64[n]."""
        found: NDArray[np.int64] = scores.argmax(axis=1).astype(np.int64)
        return found

    def spread(self, scores: F64) -> tuple[F64, ...]:
        return tuple(logits(scores[:, place]) for place in range(self.size))

    def validation_loss(self, scores: F64, labels: NDArray[Any]) -> float:
        each = class_metrics.row_losses(scores, labels) * self.row_weights(labels)
        return math.fsum(each) / self.largest_weight

    def counted(self, bins: int) -> tuple[Counted, ...]:
        return class_metrics.counted(self.data.classes, bins)

    def local_counts(
        self, scores: F64, labels: NDArray[Any], bins: int, group: int, least: int
    ) -> dict[str, NDArray[np.int64]]:
        return class_metrics.local_counts(scores, labels, self.chosen(scores), bins, group, least)

    def from_counts(self, counts: Counts) -> ClassMetrics:
        return class_metrics.from_counts(counts, self.data.classes, grades=False)

    def exact(self, scores: F64, labels: NDArray[Any]) -> ClassMetrics:
        return class_metrics.exact(scores, labels, self.chosen(scores), self.data.classes, grades=False)

    def unfit(self, labels: NDArray[Any]) -> str:
        return "one class only" if labels.size == 0 or labels.min() == labels.max() else ""

    def read(self, document: Mapping[str, Any]) -> ClassMetrics:
        return class_metrics.read(document, ClassMetrics)

    def figures(self, found: Any) -> Figures:
        named = [("Accuracy", found.accuracy), ("Macro AUROC (one class against the rest)", found.macro_auroc)]
        return figures_of(found, (*named, ("Log loss", found.log_loss)))

    @property
    def predicted_classes(self) -> tuple[str, ...]:
        return self.data.classes

    def exported(self, graph: Graph, outputs: str) -> tuple[str, str]:
        return "probabilities", graph.add("Softmax", outputs, axis=1)

    def columns(self) -> tuple[str, ...]:
        return ("class", *(f"probability of {name}" for name in self.data.classes))

    def cells(self, scores: F64) -> list[tuple[str, ...]]:
        names = [self.data.classes[place] for place in self.chosen(scores)]
        return [(name, *(f"{value:.9g}" for value in row)) for name, row in zip(names, scores, strict=True)]


def softmax(outputs: F64) -> F64:
    """Probabilities float64[n, classes]."""
    raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    found: F64 = raised / raised.sum(axis=1, keepdims=True)
    return found


def softmax_losses(outputs: F64, labels: NDArray[Any]) -> F64:
    """-log of the probability of each row's own class, float64[n]."""
    with np.errstate(invalid="ignore"):
        most = outputs.max(axis=1)
        found: F64 = np.log(np.exp(outputs - most[:, None]).sum(axis=1)) + most
        return found - outputs[np.arange(len(labels)), labels.astype(np.intp)]


def figures_of(found: ClassMetrics, named: tuple[tuple[str, float], ...]) -> Figures:
    curves = []
    for one in found.each:
        points = tuple((row.mean_predicted, row.observed_rate, row.n) for row in one.calibration)
        curves += [
            Curve("calibration", one.label, points),
            Curve("roc", one.label, tuple((x, y, 0) for x, y in one.roc)),
        ]
    labels = [one.label for one in found.each]
    rows = [(label, *map(str, cells)) for label, cells in zip(labels, found.confusion, strict=True)]
    head = ("Actual", *(f"predicted {label}" for label in labels), "not told")
    return Figures(
        named,
        tuple(curve for curve in curves if curve.points),
        "Test rows by actual and predicted class",
        (head, *rows),
    )


class _SoftmaxSteps(Steps):
    """Gradient: of each class but the first, inputs and bias, float64[classes - 1, p]. Curvature: for each pair of classes the upper
    triangle of the sum over rows of both probabilities x inputs x inputs, float64[pairs, p (p + 1) / 2]. What is left of the first
    class, and of a class with itself, is minus the sum of the others, as probabilities add up to 1."""

    def __init__(self, size: int, weights: tuple[float, ...] = ()) -> None:
        self.n_biases, self.class_weights = size, weights

    def sizes(self, d: int) -> tuple[int, int]:
        p, k = d + 1, self.n_biases
        return (k - 1) * p, k * (k - 1) // 2 * (p * (p + 1) // 2)

    def reach(self, inputs: F64) -> tuple[F64, F64]:
        first, k = np.append(inputs, 1.0), self.n_biases
        second = 0.25 * np.multiply.outer(first, first)[np.triu_indices(len(first))]
        return np.tile(first, k - 1), np.tile(second, k * (k - 1) // 2)

    def sums_at(self, weights: F32, features: F32, labels: NDArray[Any]) -> Sums:
        k, d = self.n_biases, features.shape[1]
        slopes, biases = weights[:-k].astype(np.float64).reshape(k, d), weights[-k:].astype(np.float64)
        outputs = (features.astype(np.float64) @ slopes.T + biases).astype(np.float32).astype(np.float64)
        chance = softmax(outputs)
        each = class_weights.of_rows(self.class_weights, labels)
        expected = class_weights.expected(self.class_weights, chance)
        error = (chance - np.eye(k)[labels.astype(np.intp)]) * each[:, None]
        gradient = np.zeros((k - 1, d + 1))
        for part, x in newton.blocks(features):
            gradient += error[part, 1:].T @ x
        both = (chance[:, a] * chance[:, b] * expected for a, b in itertools.combinations(range(k), 2))
        upper = np.triu_indices(d + 1)
        curvature = [square[upper] for square in newton.weighted_squares(features, both)]
        losses = np.minimum(softmax_losses(outputs, labels), self.most_loss) * each
        return Sums(len(labels), float(losses.sum()), gradient.ravel(), np.concatenate(curvature))

    def full(self, gradient: F64, curvature: F64, d: int) -> tuple[F64, F64]:
        k, p = self.n_biases, d + 1
        each = np.zeros((k, p))
        matrix = np.zeros((k, p, k, p))
        for place, slope in enumerate(gradient.reshape(k - 1, p), start=1):
            each[place] = slope
            each[0] -= slope
        upper = curvature.reshape(-1, p * (p + 1) // 2)
        for (a, b), half in zip(itertools.combinations(range(k), 2), upper, strict=True):
            square = newton.symmetric(half, p)
            matrix[a, :, b] -= square
            matrix[b, :, a] -= square
            matrix[a, :, a] += square
            matrix[b, :, b] += square
        # Moving all biases alike changes nothing: without this the matrix would be singular. The step stays the same.
        matrix[:, d, :, d] += 1.0 / k
        order = np.concatenate([np.arange(k * p).reshape(k, p)[:, :d].ravel(), np.arange(k) * p + d])
        return each.ravel()[order], matrix.reshape(k * p, k * p)[np.ix_(order, order)]
