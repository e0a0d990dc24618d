"""What a simulation can say of each hospital by itself. A deployed coordinator has nothing to compute it from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.learning.outcome import Outcome
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION


def facts(
    hospitals: Sequence[HospitalData], scores: Sequence[Mapping[str, NDArray[np.float64]]], outcome: Outcome
) -> list[dict[str, Any]]:
    """Rows, outcomes and the headline metric of some models on the hospital's own test rows, one dict per hospital.

    Args:
        scores: for each hospital, by model ("federated", "centralised", "local"): of its test rows, see `Outcome.scores`.

    Returns:
        per hospital: name; rows, positive (all splits); train_, validation_ and test_ of both; auroc_on_own_rows by model, None where its test rows have one class only. Of another
        outcome than a binary one the key of its headline stands for "auroc", and `classes`, `train_classes`, ... for the positive
        ones: rows of each class, [] where it is a number.
    """
    found = []
    for hospital, by_model in zip(hospitals, scores, strict=True):
        labels = hospital.outcome[hospital.split == TEST]
        is_mixed = not outcome.unfit(labels)
        reached = {name: outcome.exact(own, labels).headline if is_mixed else None for name, own in by_model.items()}
        counts = _counts("", hospital.outcome, outcome)
        for name, split in (("train_", TRAIN), ("validation_", VALIDATION), ("test_", TEST)):
            counts |= _counts(name, hospital.outcome[hospital.split == split], outcome)
        found.append({"name": hospital.name, **counts, f"{outcome.key}_on_own_rows": reached})
    return found


def _counts(part: str, labels: NDArray[Any], outcome: Outcome) -> dict[str, Any]:
    if outcome.form == "sides":
        return {f"{part}rows": len(labels), f"{part}positive": int(labels.sum())}
    return {f"{part}rows": len(labels), f"{part}classes": [int((labels == each).sum()) for each in outcome.classes]}
