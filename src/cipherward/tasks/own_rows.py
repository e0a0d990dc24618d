"""What a hospital finds out for itself when a study has ended: the model on its own test rows, beside one that it trains
alone. Counts and figures of few patients are left out."""

from __future__ import annotations

from typing import Any

from cipherward.data.small_counts import SMALL, shown
from cipherward.errors import CipherwardError
from cipherward.learning import baselines, metrics, sgd
from cipherward.learning.model_kind import Module
from cipherward.study import Study
from cipherward.tasks import rounds
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, TRAIN, rows_at
from cipherward.tasks.task import Model


def figures(study: Study, module: Module, first: Model, last: Model, at: HospitalWork) -> dict[str, Any]:
    """Counts of rows (None: fewer than SMALL and not 0) and AUROC of both models on this hospital's own test rows.

    Trains as long as the study did here. `auroc` is empty where it would be of few patients, or cannot be computed;
    `why_not` says so.
    """
    outcome = at.data.outcome
    train, test = rows_at(at, last.scaling, TRAIN), rows_at(at, last.scaling, TEST)
    positive, n_test = int(test[1].sum()), len(test[1])
    everybody = int(outcome.sum())
    # With those of the test rows, which may be shown below, the others follow.
    counts = (everybody, len(outcome) - everybody, everybody - positive, len(outcome) - everybody - n_test + positive)
    found: dict[str, Any] = {
        "rows": shown(len(outcome)),
        "positive": everybody if all(shown(count) is not None for count in counts) else None,
        "train_rows": shown(len(train[1])),
        "test_rows": shown(n_test),
        "test_positive": None,
        "auroc": {},
        "why_not": "",
    }
    if min(positive, n_test - positive) < SMALL:
        return found | {"why_not": f"fewer than {SMALL} own test rows with, or without, the outcome"}
    scores = sgd.scores(module, last.weights, test[0], at.device)
    auroc = {"federated": metrics.exact(scores, test[1]).auroc}
    why_not = ""
    try:
        settings = rounds.settings(study, last.scaling)
        (alone,) = baselines.local_only(
            module, first.weights, [train], [test], settings, seed=study.seed, device=at.device
        )
        auroc["local"] = alone.metrics.auroc
    except CipherwardError as error:
        why_not = f"the model trained alone: {error.message}"
    return found | {"test_positive": positive, "auroc": auroc, "why_not": why_not}
