"""A study's training with its own questions, answers and public rule, and its sums added in the clear.

The sums of every scheme are those (docs/protocol.md), so what an attacker gets from them needs no encryption to be measured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model, Sums, Values

Lanes = Callable[[StudyState, int, NDArray[np.int64]], NDArray[np.int64]]
"""From the state, a hospital's roster index and its lanes to lanes."""


@dataclass(frozen=True)
class Opened:
    """One sum as it was opened. `before`, `after`: the public state; `values`: what each hospital put in, by roster index, which nobody
    sees where sums are encrypted; `sums`: what everybody who takes part sees."""

    before: StudyState = field(repr=False)
    after: StudyState = field(repr=False)
    values: Mapping[int, Values] = field(repr=False)
    sums: Sums = field(repr=False)

    @property
    def is_round(self) -> bool:
        """Whether it is a round of training."""
        return any(name.startswith("update/") for name in self.sums)


def values_of(state: StudyState, works: Sequence[HospitalWork]) -> dict[int, Values]:
    """What each hospital answers to the next question, of those that it asks."""
    asked = state.admitted
    return {work.index: work.values(state) for work in works if not asked or work.index in asked}


def open_sum(
    state: StudyState, values: Mapping[int, Values], alter: Lanes = lambda state, index, lanes: lanes
) -> Opened:
    """Round every hospital's values to lanes as they are before encryption, add them up, open, and apply the public rule.

    `alter`: what becomes of a hospital's lanes before they are added.

    Raises:
        DataError, ProtocolError: as `Layout.encode`, and for sums that make no model.
    """
    layout = state.layout
    lanes = [alter(state, i, layout.encode(each, os.urandom(32)).astype(np.int64)) for i, each in values.items()]
    sums = layout.decode(np.sum(lanes, axis=0), len(lanes))
    return Opened(state, state.after(sums, len(lanes)), values, sums)


def train(study: Study, hospitals: Sequence[HospitalData]) -> Iterator[Opened]:
    """The whole study, sum by sum, until it asks nothing more."""
    works = [HospitalWork(index, data, "cpu", no_clock) for index, data in enumerate(hospitals, start=1)]
    state = begin(study)
    while state.question is not None:
        found = open_sum(state, values_of(state, works))
        yield found
        state = found.after


def model_of(state: StudyState) -> Model:
    """The model so far. Raises ValueError where the task makes none."""
    if state.model is None:
        raise ValueError("the study's task makes no model")
    return state.model


def update_of(values: Mapping[str, NDArray[Any]], model: Model) -> NDArray[np.float64]:
    """The part of a contribution, or of a sum, that moves the model: float64[n_parameters], multiplied by the weight."""
    return np.concatenate([np.asarray(values[f"update/{name}"], dtype=np.float64) for name, _ in model.groups])


def no_clock() -> float:
    """Of hospitals whose work nobody times."""
    return 0.0
