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
from cipherward.learning.outcome import Outcome
from cipherward.tasks.rows import TEST, TRAIN


def figures(
    data: HospitalData,
    shared: Callable[[], NDArray[np.float64]],
    alone: Callable[[], NDArray[np.float64]],
    outcome: Outcome,
) -> dict[str, Any]:
    """Counts of rows (None: fewer than SMALL and not 0) and AUROC of both models on this hospital's own test rows.

    `auroc` is empty where it would be of few patients, or cannot be computed; `why_not` says so.

    Args:
        shared: gives the shared model's scores, float64[n_test_rows]; asked only where they may be shown.
        alone: trains a model on the hospital's own rows and gives its scores of the same rows; likewise.
    """
    if outcome.form != "sides":
        return _of_others(data, shared, alone, outcome)
    every, labels = data.outcome, data.outcome[data.split == TEST]
    positive, n_test = int(labels.sum()), len(labels)
    everybody = int(every.sum())
    # With those of the test rows, which may be shown below, the others follow.
    counts = (everybody, len(every) - everybody, everybody - positive, len(every) - everybody - n_test + positive)
    found: dict[str, Any] = {
        "rows": shown(len(every)),
        "positive": everybody if all(shown(count) is not None for count in counts) else None,
        "train_rows": shown(int((data.split == TRAIN).sum())),
        "test_rows": shown(n_test),
        "test_positive": None,
        "auroc": {},
        "why_not": "",
    }
    if min(positive, n_test - positive) < SMALL:
        return found | {"why_not": f"fewer than {SMALL} own test rows with, or without, the outcome"}
    auroc, why_not = _both(shared, alone, labels, outcome)
    return found | {"test_positive": positive, "auroc": auroc, "why_not": why_not}


def _both(
    shared: Callable[[], NDArray[np.float64]],
    alone: Callable[[], NDArray[np.float64]],
    labels: NDArray[Any],
    outcome: Outcome,
) -> tuple[dict[str, float], str]:
    reached = {"federated": outcome.exact(shared(), labels).headline}
    try:
        reached["local"] = outcome.exact(alone(), labels).headline
    except CipherwardError as error:
        return reached, f"the model trained alone: {error.message}"
    return reached, ""


def _of_others(
    data: HospitalData,
    shared: Callable[[], NDArray[np.float64]],
    alone: Callable[[], NDArray[np.float64]],
    outcome: Outcome,
) -> dict[str, Any]:
    """The same of an outcome that is not binary: its headline metric, under its key."""
    labels = data.outcome[data.split == TEST]
    found: dict[str, Any] = {
        "rows": shown(len(data.outcome)),
        "train_rows": shown(int((data.split == TRAIN).sum())),
        "test_rows": shown(len(labels)),
        "headline": outcome.key,
        outcome.key: {},
        "why_not": "",
    }
    of_classes = [int((labels == each).sum()) for each in outcome.classes]
    if len(labels) < SMALL or any(0 < count < SMALL for count in of_classes):
        of = "" if not of_classes else ", or of a class that some have"
        return found | {"why_not": f"fewer than {SMALL} own test rows{of}"}
    if trouble := outcome.unfit(labels):
        return found | {"why_not": f"the own test rows have {trouble}"}
    reached, why_not = _both(shared, alone, labels, outcome)
    return found | {outcome.key: reached, "why_not": why_not}
