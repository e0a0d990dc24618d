"""What an update of federated averaging is, beside its numbers: from which model, in which way, and whether its numbers
were bent on the way into the sum. Two sums of the same update in two ways are equations for whoever's was bent
(`parties.cut_updates`)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto.hashing import digest
from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.study import Study, Training
from cipherward.tasks import rounds
from cipherward.tasks.lanes import Layout
from cipherward.tasks.rows import TRAIN, n_rows_at
from cipherward.tasks.task import Model, Values
from cipherward.tasks.train_state import TrainState

if TYPE_CHECKING:
    from cipherward.tasks.hospital_work import HospitalWork

FEW_STEPS = 8
"""A tensor whose largest entry is fewer steps of the grid is rounded to a coarse picture of itself."""

HARDLY = 0.01
"""The reach (`reach_of`) of steps after which an update from zeros is a sum of inputs still, but for about a hundredth."""

_TRAINING = (
    "local_epochs",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "proximal",
    "halves_rate",
    "scale",
    "class_weights",
)
_AGGREGATION = ("range_initial", "range_min", "range_max", "weight_cap")


@dataclass(frozen=True)
class SentUpdate:
    """One hospital's update.

    Args:
        start: the weights that it started from, float32[n_parameters].
        is_first: they are those with which the study begins.
        bent: L2 norm of what was taken off, before it was weighed: cut at the ranges, or rounded to the nearest of too
            few steps. 0: what left is the update, but for less than a step of its grid.
        reach: how much of a change of the start the update follows at most, from 0 to 1 (`reach_of`).
        way: 32 bytes that follow from all by which the same start and rows give another contribution: ranges in units
            of the update, grid, steps, constants of columns.
    """

    start: NDArray[np.float32] = field(repr=False)
    is_first: bool
    bent: float
    reach: float
    way: bytes


def settings(study: Study) -> Mapping[str, Any]:
    """The settings from which the way follows, by the names that people write, as JSON values."""
    aggregation, training = (part.model_dump(mode="json") for part in (study.aggregation, study.training))
    rounding = "stochastic" if study.has_stochastic_rounding else "nearest"
    return {
        **{f"aggregation.{name}": aggregation[name] for name in _AGGREGATION},
        "aggregation.bits": study.bits,
        "aggregation.rounding": rounding,
        **{f"training.{name}": training.get(name) for name in _TRAINING},
    }


def sent_update(study: Study, state: TrainState, at: HospitalWork, values: Values) -> SentUpdate | None:
    """Of values that `rounds.weighted_update` gave at this hospital; None: of another question, or with noise of
    hospitals."""
    if "clipped" not in values:
        return None
    model, ranges = state.model, state.ranges
    weight, chosen = float(values["weight"][0]), rounds.settings(study, model.scaling, state.losses)
    parts = [values[f"update/{name}"] for name, _ in model.groups]
    steps = chosen.model_dump(mode="json")
    facts = {
        "ranges": [(bound / weight).hex() for bound in ranges],
        "grid": [study.bits, study.has_stochastic_rounding],
        "steps": [steps.get(name) for name in _TRAINING],
        "constants": model.scaling.to_json(),
    }
    taken = [_taken_off(study, part, bound) for part, bound in zip(parts, ranges, strict=True)]
    return SentUpdate(
        start=model.weights,
        is_first=state.rounds_done == 0,
        bent=math.hypot(*taken) / weight,
        reach=reach_of(chosen, model.scaling, n_rows_at(at, TRAIN)),
        way=digest("way of an update", json.dumps(facts, sort_keys=True).encode()),
    )


def is_nearly_a_sum(study: Study, model: Model, at: HospitalWork) -> bool:
    """Whether the next update is nearly a sum of inputs over rows: of a linear model, or of any from zeros, by one step
    over all rows, or by many that hardly move it."""
    if study.privacy or (model.weights.any() and not study.model.is_linear):
        return False
    n_rows, chosen = n_rows_at(at, TRAIN), rounds.settings(study, model.scaling)
    return steps_of(chosen, n_rows) == 1 or reach_of(chosen, model.scaling, n_rows) < HARDLY


def _taken_off(study: Study, part: NDArray[Any], bound: float) -> float:
    """L2 norm of what the grid of a range takes off one tensor's entries."""
    cut = np.clip(part, -bound, bound)
    step = bound / Layout((), study.bits).half
    if not study.has_stochastic_rounding and np.abs(cut).max(initial=0.0) < FEW_STEPS * step:
        cut = np.rint(cut / step) * step
    return float(np.linalg.norm(part - cut))


def steps_of(chosen: Training, n_rows: int) -> int:
    """How many steps an update takes over so many rows."""
    return chosen.local_epochs * -(-n_rows // max(chosen.batch_size, 1))


def reach_of(chosen: Training, scaling: Inputs, n_rows: int) -> float:
    """k steps of rate r on a loss of curvature b from starts that differ by d differ by about r k b d. Along an input
    of logistic regression that is scaled to a standard deviation of 1, b is about the share of rows with the outcome
    times that without, 1/4 at most."""
    positive = scaling.n_positive if isinstance(scaling, Preprocessor) else 0
    share = min(max(positive / max(scaling.n_rows, 1), 0.0), 1.0)
    steps = steps_of(chosen, n_rows)
    return min(chosen.learning_rate / (1.0 - chosen.momentum) * steps * (share * (1.0 - share) or 0.25), 1.0)
