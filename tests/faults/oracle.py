"""What the model has to be: the sums of the listed hospitals' own values, added in the clear by one program."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from cipherward.data.sources import load_hospitals
from cipherward.parties import asking
from cipherward.runs import verify
from cipherward.tasks.hospital_work import HospitalWork


@functools.cache
def weights(run: Path, tables: Path, contributors: tuple[tuple[int, ...], ...]) -> bytes:
    """The final model's weights when each sum holds exactly these hospitals. `run` gives the study and its first model."""
    opened = verify.open_run(run)
    study, rules, state = opened.first.study, opened.rules, opened.first
    work = {}
    for index, hospital in enumerate(study.hospitals, start=1):
        (data,) = load_hospitals(study, tables / f"{hospital.name}.csv", tables, only=[hospital.name])
        work[index] = HospitalWork(index, data, "cpu", lambda: 0.0)
    for listed in contributors:
        vectors = [asking.vector_of(rules.scheme, state, work[i].values(state)).astype(np.int64) for i in listed]
        state = asking.following(rules.scheme, state, np.sum(vectors, axis=0), len(listed))
    assert state.model is not None
    return state.model.weights.tobytes()
