"""What all parties know of boosted trees between two sums."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cipherward.data.coding import Coding
from cipherward.data.forest import Forest
from cipherward.errors import DataError
from cipherward.learning.metrics import Metrics
from cipherward.learning.trees import Sums
from cipherward.tasks.task import Model

Stage = Literal["values", "counts", "grow", "evaluate", "done"]

SMALL = (1, 4, 9)
"""Cells of at most so many rows are counted."""

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Growing:
    """The trees of a stage, which are grown side by side.

    Args:
        columns: int32[n_trees, n_columns], which of the binned columns each tree may ask about, ascending.
        tree, feature, left, right: int32[n_nodes]; goes_left: bool[n_nodes, width]: as in `Forest`, roots first.
        gradient, curvature, rows: [n_nodes], over the rows of each node, from the sum by which its parent was split.
        level: how many questions lead from a root to an open node.
        open: int32[n], nodes that may be split; below the roots, every two of one parent.
        asked: int32[n], those of them that the next sum is about; of the others it follows from `parents`.
        parents: of the open nodes below the roots.
    """

    columns: I32 = field(repr=False)
    tree: I32 = field(repr=False)
    feature: I32 = field(repr=False)
    left: I32 = field(repr=False)
    right: I32 = field(repr=False)
    goes_left: NDArray[np.bool_] = field(repr=False)
    gradient: F64 = field(repr=False)
    curvature: F64 = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    level: int
    open: I32 = field(repr=False)
    asked: I32 = field(repr=False)
    parents: Sums | None = field(default=None, repr=False)

    @property
    def n_trees(self) -> int:
        return len(self.columns)

    @property
    def nodes(self) -> tuple[I32, I32, I32, I32, NDArray[np.bool_]]:
        """Roots, and what leads from a node to its children."""
        roots = np.arange(self.n_trees, dtype=np.int32)
        return roots, self.feature, self.left, self.right, self.goes_left

    def parts(self) -> list[NDArray[Any]]:
        """Every array of it, for a digest."""
        of_parents: list[NDArray[Any]] = (
            [self.parents.gradient, self.parents.curvature, self.parents.rows] if self.parents else []
        )
        nodes: list[NDArray[Any]] = [self.columns, self.tree, self.feature, self.left, self.right, self.goes_left]
        return [*nodes, self.gradient, self.curvature, self.rows, self.open, self.asked, *of_parents]


@dataclass(frozen=True)
class BoostState:
    """`rows` int64[n_bins]: training rows in each bin. `stages`: those that are done. `growing`: the one that is not.

    `gain` float64[n_binned], `splits` int64: of all splits about a column. `cells`: how many cells of histograms with outcomes were opened,
    and how many of them are of as few rows as `SMALL` says, but of some. `cut_short`: stages that ended before their time.
    """

    model: Model
    stage: Stage = "values"
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    stages: int = 0
    growing: Growing | None = None
    gain: F64 = field(default_factory=lambda: np.zeros(0), repr=False)
    splits: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    cells: tuple[int, ...] = (0,) * (1 + len(SMALL))
    cut_short: int = 0
    loss: float = 0.0
    final: Metrics | None = None

    @property
    def forest(self) -> Forest:
        """Of the stages that are done."""
        found = self.model.scaling
        if not isinstance(found, Forest):
            raise TypeError("boosted trees have leaves for inputs")
        return found

    @property
    def coding(self) -> Coding:
        return self.forest.coding

    @property
    def grown(self) -> Growing:
        """The trees of the stage that is not done."""
        if self.growing is None:
            raise DataError("no trees are being grown")
        return self.growing

    def digest(self) -> bytes:
        """SHA-256 over all of it that a later sum or the result depends on."""
        found = hashlib.sha256(b"boost\x00")
        scaling, growing = self.model.preprocessor, self.growing
        forest = scaling if isinstance(scaling, Forest) else None
        facts = [
            self.stage,
            self.stages,
            growing.level if growing else -1,
            *self.cells,
            self.cut_short,
            self.loss.hex(),
        ]
        found.update(repr(facts).encode() + b"\x00")
        found.update((forest.coding.to_json() if forest else "").encode() + b"\x00")
        of_forest = forest.arrays if forest else ()
        own: list[NDArray[Any]] = [self.model.weights, self.rows, self.gain, self.splits, *of_forest]
        for array in itertools.chain(own, growing.parts() if growing else []):
            found.update(f"{array.dtype.kind}{array.shape}\x00".encode())
            found.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
        return found.digest()


def model_of(values: NDArray[np.float32], bias: float, forest: Forest | None) -> Model:
    """The model with these values of leaves, float32[n_leaves]."""
    weights = np.append(values, np.float32(bias)).astype(np.float32)
    return Model((("weight", len(values)), ("bias", 1)), weights, forest)
