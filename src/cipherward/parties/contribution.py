"""What a hospital puts into a sum: made once, kept and charged before anything can be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from cipherward.crypto.hashing import digest
from cipherward.crypto.scheme import Scheme
from cipherward.data.cuts import Cuts
from cipherward.parties import asking
from cipherward.parties.cut_inputs import CutInputs, counted
from cipherward.parties.cut_updates import CutUpdates
from cipherward.parties.grids import Grids
from cipherward.parties.policy import Policy
from cipherward.parties.standing import Standing
from cipherward.parties.weighing import Weighing
from cipherward.privacy.accounting import Event
from cipherward.privacy.budget import Budget, budget_of
from cipherward.privacy.lifetime import PATIENT, Lifetime, check_delta
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

Log = Callable[[str, dict[str, object]], None]


@dataclass
class Contributions:
    """The vectors of one hospital in one study. `budget`: None for a study without differential privacy; `lifetime`:
    of the register, for noise that is the hospital's own. `rounding_key`: its own secret for this study, from which
    the rounding of every contribution follows, and what a task draws in secret: another attempt after a restart sends
    the same one. `weighing`: of the register's updates; `cut_updates`: what was cut of them; `grids`: of its columns,
    and `cut_inputs`: where they were cut, where the policy asks for one grid in all studies."""

    scheme: Scheme
    budget: Budget | None
    lifetime: Lifetime
    log: Log
    weighing: Weighing
    cut_updates: CutUpdates
    rounding_key: bytes = field(repr=False)
    grids: Grids | None = None
    cut_inputs: CutInputs | None = None
    _made: tuple[bytes, NDArray[Any]] | None = field(default=None, repr=False)
    _cuts: Cuts = field(default=(), repr=False)

    def vector(self, work: HospitalWork, state: StudyState) -> NDArray[Any]:
        """The vector to protect; another attempt at the sum, and the sum that asks the same after one that did not
        open, get the same.

        Raises:
            DataError: the hospital's own rows do not give one.
            BudgetExceededError: it may not be spent.
        """
        query, work.cuts = asking.asked_of(state), ()
        if state.noise is not None:
            return self._noisy(state.noise.event, work, state, query)
        self.weighing.hold(work, state)
        if self.grids:
            self.grids.hold(state)
        if self.cut_inputs:
            work.cuts = self.cut_inputs.hold(work, state)
        if self.budget is None:
            if self._made is None or self._made[0] != query:
                self._made = query, self._rounded(work, state, query)
            return self._made[1]
        kept = self.budget.kept(query)
        if kept is not None:
            return asking.from_stored(self.scheme, state, kept)
        return self._charged(self.budget, work, state, query)

    def _rounded(self, work: HospitalWork, state: StudyState, query: bytes) -> NDArray[Any]:
        rounding = digest("rounding", self.rounding_key, query)
        work.secret = digest("drawn by a task", self.rounding_key)
        values = work.values(state)
        if self.scheme.fixed_point:  # numbers as they are have no range
            self.cut_updates.hold(work, state, query, values)
        if work.cuts and work.cuts != self._cuts:
            self.log("numbers far out cut off", {"sum": state.sums_done, "numbers": counted(work, state.study.columns)})
            self._cuts = work.cuts
        return asking.vector_of(self.scheme, state, values, rounding)

    def forget(self) -> None:
        """The sum is over."""
        self._made = None

    def _noisy(self, event: Event, work: HospitalWork, state: StudyState, query: bytes) -> NDArray[Any]:
        """With this hospital's own noise for its patients: made and charged once, for every attempt and for good."""
        study = state.study.digest()
        kept = self.lifetime.charges.contribution(study, query)
        if kept is not None:
            return asking.from_stored(self.scheme, state, kept)
        if self.lifetime.limit:
            check_delta(self.lifetime.limit.delta, len(work.data.outcome))
        self.lifetime.check(event)
        vector = self._rounded(work, state, query)
        what = state.purpose or ""
        self.lifetime.charge(study, query, state.sums_done, what, event, asking.stored(self.scheme, vector))
        facts: dict[str, object] = {"sum": state.sums_done, "what": what, "unit": PATIENT}
        self.log("privacy charge", facts | {"noise_multiplier": event.noise_multiplier, "steps": event.steps})
        return vector

    def _charged(self, budget: Budget, work: HospitalWork, state: StudyState, query: bytes) -> NDArray[Any]:
        event = work.event(state)
        if event is not None:
            budget.check(event)  # before time is spent on training
        vector = self._rounded(work, state, query)
        purpose = state.purpose or ""
        budget.charge(query, state.sums_done, purpose, event, asking.stored(self.scheme, vector))
        facts: dict[str, object] = {"sum": state.sums_done, "what": purpose, "unit": budget.privacy.unit}
        if event is not None:
            spent = {"noise_multiplier": event.noise_multiplier, "steps": event.steps, "spent": budget.spent}
            facts |= {**spent, "epsilon": budget.privacy.epsilon, "delta": budget.privacy.delta}
        self.log("privacy charge" if event else "exact release, not covered by privacy", facts)
        return vector


def contributions_of(
    scheme: Scheme, study: Study, standing: Standing, policy: Policy, who: str, log: Log, rounding_key: bytes
) -> Contributions:
    """Those of one register in a study, with the hospital's own limits. `who`: for people who read an error."""
    ledger, limit = standing.ledger, policy.limit
    return Contributions(
        scheme,
        budget_of(study, ledger, who, limit),
        Lifetime(ledger, who, limit),
        log,
        Weighing(ledger, standing.register.name),
        CutUpdates(ledger, standing.register.name),
        rounding_key,
        Grids(ledger, standing.register.name, policy.cell_min) if policy.one_grid else None,
        CutInputs(ledger, standing.register.name) if policy.one_grid else None,
    )
