"""What is asked for boosted trees, and a hospital's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.forest import Forest
from cipherward.errors import ProtocolError
from cipherward.learning import linear, trees
from cipherward.learning.trees import Sums as Histograms
from cipherward.privacy.randomness import Words
from cipherward.study import Study
from cipherward.tasks import boost_fit, points_questions
from cipherward.tasks.boost_settings import Settings
from cipherward.tasks.boost_state import BoostState
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment, Segment
from cipherward.tasks.points_questions import MOST_ROWS
from cipherward.tasks.task import Model, Sums, Values, limbs_for

F64 = NDArray[np.float64]

UNIT = 1 << 16
"""Steps of 1 to which a row's derivatives are rounded: their sums are whole numbers, the same whichever hospital has
the rows. A step rounds the score of a row, not a sum, so that splits which gain alike go on doing so."""

TITLES = {
    "values": points_questions.TITLES["values"],
    "counts": "Before the fit: rows in each bin, without outcomes, and how many rows have the outcome",
}

_FEW = "; a number may be of one row and then shows its outcome"

MEANING = {
    "rows": points_questions.MEANING["rows"],
    "values": points_questions.MEANING["values"],
    "positive": "how many training rows have the outcome, in all",
    "inside": "for each bin of a column: how many training rows are in it, without their outcomes",
    "gradient": "for each group of rows that the trees so far lead to, and each bin in it: the sum of (predicted - actual outcome) over "
    f"those of its training rows that this hospital has drawn{_FEW}",
    "curvature": "for the same groups and bins: the sum over the same rows of how unsure the model is",
    "drawn": "for the same groups and bins: how many of the hospital's training rows are in it and were drawn",
}


def title(level: int, settings: Settings) -> str:
    """Of the question at this level, in words that also say whether floors are off."""
    off = "" if settings.floors else " FLOORS ARE OFF: the study lets bins and leaves have few rows."
    return f"In each stage, level {level + 1} of its trees, at most: histograms by outcome.{off}"


def segments(study: Study, state: BoostState) -> Iterator[Segment]:
    """Of the next question before the evaluation."""
    limbs = limbs_for(MOST_ROWS, study.bits)
    if state.stage == "values":
        yield CountSegment("rows", 2, limbs)
        yield CountSegment("values", points_questions.n_values(study), limbs)
        return
    if state.stage == "counts":
        yield CountSegment("positive", 1, limbs)
        yield CountSegment("inside", state.coding.n_features, limbs)
        return
    size = int(boost_fit.cells(state.coding, state.grown, state.grown.asked).sum())
    for name, limbs in _limbs(study, state).items():
        yield CountSegment(name, size, limbs)


def _limbs(study: Study, state: BoostState) -> dict[str, int]:
    most = int(boost_fit.most_rows(state, state.grown.asked).max())
    return {name: limbs_for(int(largest).bit_length(), study.bits) for name, largest in _largest(most).items()}


def _largest(rows: Any) -> dict[str, Any]:
    """What is sent for so many rows, an int or int64[n], at most. To a gradient 1 is added for each row, so that none
    is negative."""
    return {"gradient": 2 * UNIT * rows, "curvature": UNIT // 4 * rows, "drawn": rows}


def inside(state: BoostState, at: HospitalWork) -> Values:
    """One hospital's training rows in each bin, and those with the outcome."""
    coding = state.coding
    x, labels = points_questions.counted(at, coding)
    found = np.bincount(x.astype(np.int64).reshape(-1), minlength=coding.n_features)
    return {"positive": np.array([labels.sum()], dtype=np.int64), "inside": found.astype(np.int64)}


def histograms(study: Study, state: BoostState, settings: Settings, at: HospitalWork) -> Values:
    """One hospital's sums for the asked nodes."""
    own, growing = _own(state, at), state.grown
    drawn = [drawn_rows(at, state.stages, tree, len(own.labels), settings) for tree in range(growing.n_trees)]
    slots = np.full(len(growing.tree), -1, np.int32)
    slots[growing.asked] = np.arange(len(growing.asked), dtype=np.int32)
    sums = trees.histograms(
        own.bins, own.error, own.unsure, drawn, growing.nodes, slots, growing.columns, len(growing.asked)
    )
    there = boost_fit.cells(state.coding, growing, growing.asked)
    # More than lanes hold can only be of rows that were not there before; the sum is then of no use, and no other is hurt.
    lanes = {name: (1 << (study.bits * limbs)) - 1 for name, limbs in _limbs(study, state).items()}
    rows = np.minimum(sums.rows[there], lanes["drawn"])
    whole = {"gradient": sums.gradient[there] + UNIT * rows, "curvature": sums.curvature[there], "drawn": rows}
    most = _largest(rows)
    return {
        name: np.clip(found, 0, np.minimum(most[name], lanes[name])).astype(np.int64) for name, found in whole.items()
    }


