"""What a type of outcome is: how models of it learn, are measured and are spoken of. A new type derives from `Outcome`."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import StudyError
from cipherward.graph import Graph
from cipherward.learning import class_weights
from cipherward.learning.measured import Measured
from cipherward.learning.newton import Steps
from cipherward.study import Data

if TYPE_CHECKING:
    import torch

F64 = NDArray[np.float64]
Counts = Mapping[str, NDArray[np.int64]]

LOSS_SCALE = 1 << 20
"""Fixed-point units per 1.0 of a validation loss."""


@dataclass(frozen=True)
class Outputs:
    """What a model gives for a row: so many numbers. `is_shared`: they are one number, each moved by a threshold of its own."""

    size: int = 1
    is_shared: bool = False


@dataclass(frozen=True)
class Counted:
    """One of the sums that measure a model: `size` whole numbers, each below 2^`bits` at one hospital. `meaning`: for review."""

    name: str
    size: int
    bits: int
    meaning: str


@dataclass(frozen=True)
class Curve:
    """A figure of a measured model, as points that any page can draw.

    `points`: (x, y, rows behind the point; 0 where it is no group of rows). `kind`: "calibration", where the diagonal is perfect,
    or "roc", where it is chance.
    """

    kind: str
    name: str
    points: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True)
class Figures:
    """What a report shows of a measured model. `metrics`: (name, value) to print; `curves`; `table`: a header and rows, or ()."""

    metrics: tuple[tuple[str, float], ...]
    curves: tuple[Curve, ...] = ()
    table_title: str = ""
    table: tuple[tuple[str, ...], ...] = ()


class Outcome(ABC):
    """One type of outcome, with what a study declares of its column.

    `type`: as a study names it. `words`: for people. `form`: of its column (`study.Data.form`). `key`, `title`: of the headline
    metric, in result.json and for people; more is better, 1 is perfect. `floor`: a headline so low that the model knows next to
    nothing. `outputs`: of its models. `classes`: the outcomes that counts tell apart, () where it is a number.
    `model_words`: a linear model of it; `scale_words`: on which scale its coefficients are, as a sentence.
    """

    type: ClassVar[str]
    words: ClassVar[str]
    form: ClassVar[str]
    key: ClassVar[str]
    title: ClassVar[str]
    floor: ClassVar[float]
    model_words: ClassVar[str]
    scale_words: ClassVar[str] = ""
    class_weights: tuple[float, ...] = ()
    """What a row's loss is multiplied by, for each of `classes`; (): all rows count alike."""
    has_interval: ClassVar[bool] = False
    """Whether the headline has a 95 % interval that class sizes alone give (`learning.intervals`)."""

    def __init__(self, data: Data) -> None:
        self.data = data

    @classmethod
    def problems(cls, data: Data) -> list[str]:
        """What does not fit in a study's `[data]`, each with its place."""
        return []

    @property
    def outputs(self) -> Outputs:
        return Outputs()

    @property
    def facts(self) -> Mapping[str, str]:
        """What result.json says of the type of outcome and its headline metric; of a binary one, nothing."""
        return {"outcome_type": self.type, "headline": self.key}

    @property
    def model_outputs(self) -> Outputs | None:
        """What `models.build` is asked for; None: one logit, as always."""
        return self.outputs

    @property
    def classes(self) -> tuple[int, ...]:
        return ()

    def scaled(self, constants: Sequence[float]) -> Self:
        """The same with mean and standard deviation of the outcome, where it is a number, in units of its range."""
        return self

    def weighed(self, weights: Sequence[float]) -> Self:
        """The same with what a row counts for by its class (`learning.class_weights`); (): alike."""
        found = copy.copy(self)
        found.class_weights = tuple(weights)
        return found

    def row_weights(self, labels: NDArray[Any]) -> F64:
        """What each row counts for, float64[n]."""
        return class_weights.of_rows(self.class_weights, labels)

    def weighed_mean(self, losses: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        """The "mean" over rows, or "sum", of losses [n] times what each row counts for."""
        import torch

        if self.class_weights:
            losses = losses * torch.tensor(self.class_weights, dtype=losses.dtype, device=losses.device)[labels.long()]
        return losses.sum() if reduction == "sum" else losses.mean()

    @property
    def caution(self) -> str:
        """What whoever reads a prediction has to know, as sentences; "" where there is nothing."""
        return class_weights.NO_RISKS if self.class_weights else ""

    @property
    def largest_weight(self) -> float:
        """What a row counts for at most, and at least 1."""
        return max((1.0, *self.class_weights))

    @property
    def predicted(self) -> str:
        """What a model of it predicts, as a clause."""
        return self.data.outcome

    @property
    def reviewed(self) -> str:
        """The same for whoever reviews a study."""
        return f"{self.predicted} ({self.words})"

    # Learning. `outputs`: float64[n], of several outputs float64[n, size]; `labels`: [n], as the table gives them.

    @abstractmethod
    def check(self, labels: NDArray[Any]) -> str:
        """Why these labels cannot be trained on; "" where they can."""

    @abstractmethod
    def losses(self, outputs: F64, labels: NDArray[Any]) -> F64:
        """Each row's loss, float64[n], without any limit: NaN or infinity included."""

    @abstractmethod
    def slopes(self, outputs: F64, labels: NDArray[Any]) -> F64:
        """The derivative of each row's loss by its outputs, in their shape."""

    @abstractmethod
    def torch_loss(self, outputs: torch.Tensor, labels: torch.Tensor, reduction: str) -> torch.Tensor:
        """The loss in torch, "mean" or "sum" over rows. `labels`: float32[n], what `targets` gave."""

    def targets(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """The labels as `torch_loss` takes them."""
        return labels.astype(np.float32)

    @property
    @abstractmethod
    def steps(self) -> Steps:
        """What Newton steps of a linear model sum."""

    @property
    def expected_loss(self) -> float:
        """The mean loss of a model that knows nothing, about; far beyond it training has diverged."""
        return math.log(2.0)

    # Prediction and measurement. `scores`: what `scores` gives.

    @abstractmethod
    def scores(self, outputs: F64) -> F64:
        """Predictions: float64[n] probabilities or numbers in the outcome's unit, or float64[n, classes] probabilities."""

    @abstractmethod
    def spread(self, scores: F64) -> tuple[F64, ...]:
        """The predictions on scales on which rows that lie apart are told apart (`picking`), each float64[n]."""

    @abstractmethod
    def validation_loss(self, scores: F64, labels: NDArray[Any]) -> float:
        """The sum of the rows' losses divided by `largest_weight`, finite and >= 0."""

    @abstractmethod
    def counted(self, bins: int) -> tuple[Counted, ...]:
        """The sums that measure a model, in their order. `bins`: of histograms of predictions."""

    @abstractmethod
    def local_counts(
        self, scores: F64, labels: NDArray[Any], bins: int, group: int, least: int
    ) -> dict[str, NDArray[np.int64]]:
        """What one hospital contributes to these sums.

        Args:
            group: predictions are counted in groups of at least so many rows (`score_groups`); fewer rows give zeros.
            least: so many rows stand in a cell by outcome, or none.
        """

    @abstractmethod
    def from_counts(self, counts: Counts) -> Measured:
        """Metrics from the sums.

        Raises:
            DataError: rows that have no such metrics. ProtocolError: sums that no rows give.
        """

    def in_brief(self, counts: Counts) -> Measured:
        """The same without curves. Raises: as `from_counts`."""
        return self.from_counts(counts).without_curves()

    @abstractmethod
    def exact(self, scores: F64, labels: NDArray[Any]) -> Measured:
        """Metrics from predictions and labels in one place.

        Raises:
            DataError: rows that have no such metrics.
        """

    @abstractmethod
    def unfit(self, labels: NDArray[Any]) -> str:
        """Why rows with these outcomes give no model or no metrics, as a clause; "" where they do."""

    @abstractmethod
    def read(self, document: Mapping[str, Any]) -> Measured:
        """Metrics as result.json holds them.

        Raises:
            ValueError: they are none.
        """

    # Words and files.

    def columns(self) -> tuple[str, ...]:
        """Names of the columns that a prediction gives."""
        return ("probability",)

    def cells(self, scores: F64) -> list[tuple[str, ...]]:
        """A prediction's columns for each row, nine significant digits."""
        return [(f"{score:.9g}",) for score in scores]

    def exported(self, graph: Graph, outputs: str) -> tuple[str, str]:
        """Append `scores` to a graph.

        Args:
            outputs: float64[rows, size], the model's.

        Returns:
            What the predictions are called, and their name in the graph: float64[rows, 1], of classes float64[rows, classes].

        Raises:
            StudyError: the type of outcome has no such form.
        """
        raise StudyError(
            f"a model of a {self.words} cannot be exported: the type of outcome has no ONNX form",
            hint="predict with cipherward itself: cipherward predict",
        )

    @property
    def predicted_classes(self) -> tuple[str, ...]:
        """The classes or grades that a row's probabilities are of, in their order; () where a prediction is one number."""
        return ()

    @property
    def unit(self) -> float:
        """What a difference between two predictions is measured by: 1 for probabilities."""
        return 1.0


class OtherOutcome(Outcome):
    """An outcome that is not binary; of a binary one the report has figures of its own."""

    @abstractmethod
    def figures(self, found: Measured) -> Figures:
        """What a report shows of metrics."""
