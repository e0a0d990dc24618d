"""What all studies together may find out about one patient of a register, for good.

The hospital decides how much, at its own delta; no study's epsilon or delta has a say in it. Charges are never forgotten
and never given back, and a register's studies are added whoever ran them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cipherward.errors import BudgetExceededError, StorageError, StudyError
from cipherward.privacy import accounting
from cipherward.privacy.accounting import RESERVED, Event

PATIENT = "patient"
"""Unit of charges for noise on counts: one patient, with at most the rows that the question counts."""

_ADDED = ({"record", PATIENT}, {"hospital"})
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Charge:
    """One release: `event` is what it cost as JSON, empty for an exact release that no budget covers."""

    study: bytes
    query: bytes
    round: int
    unit: str
    what: str
    event: str


def events_of(charges: Iterable[Charge]) -> list[Event]:
    """What they cost; exact releases cost nothing that could be counted.

    Raises:
        StorageError: a charge is damaged.
    """
    try:
        return [Event.from_json(charge.event) for charge in charges if charge.event]
    except ValueError:
        raise StorageError("a charge in the privacy ledger is damaged", hint="restore the ledger") from None


class Charges(Protocol):
    """Where charges are kept: the hospital's ledger."""

    def charges(self) -> Sequence[tuple[bytes, bytes, int, str, str, str]]:
        """Every charge ever made, with the fields of `Charge`."""

    def contribution(self, study: bytes, query: bytes) -> bytes | None:
        """The contribution kept with a charge, if there is one."""

    def record_charge(
        self, study: bytes, query: bytes, round: int, unit: str, what: str, event: str, contribution: bytes
    ) -> None:
        """Record a charge and its contribution, durably, in one step."""


@dataclass(frozen=True)
class Limit:
    """An epsilon and the delta that it is meant at. One without the other says nothing.

    Raises:
        StudyError: epsilon is not above 0, or delta not between 0 and 1.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not self.epsilon > 0.0 or not 0.0 < self.delta < 1.0:
            raise StudyError("a limit needs an epsilon above 0 and a delta between 0 and 1")

    def allows(self, cost: float) -> bool:
        """Whether an epsilon at this delta is within the limit."""
        return cost <= self.epsilon * (1.0 + _ROUNDING)

    def cost(self, events: Iterable[Event]) -> float:
        """Their epsilon at this delta, less what is kept back for noise that is cut off."""
        return accounting.epsilon(events, self.delta * (1.0 - RESERVED))

    def __str__(self) -> str:
        return f"epsilon {self.epsilon:.4g} at delta {self.delta:.1g}"


def check_delta(delta: float, n_rows: int) -> None:
    """That delta promises anything: with 1 / rows, a mechanism may publish a row picked at random.

    Raises:
        StudyError: delta is 1 / `n_rows` or more.
    """
    if delta * n_rows >= 1.0:
        raise StudyError(
            f"delta {delta:g} promises nothing to {n_rows} rows: at 1 / rows one row may be given away whole",
            hint="take a delta far below 1 / rows, such as 1e-6",
        )


@dataclass(frozen=True)
class Lifetime:
    """One register's budget over all studies.

    Args:
        limit: the hospital's own; None: nothing is refused, everything is counted.
        registers: which register a study (digest) reads. A study that it does not name counts as this register's.
        who: for the text of an error.
    """

    charges: Charges = field(repr=False)
    who: str
    limit: Limit | None
    register: str = ""
    registers: Mapping[bytes, str] = field(default_factory=dict)

    def events(self, unit: str, study: bytes | None = None) -> list[Event]:
        """What was charged on this register in units that are added to `unit` (in one study only, where given).

        Rows and patients are added: noise that hides a patient hides each of its rows. A patient with several rows is less
        protected by training's noise on rows than the sum says (docs/privacy.md).

        Raises:
            StorageError: as `events_of`.
        """
        units = next((added for added in _ADDED if unit in added), {unit})
        chosen = [
            charge
            for charge in (Charge(*row) for row in self.charges.charges())
            if charge.unit in units
            and study in (None, charge.study)
            and self.registers.get(charge.study, self.register) == self.register
        ]
        return events_of(chosen)

    def spent(self, at: Limit, unit: str = PATIENT) -> float:
        """Epsilon of all charges, at the delta of `at`: the hospital's own, not a study's."""
        return at.cost(self.events(unit))

    def check(self, event: Event, unit: str = PATIENT) -> None:
        """Whether one more such event is within the limit.

        Raises:
            BudgetExceededError: it is not; nothing was charged or sent.
        """
        if self.limit is None:
            return
        before = self.events(unit)
        cost = self.limit.cost([*before, event])
        if not self.limit.allows(cost):
            spent = self.limit.cost(before)
            raise BudgetExceededError(
                f"{self.who} has no privacy budget left for this table: the next answer would bring all studies together to "
                f"epsilon {cost:.4g} at delta {self.limit.delta:.1g}, the hospital's own limit is {self.limit.epsilon:.4g} "
                f"(spent: {spent:.4g})",
                hint="nothing more of this hospital was sent; only its privacy officer can raise the limit",
            )

    def charge(self, study: bytes, query: bytes, number: int, what: str, event: Event, contribution: bytes) -> None:
        """Record an answer with a patient's noise before it is sent; `contribution` is sent again by every later attempt.

        Raises:
            BudgetExceededError: as `check`.
            StorageError: the ledger cannot be written.
        """
        self.check(event)
        self.charges.record_charge(study, query, number, PATIENT, what, event.to_json(), contribution)