def opened(state: BoostState, sums: Sums) -> Histograms:
    """The sums of the asked nodes over all hospitals, in rows.

    Raises:
        ProtocolError: sums that no rows give.
    """
    there = boost_fit.cells(state.coding, state.grown, state.grown.asked)
    gradient, curvature, rows = (np.zeros(there.shape, np.int64) for _ in range(3))
    gradient[there], curvature[there], rows[there] = (sums[name] for name in ("gradient", "curvature", "drawn"))
    found = Histograms(gradient / UNIT - rows, curvature / UNIT, rows)
    if not found.are_of_rows():
        raise ProtocolError("the opened derivatives are of more rows than were counted: a hospital has sent false ones")
    return found


def drawn_rows(at: HospitalWork, stage: int, tree: int, n_rows: int, settings: Settings) -> NDArray[np.int64]:
    """Which training rows a tree sees at this hospital, ascending: drawn in secret, and the same at every level and
    after a restart."""
    if settings.subsample >= 1.0:
        return np.arange(n_rows)
    key = hashlib.sha256(
        b"rows of a tree\x00" + at.secret + stage.to_bytes(4, "big") + tree.to_bytes(4, "big")
    ).digest()
    return Words(lambda _: key).sample(n_rows, round(settings.subsample * 2**53))


def scores(model: Model, bins: NDArray[np.uint16]) -> F64:
    """Probability of the outcome of each row, float64[n], by the trees of the model.

    Args:
        bins: uint16[n, n_binned].
    """
    own = _Scored(float(model.weights[-1]) + np.zeros(len(bins)))
    return linear.sigmoid(own.after(model, bins).total)


@dataclass
class _Scored:
    """Sums of the leaves' values, float64[n], over the first trees."""

    total: F64
    n_trees: int = 0
    values: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def after(self, model: Model, bins: NDArray[np.uint16]) -> _Scored:
        """With the trees that this model has beyond those."""
        forest = model.scaling
        if not isinstance(forest, Forest):
            raise TypeError("boosted trees have leaves for inputs")
        values = model.weights[:-1].astype(np.float64)
        total = self.total.copy()
        for own in forest.places(bins, self.n_trees).T:
            total += values[own]
        return _Scored(total, forest.n_trees, model.weights[:-1])

    def begins(self, model: Model) -> bool:
        """Whether these are the first trees of the model."""
        return np.array_equal(self.values, model.weights[: len(self.values)])


@dataclass
class _Own:
    """A hospital's training rows under the trees so far; what a restart computes again from the public trees."""

    bins: NDArray[np.uint16] = field(repr=False)
    labels: NDArray[np.integer] = field(repr=False)
    scored: _Scored | None = field(default=None, repr=False)
    error: F64 = field(default_factory=lambda: np.zeros(0), repr=False)  # in steps, like what follows
    unsure: F64 = field(default_factory=lambda: np.zeros(0), repr=False)


def _own(state: BoostState, at: HospitalWork) -> _Own:
    coding, model = state.coding, state.model

    def read() -> _Own:
        x, labels = points_questions.counted(at, coding)
        starts = np.array(coding.starts[: len(coding.binned)], np.float32)
        return _Own(np.ascontiguousarray(x - starts).astype(np.uint16), labels)

    own = at.kept(("bins of trees", coding), read)
    before = own.scored
    if before is None or not before.begins(model) or before.n_trees > state.forest.n_trees:
        before = _Scored(np.full(len(own.labels), float(model.weights[-1])))
    elif before.n_trees == state.forest.n_trees:
        return own
    own.scored = before.after(model, own.bins)
    chance = linear.sigmoid(own.scored.total)
    own.error, own.unsure = (np.rint(each * UNIT) for each in (chance - own.labels, chance * (1.0 - chance)))
    return own
