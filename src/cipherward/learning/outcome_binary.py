"""A binary outcome: logistic regression and networks with one logit (Hastie, Tibshirani and Friedman, section 4.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.graph import Graph
from cipherward.learning import class_weights, linear, metrics, newton
from cipherward.learning.clinical import CalibrationLine, Decision
from cipherward.learning.metrics import CalibrationRow, Metrics
from cipherward.learning.newton import F32, Steps, Sums
from cipherward.learning.outcome import F64, Counted, Counts, Outcome, Outputs
from cipherward.learning.picking import logits
from cipherward.study import Data

if TYPE_CHECKING:
    import torch

_PREFIX = "test/"


class Binary(Outcome):
    type = "binary"
    words = "binary outcome"
    form = "sides"
    key, title = "auroc", "AUROC"
    floor = 0.55
    has_interval = True
    model_words = "logistic regression"

    @property
    def facts(self) -> Mapping[str, str]:
        return {}

    @property
    def model_outputs(self) -> Outputs | None:
        return None

    @property
    def classes(self) -> tuple[int, ...]:
        return 0, 1

    @property
    def predicted(self) -> str:
        return f"{self.data.outcome} is {self.data.positive}"

    @property
    def reviewed(self) -> str:
        return f"{self.data.outcome} = {self.data.positive}"

    @property
    def steps(self) -> Steps:
        return _LogisticSteps(self.class_weights)

    def check(self, labels: NDArray[Any]) -> str:
        if labels.dtype.kind not in "iu":
            return f"training labels must be integers[{len(labels)}], not {labels.dtype} {labels.shape}"
        is_wrong = len(labels) and (int(labels.min()) < 0 or int(labels.max()) > 1)
        return "training labels must be 0 or 1" if is_wrong else ""

    def losses(self, outputs: F64, labels: NDArray[Any]) -> F64:
        with np.errstate(invalid="ignore"):
            found: F64 = np.logaddexp(0.0, outputs) - labels * outputs
        return found * self.row_weights(labels)

    def slopes(self, outputs: F64, labels: NDArray[Any]) -> F64:
        found: F64 = linear.sigmoid(outputs) - labels
        return found * self.row_weights(labels)

    def torch_loss(self, outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits

        if not self.class_weights:
            return binary_cross_entropy_with_logits(outputs, labels, reduction=reduction)
        return self.weighed_mean(binary_cross_entropy_with_logits(outputs, labels, reduction="none"), labels, reduction)

    def scores(self, outputs: F64) -> F64:
        return linear.sigmoid(outputs)

    def spread(self, scores: F64) -> tuple[F64, ...]:
        return (logits(scores),)

    def validation_loss(self, scores: F64, labels: NDArray[Any]) -> float:
        each = metrics.row_losses(scores, labels) * self.row_weights(labels)
        return math.fsum(each) / self.largest_weight

    def counted(self, bins: int) -> tuple[Counted, ...]:
        return tuple(Counted(name, size(bins), bits, meaning) for name, size, bits, meaning in _COUNTED)

    def local_counts(
        self, scores: F64, labels: NDArray[Any], bins: int, group: int, least: int
    ) -> dict[str, NDArray[np.int64]]:
        return metrics.local_counts(scores, labels, bins, prefix=_PREFIX, group=group)

    def from_counts(self, counts: Counts) -> Metrics:
        return metrics.from_counts(counts, prefix=_PREFIX)

    def in_brief(self, counts: Counts) -> Metrics:
        return metrics.from_counts(counts, prefix=_PREFIX, in_brief=True)

    def exact(self, scores: F64, labels: NDArray[Any]) -> Metrics:
        return metrics.exact(scores, labels)

    def unfit(self, labels: NDArray[Any]) -> str:
        return "one class only" if labels.size == 0 or labels.min() == labels.max() else ""

    def exported(self, graph: Graph, outputs: str) -> tuple[str, str]:
        return "probability", graph.add("Sigmoid", outputs)

    def read(self, document: Mapping[str, Any]) -> Metrics:
        found = dict(document)
        found["calibration"] = tuple(CalibrationRow(**row) for row in found["calibration"])
        found["roc"] = tuple((float(x), float(y)) for x, y in found["roc"])
        found["decisions"] = tuple(Decision(**row) for row in found.get("decisions", ()))
        span = found.get("auroc_interval")
        found["auroc_interval"] = (float(span[0]), float(span[1])) if span else None
        line = found.get("calibration_line")
        found["calibration_line"] = CalibrationLine(**line) if line else None
        return Metrics(**found)


_COUNTED = (
    (
        "test/negative", lambda bins: bins, 24,
        "histogram of the model's scores on test rows without the outcome, in groups of neighbouring scores",
    ),
    (
        "test/positive", lambda bins: bins, 24,
        "histogram of the model's scores on test rows with the outcome, in the same groups; a group may hold one such row",
    ),
    ("test/brier", lambda bins: 1, 48, "sum of squared errors of the scores on test rows"),
    ("test/log_loss", lambda bins: 1, 48, "sum of logarithmic errors of the scores on test rows"),
)  # fmt: skip


class _LogisticSteps(Steps):
    """Gradient float64[p] and the upper triangle of second derivatives, row by row; p: the inputs and the bias, which comes last."""

    def __init__(self, weights: tuple[float, ...] = ()) -> None:
        self.class_weights = weights

    def sizes(self, d: int) -> tuple[int, int]:
        return d + 1, (d + 1) * (d + 2) // 2

    def reach(self, inputs: F64) -> tuple[F64, F64]:
        first = np.append(inputs, 1.0)
        return first, 0.25 * np.multiply.outer(first, first)[np.triu_indices(len(first))]

    def sums_at(self, weights: F32, features: F32, labels: NDArray[Any]) -> Sums:
        logit = linear.logits(weights, features)
        chance = linear.sigmoid(logit)
        each = class_weights.of_rows(self.class_weights, labels)
        error = (chance - labels) * each
        spread = chance * (1.0 - chance)
        if self.class_weights:
            spread *= class_weights.expected(self.class_weights, np.column_stack([1.0 - chance, chance]))
        # log(1 + e^-|z|) + max(z, 0) - y z, which never overflows.
        losses = np.log1p(np.exp(-np.abs(logit))) + np.maximum(logit, 0.0) - labels * logit
        p = len(weights)
        gradient, curvature = np.zeros(p), np.zeros((p, p))
        for part, x in newton.blocks(features):
            gradient += x.T @ error[part]
            curvature += x.T @ (x * spread[part, None])
        loss = float((np.minimum(losses, self.most_loss) * each).sum())
        return Sums(features.shape[0], loss, gradient, curvature[np.triu_indices(p)])

    def full(self, gradient: F64, curvature: F64, d: int) -> tuple[F64, F64]:
        return gradient, newton.symmetric(curvature, d + 1)


BINARY = Binary(Data(source="files", outcome="outcome"))
"""Where only binary outcomes are known: 1 is positive."""
