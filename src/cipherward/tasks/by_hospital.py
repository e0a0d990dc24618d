"""What a simulation can say of each hospital by itself. A deployed coordinator has nothing to compute it from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.learning import metrics
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION


def facts(
    hospitals: Sequence[HospitalData], scores: Sequence[Mapping[str, NDArray[np.float64]]]
) -> list[dict[str, Any]]:
    """Rows, outcomes and the AUROC of some models on the hospital's own test rows, one dict per hospital.

    Args:
        scores: for each hospital, by model ("federated", "centralised", "local"): float64[n_test_rows].

    Returns:
        per hospital: name; rows, positive (all splits); train_, validation_ and test_ of both; auroc_on_own_rows by model, None where its test rows have one class only.
    """
    found = []
    for hospital, by_model in zip(hospitals, scores, strict=True):
        labels = hospital.outcome[hospital.split == TEST]
        is_mixed = 0 < int(labels.sum()) < len(labels)
        auroc = {name: metrics.exact(own, labels).auroc if is_mixed else None for name, own in by_model.items()}
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
