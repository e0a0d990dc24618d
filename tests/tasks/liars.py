"""Hospitals that lie about their values inside real parties: everything but the numbers is as the software does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulator import World

from cipherward.parties.cut_updates import CutUpdates
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

Lie = Callable[[StudyState, Values], Values]
"""From the state and what an honest hospital would say to what is said."""


@dataclass
class LyingWork(HospitalWork):
    """A hospital's work that says something else about sums of some purposes."""

    lies: dict[str, Lie] = field(default_factory=dict)

    def values(self, state: StudyState) -> Values:
        values, lie = super().values(state), self.lies.get(state.purpose or "")
        return dict(lie(state, values)) if lie else values


class Shameless(CutUpdates):
    """Of a hospital that does not mind what its false updates show."""

    def hold(self, work: HospitalWork, state: StudyState, query: bytes, values: Values) -> None:
        pass


def lying(world: World, index: int, lie: Lie, *purposes: str) -> None:
    """Hospital `index` of a world lies about the sums of these purposes; of training, where none is given."""
    old, said = world.sites[index].work, world.sites[index]._contributions
    said.cut_updates = Shameless(said.cut_updates.ledger, said.cut_updates.register)
    kept = {one.name: getattr(old, one.name) for one in dataclasses.fields(HospitalWork) if one.init}
    before = old.lies if isinstance(old, LyingWork) else {}
    world.sites[index].work = LyingWork(**kept, lies=before | dict.fromkeys(purposes or ("train", "train-block"), lie))


def boosted(factor: float) -> Lie:
    """The update, so many times as large."""

    def lie(state: StudyState, values: Values) -> Values:
        return {name: value * factor if name.startswith("update/") else value for name, value in values.items()}

    return lie
