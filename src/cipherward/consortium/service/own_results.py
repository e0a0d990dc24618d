"""What a hospital finds out for itself when a study has ended: the model on its own test rows, beside one that it trains
alone. `own.json` stays in its home; counts and figures of few patients are left out of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.consortium.approval.datacheck import SMALL, shown
from cipherward.errors import CipherwardError
from cipherward.learning import baselines, metrics, sgd
from cipherward.parties.hospital_node import HospitalNode
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.tasks.hospital_work import TEST, TRAIN


def keep(folder: Path, node: HospitalNode, first_weights: NDArray[np.float32]) -> None:
    """Compute and write own.json. Trains as long as the study did here, so nobody should be waiting.

    Args:
        node: at the study's end.
        first_weights: float32[n_parameters], the model before the first round.

    Raises:
        StorageError: it cannot be written.
    """
    document = compute(node, first_weights)
    files.write(
        StudyFolder(folder).own_results, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode(), private=True
    )


def compute(node: HospitalNode, first_weights: NDArray[np.float32]) -> dict[str, Any]:
    """Counts of rows (None: fewer than SMALL and not 0) and AUROC of both models on this hospital's own test rows.

    `auroc` is empty where it would be of few patients, or cannot be computed; `why_not` says so.
    """
    work, state = node.work, node.state
    study = state.study
    outcome = work.data.outcome
    train, test = work.rows(state, TRAIN), work.rows(state, TEST)
    positive, n_test = int(test[1].sum()), len(test[1])
    found: dict[str, Any] = {
        "hospital": study.hospitals[node.index - 1].name,
        "index": node.index,
        "rows": shown(len(outcome)),
        "positive": shown(int(outcome.sum())) if shown(len(outcome) - int(outcome.sum())) else None,
        "train_rows": shown(len(train[1])),
        "test_rows": shown(n_test),
        "test_positive": None,
        "auroc": {},
        "why_not": "",
    }
    if min(positive, n_test - positive) < SMALL:
        return found | {"why_not": f"fewer than {SMALL} own test rows with, or without, the outcome"}
    scores = sgd.scores(work.module, state.weights, test[0], work.device)
    auroc = {"federated": metrics.exact(scores, test[1]).auroc}
    why_not = ""
    try:
        (alone,) = baselines.local_only(
            work.module, first_weights, [train], [test], study.training, seed=study.seed, device=work.device
        )
        auroc["local"] = alone.metrics.auroc
    except CipherwardError as error:
        why_not = f"the model trained alone: {error.message}"
    return found | {"test_positive": positive, "auroc": auroc, "why_not": why_not}
