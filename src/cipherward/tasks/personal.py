"""A finished study's model, fine-tuned at one hospital, beside the shared one on that hospital's own test rows. It stays there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.small_counts import SMALL, shown
from cipherward.data.sources import HospitalData
from cipherward.learning import metrics, personal, sgd
from cipherward.learning.devices import Device
from cipherward.learning.metrics import Metrics
from cipherward.learning.model_kind import Module
from cipherward.study import Study
from cipherward.tasks import rounds
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION, rows_of
from cipherward.tasks.task import Model, refuse_other_outcomes
from cipherward.tasks.yardsticks import outcome_at

_PERSONAL = 0x70657273  # keeps this shuffling apart from that of training


@dataclass(frozen=True)
class Personalised:
    """One hospital's own model and its figures.

    `weights`: float32[n_parameters]; `share`: how far they are from the shared ones (`learning.personal.Personal`), 0: the shared
    model is kept, and `why_not` says why; `gain`, `error`: of the mean validation loss; None where nothing was tried.
    `auroc`, `log_loss`: of the models "shared" and "personal" on the hospital's own test rows; {} where these are few, and
    `hidden` says so.
    """

    name: str
    weights: NDArray[np.float32] = field(repr=False)
    share: float
    gain: float | None
    error: float | None
    why_not: str
    train_rows: int | None
    test_rows: int | None
    auroc: dict[str, float] = field(default_factory=dict)
    log_loss: dict[str, float] = field(default_factory=dict)
    hidden: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values, without the weights."""
        names = (
            "name", "share", "gain", "error", "why_not", "train_rows", "test_rows", "auroc", "log_loss", "hidden",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


def personalised(
    study: Study, model: Model, module: Module, data: HospitalData, index: int, device: Device = "cpu"
) -> Personalised:
    """Fine-tune the model at the hospital whose roster index this is.

    Args:
        module: of the study's kind of model; scratch.
        data: the hospital's rows, split as the study splits them.

    Raises:
        DataError: the model's inputs do not fit the rows.
        StudyError: the outcome is not binary.
    """
    refuse_other_outcomes(study, "fine-tuning at a hospital")
    train, validation, test = (rows_of(data, model.scaling, part) for part in (TRAIN, VALIDATION, TEST))
    found = personal.personalise(
        module,
        model.weights,
        train,
        validation,
        rounds.settings(study, model.scaling),
        seed=(study.seed, index, _PERSONAL),
        least=SMALL,
        patients=None if data.cluster is None else data.cluster[data.split == VALIDATION],
        device=device,
        outcome=outcome_at(study, model.scaling),
    )
    features, labels = test
    positive = int(labels.sum())
    measured: dict[str, Metrics] = {}
    hidden = ""
    if min(positive, len(labels) - positive) < SMALL:
        hidden = f"fewer than {SMALL} own test rows with, or without, the outcome"
    else:
        both = {"shared": model.weights, "personal": found.weights}
        measured = {
            name: metrics.exact(sgd.scores(module, weights, features, device), labels) for name, weights in both.items()
        }
    return Personalised(
        name=data.name,
        weights=found.weights,
        share=found.share,
        gain=None if math.isnan(found.gain) else found.gain,
        error=None if math.isnan(found.error) else found.error,
        why_not=found.why_not,
        train_rows=shown(len(train[1])),
        test_rows=shown(len(labels)),
        auroc={name: each.auroc for name, each in measured.items()},
        log_loss={name: each.log_loss for name, each in measured.items()},
        hidden=hidden,
    )
