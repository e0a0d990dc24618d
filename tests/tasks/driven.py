"""A task from its first question to its last without parties: every hospital's values are added, and that is what is opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cipherward.data.sources import HospitalData
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState


def finished(
    study: Study, hospitals: Sequence[HospitalData], *, cell_min: int = 0
) -> tuple[StudyState, list[StudyState]]:
    """The last state, and the states before each sum. The study has no noise."""
    state, before = begin(study), []
    works = [HospitalWork(k, data, "cpu", lambda: 0.0, cell_min=cell_min) for k, data in enumerate(hospitals)]
    while state.question is not None:
        before.append(state)
        lanes = [state.layout.encode(at.values(state)) for at in works]
        opened = np.sum(np.stack(lanes).astype(np.int64), axis=0)
        state = state.after(state.layout.decode(opened, len(works)), len(works))
    return state, before
