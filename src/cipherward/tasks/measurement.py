"""Measure a model without showing a score: histograms by outcome on test rows, and the loss on validation rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.errors import UnfitUpdateError
from cipherward.learning import sgd
from cipherward.learning.measured import Measured
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import LOSS_SCALE, Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.picking import picks_out_few
from cipherward.learning.score_groups import may_measure
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.row_groups import RowGroup, by_outcome
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION, rows_at
from cipherward.tasks.task import Model, Question, Sums, Values, limbs_for

_TEST_ROWS = 100
"""Mean test rows of a hospital from which on scores in groups of ten cost little (docs/privacy.md)."""
PICKS_OUT = "the model sets few rows apart"

TITLE = "At the end: how good the model is"


def meaning(study: Study, outcome: Outcome) -> Mapping[str, str]:
    """What the numbers of a measurement mean."""
    found = {one.name: one.meaning for one in outcome.counted(study.evaluation.bins)}
    return found | {"validation": "loss on the validation rows, and how many there are"}


def about(outcome: Outcome) -> tuple[RowGroup, ...]:
    """The groups of rows that a measurement is about."""
    return (*by_outcome(outcome, TEST), RowGroup(VALIDATION))


def question(study: Study, outcome: Outcome, parameters: bytes) -> Question:
    """The last question of a model that is measured after its training."""
    layout, means = Layout(segments(study, outcome), study.bits), meaning(study, outcome)
    return Question("evaluate", TITLE, parameters, layout, means, about=about(outcome))


def segments(study: Study, outcome: Outcome) -> tuple[CountSegment, ...]:
    """What the type of outcome counts, and the validation loss. One hospital may hold at least 2^23 rows."""
    bits = study.bits
    counted = outcome.counted(study.evaluation.bins)
    return (
        *(CountSegment(one.name, one.size, limbs_for(one.bits, bits)) for one in counted),
        CountSegment("validation", 2, limbs_for(48, bits)),
    )


def check_not_picking(module: Module, model: Model, at: HospitalWork, outcome: Outcome) -> None:
    """Before anything exact is said of a model: that its scores set none of this hospital's rows apart, in no part of them.

    Raises:
        UnfitUpdateError: they do (`learning.picking`, with `at.cell_min`); nothing may be sent.
    """
    for part in (TRAIN, VALIDATION, TEST) if at.cell_min else ():
        _check_part(
            sgd.scores(module, model.weights, rows_at(at, model.scaling, part)[0], at.device, outcome), at, outcome
        )


def check_scores(scores: NDArray[np.float64], at: HospitalWork, outcome: Outcome) -> None:
    """The same from the scores of all rows, float64[n_rows]. Raises: as `check_not_picking`."""
    for part in (TRAIN, VALIDATION, TEST) if at.cell_min else ():
        _check_part(scores[at.data.split == part], at, outcome)


def _check_part(scores: NDArray[np.float64], at: HospitalWork, outcome: Outcome) -> None:
    if any(picks_out_few(values, at.cell_min) for values in outcome.spread(scores)):
        raise UnfitUpdateError(
            f"the model's scores set fewer than {at.cell_min} rows of this hospital apart from all others: sums about it "
            "would be about them, so nothing is sent",
            reason=PICKS_OUT,
            hint="ask whether somebody steered the model; else merge rare categories and start a new study, or set "
            "columns with few different values aside",
        )


def answer(study: Study, module: Module, model: Model, at: HospitalWork, outcome: Outcome) -> Values:
    """One hospital's counts for a model; zeros where it has fewer rows than a group, which is of `at.cell_min` rows at least."""
    bins, group = study.evaluation.bins, max(study.group_rows, at.cell_min)
    features, labels = rows_at(at, model.scaling, TEST)
    at.note("measured", float(may_measure(len(labels), group)))
    scores = sgd.scores(module, model.weights, features, at.device, outcome)
    measured: Values = dict(outcome.local_counts(scores, labels, bins, group, at.cell_min))
    features, labels = rows_at(at, model.scaling, VALIDATION)
    if not may_measure(len(labels), group):
        return measured | {"validation": np.zeros(2, dtype=np.int64)}
    loss = outcome.validation_loss(sgd.scores(module, model.weights, features, at.device, outcome), labels)
    return measured | {"validation": np.array([round(loss * LOSS_SCALE), len(labels)])}


def bears_groups(hospitals: Sequence[HospitalData]) -> bool:
    """Whether these rows, all in one place, are enough for scores to be counted in groups of rows."""
    return sum(int((h.split == TEST).sum()) for h in hospitals) >= _TEST_ROWS * len(hospitals)


def measured(sums: Sums, outcome: Outcome) -> Measured:
    """The model's metrics from the opened counts.

    Raises:
        as `Outcome.from_counts`.
    """
    return outcome.from_counts(sums)


def measured_in_brief(sums: Sums, outcome: Outcome) -> Measured:
    """The same without curves, as after every round. Raises: as `measured`."""
    return outcome.in_brief(sums)


def loss(sums: Sums, outcome: Outcome = BINARY) -> float:
    """Mean validation loss; infinity where there are no validation rows."""
    total, count = int(sums["validation"][0]), int(sums["validation"][1])
    return total / LOSS_SCALE / count * outcome.largest_weight if count else math.inf


def stated(loss: float) -> float | None:
    """A loss as JSON has it: None for that of no validation rows at all, as there is no infinity."""
    return loss if math.isfinite(loss) else None
