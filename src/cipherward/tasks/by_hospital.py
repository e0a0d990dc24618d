"""What a simulation can say of each hospital by itself. A deployed coordinator has nothing to compute it from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.learning import metrics, sgd
from cipherward.learning.baselines import Rows
from cipherward.learning.devices import Device
from cipherward.learning.model_kind import Module
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION


def facts(
    hospitals: Sequence[HospitalData],
    test_rows: Sequence[Rows],
    module: Module,
    shared: dict[str, NDArray[np.float32]],
    local: Sequence[NDArray[np.float32]],
    device: Device,
) -> list[dict[str, Any]]:
    """Rows, outcomes and the AUROC of three models on the hospital's own test rows, one dict per hospital.

    Args:
        test_rows: features float32[n, n_features] and labels, one pair per hospital.
        shared: weights by name ("federated", "centralised"), float32[n_parameters].
        local: each hospital's own weights, in the order of `hospitals`.

    Returns:
        per hospital: name; rows, positive (all splits); train_, validation_ and test_ of both; auroc_on_own_rows by model, None where its test rows have one class only.
    """
    found = []
    for hospital, (features, labels), own in zip(hospitals, test_rows, local, strict=True):
        positive = int(labels.sum())
        auroc: dict[str, float | None] = dict.fromkeys((*shared, "local"))
        if 0 < positive < len(labels):
            for name, weights in (shared | {"local": own}).items():
                scores = sgd.scores(module, weights, features, device)
                auroc[name] = metrics.exact(scores, labels).auroc
        found.append(
            {
                "name": hospital.name,
                "rows": len(hospital.outcome),
                "positive": int(hospital.outcome.sum()),
                **_counts(hospital),
                "auroc_on_own_rows": auroc,
            }
        )
    return found


def _counts(hospital: HospitalData) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, split in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        labels = hospital.outcome[hospital.split == split]
        found |= {f"{name}_rows": len(labels), f"{name}_positive": int(labels.sum())}
    return found
