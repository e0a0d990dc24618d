"""Hospitals that lie about their values inside real parties: everything but the numbers is as the software does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass

from tests.simulator import World

from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

Lie = Callable[[StudyState, Values], Values]
"""From the state and what an honest hospital would say to what is said."""


@dataclass
class LyingWork(HospitalWork):
    """A hospital's work that says something else about some sums."""

    lie: Lie = lambda state, values: values
    purposes: Collection[str] = ("train", "train-block")

    def values(self, state: StudyState) -> Values:
        values = super().values(state)
        return dict(self.lie(state, values)) if state.purpose in self.purposes else values


def lying(world: World, index: int, lie: Lie, *purposes: str) -> None:
    """Hospital `index` of a world lies about the sums of these purposes; of training, where none is given."""
    old = world.sites[index].work
    kept = {field.name: getattr(old, field.name) for field in dataclasses.fields(old) if field.init}
    world.sites[index].work = LyingWork(**kept, lie=lie, purposes=purposes or ("train", "train-block"))


def boosted(factor: float) -> Lie:
    """The update, so many times as large."""

    def lie(state: StudyState, values: Values) -> Values:
        return {name: value * factor if name.startswith("update/") else value for name, value in values.items()}

    return lie
