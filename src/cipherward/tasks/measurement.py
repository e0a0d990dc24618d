"""Measure a model without showing a score: histograms by outcome on test rows, and the loss on validation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.errors import UnfitUpdateError
from cipherward.learning import metrics, sgd
from cipherward.learning.metrics import Metrics
from cipherward.learning.model_kind import Module
from cipherward.learning.picking import picks_out_few
from cipherward.learning.score_groups import may_measure
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment
from cipherward.tasks.row_groups import RowGroup, by_outcome
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION, rows_at
from cipherward.tasks.task import Model, Sums, Values, limbs_for

LOSS_SCALE = 2**20
_TEST_ROWS = 100
"""Mean test rows of a hospital from which on scores in groups of ten cost little (docs/privacy.md)."""
PICKS_OUT = "the model sets few rows apart"

TITLE = "At the end: how good the model is"

MEANING = {
    "test/negative": "histogram of the model's scores on test rows without the outcome, in groups of neighbouring scores",
    "test/positive": "histogram of the model's scores on test rows with the outcome, in the same groups; a group may hold one such row",
    "test/brier": "sum of squared errors of the scores on test rows",
    "test/log_loss": "sum of logarithmic errors of the scores on test rows",
    "validation": "loss on the validation rows, and how many there are",
}

ABOUT = (*by_outcome(TEST), RowGroup(VALIDATION))


def segments(study: Study) -> tuple[CountSegment, ...]:
    """Two histograms, two fixed-point sums, and the validation loss. One hospital may hold at least 2^23 rows."""
    bits, bins = study.bits, study.evaluation.bins
    per_bin, per_sum = limbs_for(24, bits), limbs_for(48, bits)
    return (
        CountSegment("test/negative", bins, per_bin),
        CountSegment("test/positive", bins, per_bin),
        CountSegment("test/brier", 1, per_sum),
        CountSegment("test/log_loss", 1, per_sum),
        CountSegment("validation", 2, per_sum),
    )


def check_not_picking(module: Module, model: Model, at: HospitalWork) -> None:
    """Before anything exact is said of a model: that its scores set none of this hospital's rows apart, in no part of them.

    Raises:
        UnfitUpdateError: they do (`learning.picking`, with `at.cell_min`); nothing may be sent.
    """
    for part in (TRAIN, VALIDATION, TEST) if at.cell_min else ():
        _check_part(sgd.scores(module, model.weights, rows_at(at, model.scaling, part)[0], at.device), at)


def check_scores(scores: NDArray[np.float64], at: HospitalWork) -> None:
    """The same from the scores of all rows, float64[n_rows]. Raises: as `check_not_picking`."""
    for part in (TRAIN, VALIDATION, TEST) if at.cell_min else ():
        _check_part(scores[at.data.split == part], at)


def _check_part(scores: NDArray[np.float64], at: HospitalWork) -> None:
    if picks_out_few(scores, at.cell_min):
        raise UnfitUpdateError(
            f"the model's scores set fewer than {at.cell_min} rows of this hospital apart from all others: sums about it "
            "would be about them, so nothing is sent",
            reason=PICKS_OUT,
            hint="ask whether somebody steered the model; else merge rare categories and start a new study, or set "
            "columns with few different values aside",
        )


def answer(study: Study, module: Module, model: Model, at: HospitalWork) -> Values:
    """One hospital's counts for a model; zeros where it has fewer rows than a group, which is of `at.cell_min` rows at least."""
    bins, group = study.evaluation.bins, max(study.group_rows, at.cell_min)
    features, labels = rows_at(at, model.scaling, TEST)
    at.note("measured", float(may_measure(len(labels), group)))
    scores = sgd.scores(module, model.weights, features, at.device)
    measured: Values = dict(metrics.local_counts(scores, labels, bins, prefix="test/", group=group))
    features, labels = rows_at(at, model.scaling, VALIDATION)
    if not may_measure(len(labels), group):
        return measured | {"validation": np.zeros(2, dtype=np.int64)}
    probability = sgd.scores(module, model.weights, features, at.device)
    inside = np.clip(np.where(labels == 1, probability, 1.0 - probability), metrics.CLIP, 1.0)
    loss = math.fsum(-np.log(inside))
    return measured | {"validation": np.array([round(loss * LOSS_SCALE), len(labels)])}


def bears_groups(hospitals: Sequence[HospitalData]) -> bool:
    """Whether these rows, all in one place, are enough for scores to be counted in groups of rows."""
    return sum(int((h.split == TEST).sum()) for h in hospitals) >= _TEST_ROWS * len(hospitals)


def measured(sums: Sums) -> Metrics:
    """The model's metrics from the opened counts.

    Raises:
        as `metrics.from_counts`.
    """
    return metrics.from_counts(sums, prefix="test/")


def loss(sums: Sums) -> float:
    """Mean validation loss; infinity where there are no validation rows."""
    total, count = int(sums["validation"][0]), int(sums["validation"][1])
    return total / LOSS_SCALE / count if count else math.inf
