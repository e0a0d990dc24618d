"""What the openings of a run say of a key that has a successor: block, agreement, and what its noise cost (rule 4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cipherward.disclosure.blocks import Register
from cipherward.parties import asking, inheritance, refreshes
from cipherward.parties.inheritance import OpenedSum
from cipherward.privacy.accounting import Event
from cipherward.privacy.lifetime import PATIENT
from cipherward.runs import verify
from cipherward.runs.verify import Run
from cipherward.store.ledger import Ledger
from cipherward.tasks.state import StudyState

Cost = Callable[[StudyState], Event | None]
"""What a contribution to the state's next sum costs the budget of a study's [privacy]; needs the hospital's rows."""


@dataclass(frozen=True)
class Inherited:
    """One study. `sums`: those in which the register stood; `charged`: those whose noise counts against its budget."""

    study: str
    digest: bytes
    sums: int
    charged: int


def rebuild(ledger: Ledger, run: Run, register: Register, cost: Cost) -> Inherited:
    """Put into a ledger what the openings of a run say of this register; every one of them is verified first.

    Raises:
        AuditError, StorageError, DataError: as `verify.replay`.
    """
    states = list(verify.replay(run))
    sums = list(_sums(states, register, cost))
    study = run.first.study
    refresh = refreshes.refreshes_of(study).get(register, 0)
    memory = states[-1].state.memory
    found = inheritance.rebuild(ledger, register, sums, run.rules.blocks, memory, refresh=refresh)
    return Inherited(study.name, study.digest(), found, sum(bool(one.events) for one in sums))


def _sums(states: list[verify.Replayed], register: Register, cost: Cost) -> Iterator[OpenedSum]:
    for earlier, each in itertools.pairwise(states):
        state = earlier.state
        if not any(said.register == register for said in each.said):
            continue
        events = [(PATIENT, state.noise.event)] if state.noise else []
        if not events and state.study.privacy and (event := cost(state)):
            events = [(state.study.privacy.unit, event)]
        query = asking.asked_of(state)
        charges = tuple((unit, event.to_json()) for unit, event in events)
        yield OpenedSum(state.study.digest(), query, state.sums_done, each.purpose, each.context, each.said, charges)
