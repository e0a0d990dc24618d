"""The rows of a study, dealt to another number of hospitals than it has."""

from __future__ import annotations

import numpy as np

from cipherward.attacks.context import Context
from cipherward.attacks.updates import all_rows, dealt, some
from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.sources import HospitalData
from cipherward.study import Data, Study

_SHARES = {TRAIN: 0.7, VALIDATION: 0.1, TEST: 0.2}
_PLACES = {"cohort", "path", "hospital_column", "source", "confirmed_columns"}


def dealt_anew(at: Context, n_hospitals: int) -> list[HospitalData]:
    """So many hospitals: those that are there, where it is their number, else the training rows of all, dealt and split at random."""
    if len(at.hospitals) == n_hospitals:
        return list(at.hospitals)
    data, generator = all_rows(at), at.generator("split")
    found = []
    for k, rows in enumerate(dealt(len(data.outcome), n_hospitals, at.generator("deal")), start=1):
        part = some(data, rows)
        split = generator.choice([*_SHARES], size=len(rows), p=[*_SHARES.values()]).astype(np.uint8)
        found.append(HospitalData(f"hospital-{k:02d}", part.table, part.outcome, split))
    return found


def of(study: Study, hospitals: list[HospitalData]) -> Study:
    """The study as one over these hospitals' tables, in whatever blocks fit."""
    said = study.data.model_dump(mode="json")
    data = {name: value for name, value in said.items() if name in Data.model_fields and name not in _PLACES}
    listed = [{"name": each.name, "path": f"{each.name}.csv"} for each in hospitals]
    top = {"data": {**data, "source": "files"}, "hospitals": listed, "blocks": None, "singled_out": "never"}
    return study.with_overrides(top=top)
