"""What all parties know of a table of points between two sums."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cipherward.data.coding import Coding, Pair
from cipherward.learning.metrics import Metrics
from cipherward.tasks.task import Model

Stage = Literal["values", "counts", "outcomes", "pairs", "fit", "evaluate", "done"]


@dataclass(frozen=True)
class PointsState:
    """`rows` int64[p]: training rows of each bin and cell of the model so far, or of all those that are compared; `positive`:
    of bins of single columns, those with the outcome; `candidates`: the pairs that the next sum compares; `joint`
    float64[p, p]: rows in every two bins, until they are used."""

    model: Model
    stage: Stage = "values"
    steps: int = 0
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    positive: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    candidates: tuple[Pair, ...] = ()
    joint: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    loss: float = 0.0
    final: Metrics | None = None

    @property
    def compared(self) -> Coding:
        """The bins, and the cells of all candidates."""
        return dataclasses.replace(self.coding, pairs=self.candidates)

    @property
    def n_cells(self) -> int:
        """Of all candidates."""
        return sum(pair.size for pair in self.candidates)

    @property
    def coding(self) -> Coding:
        found = self.model.scaling
        if not isinstance(found, Coding):
            raise TypeError("a table of points has bins for inputs")
        return found


def model_of(weights: NDArray[np.float32], coding: Coding | None) -> Model:
    """The model with these points, float32[p + 1], the bias last."""
    return Model((("weight", len(weights) - 1), ("bias", 1)), weights, coding)
