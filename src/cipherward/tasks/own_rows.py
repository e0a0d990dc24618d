"""What a hospital finds out for itself when a study has ended: the model on its own test rows, beside one that it trains
alone. Counts and figures of few patients are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.small_counts import SMALL, shown
from cipherward.data.sources import HospitalData
from cipherward.errors import CipherwardError
from cipherward.learning import metrics
from cipherward.tasks.rows import TEST, TRAIN


def figures(
    data: HospitalData, shared: Callable[[], NDArray[np.float64]], alone: Callable[[], NDArray[np.float64]]
) -> dict[str, Any]:
    """Counts of rows (None: fewer than SMALL and not 0) and AUROC of both models on this hospital's own test rows.

    `auroc` is empty where it would be of few patients, or cannot be computed; `why_not` says so.

    Args:
        shared: gives the shared model's scores, float64[n_test_rows]; asked only where they may be shown.
        alone: trains a model on the hospital's own rows and gives its scores of the same rows; likewise.
    """
    outcome, labels = data.outcome, data.outcome[data.split == TEST]
    positive, n_test = int(labels.sum()), len(labels)
    everybody = int(outcome.sum())
    # With those of the test rows, which may be shown below, the others follow.
    counts = (everybody, len(outcome) - everybody, everybody - positive, len(outcome) - everybody - n_test + positive)
    found: dict[str, Any] = {
        "rows": shown(len(outcome)),
        "positive": everybody if all(shown(count) is not None for count in counts) else None,
        "train_rows": shown(int((data.split == TRAIN).sum())),
        "test_rows": shown(n_test),
        "test_positive": None,
        "auroc": {},
        "why_not": "",
    }
    if min(positive, n_test - positive) < SMALL:
        return found | {"why_not": f"fewer than {SMALL} own test rows with, or without, the outcome"}
    auroc = {"federated": metrics.exact(shared(), labels).auroc}
    why_not = ""
    try:
        auroc["local"] = metrics.exact(alone(), labels).auroc
    except CipherwardError as error:
        why_not = f"the model trained alone: {error.message}"
    return found | {"test_positive": positive, "auroc": auroc, "why_not": why_not}
