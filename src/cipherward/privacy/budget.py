"""A hospital's privacy budget: every release is charged before it is sent, and none beyond what the study allows.

Charges are rows of the hospital's durable ledger. One query is charged once: the contribution is kept with its charge
until the sum is released, so that a restart or another attempt sends the same noisy values and learns nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cipherward.errors import BudgetExceededError, StorageError
from cipherward.privacy import accounting
from cipherward.privacy.accounting import Event
from cipherward.privacy.noise import accounted_delta
from cipherward.study import Privacy, Study

_ROUNDING = 1e-9

COVERED = {
    "record": ("model updates of the training rounds, for training rows",),
    "hospital": ("model updates of the training rounds",),
}
NOT_COVERED = {
    "record": (
        "exact statistics of the training rows (counts, sums, squares), which scale the model's inputs",
        "how many training rows a hospital has, through its weight",
        "exact score histograms and losses of the test and validation rows, in every round",
    ),
    "hospital": (
        "exact statistics of the training rows (counts, sums, squares), which scale the model's inputs",
        "the exact score histogram and loss of the final evaluation",
        "which hospitals took part",
    ),
}


@dataclass(frozen=True)
class Charge:
    """One release: `event` is what it cost as JSON, empty for an exact release that no budget covers."""

    study: bytes
    query: bytes
    round: int
    unit: str
    what: str
    event: str


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


@dataclass
class Budget:
    """What one hospital has spent and has left in one study.

    Args:
        limit: the hospital's own limit over all studies of this unit in its ledger, at this study's delta; None: none.
        who: for the text of an error.
    """

    study: Study
    privacy: Privacy
    charges: Charges = field(repr=False)
    who: str
    limit: float | None = None

    def kept(self, query: bytes) -> bytes | None:
        """The contribution charged for this query already, to be sent again as it is."""
        return self.charges.contribution(self.study.digest(), query)

    def check(self, event: Event) -> None:
        """Whether one more such event is within the budget.

        Raises:
            BudgetExceededError: it is not; nothing was charged or sent.
        """
        here, everywhere = self._events(self.study.digest()), self._events(None)
        self._check([*here, event], self.privacy.epsilon, "the study's")
        if self.limit is not None:
            self._check([*everywhere, event], self.limit, "the hospital's own")

    def charge(self, query: bytes, round: int, what: str, event: Event | None, contribution: bytes) -> None:
        """Record a release before it is sent; None for an exact one, which is noted and not covered.

        Raises:
            BudgetExceededError: as `check`.
            StorageError: the ledger cannot be written.
        """
        if event is not None:
            self.check(event)
        text = event.to_json() if event else ""
        unit = self.privacy.unit
        self.charges.record_charge(self.study.digest(), query, round, unit, what, text, contribution if event else b"")

    @property
    def spent(self) -> float:
        """The epsilon of this study's charges so far, at its delta."""
        return accounting.epsilon(self._events(self.study.digest()), accounted_delta(self.privacy))

    def report(self) -> dict[str, Any]:
        """What was spent, on what, and what is left."""
        own = [charge for charge in self._all() if charge.study == self.study.digest()]
        covered = [charge for charge in own if charge.event]
        events = sorted({(e.noise_multiplier, e.sampling_rate) for e in self._events(self.study.digest())})
        spent = self.spent
        return {
            "epsilon_spent": spent,
            "epsilon_left": max(self.privacy.epsilon - spent, 0.0),
            "releases_charged": len(covered),
            "releases_not_covered": [charge.what for charge in own if not charge.event],
            "noise_multipliers": [noise for noise, _ in events],
            "sampling_rates": [rate for _, rate in events],
        }

    def _check(self, events: Sequence[Event], allowed: float, whose: str) -> None:
        cost = accounting.epsilon(events, accounted_delta(self.privacy))
        if cost <= allowed * (1.0 + _ROUNDING):
            return
        raise BudgetExceededError(
            f"{self.who} has no privacy budget left: another round would bring it to epsilon {cost:.4g} at delta "
            f"{self.privacy.delta:.1g}, and {whose} limit is {allowed:.4g} (spent in this study: {self.spent:.4g})",
            hint="nothing more of this hospital was sent; the model of the last finished round stays valid",
        )

    def _events(self, study: bytes | None) -> list[Event]:
        chosen = [c for c in self._all() if c.event and c.unit == self.privacy.unit and study in (None, c.study)]
        try:
            return [Event.from_json(charge.event) for charge in chosen]
        except ValueError:
            raise StorageError("a charge in the privacy ledger is damaged", hint="restore the ledger") from None

    def _all(self) -> list[Charge]:
        return [Charge(*row) for row in self.charges.charges()]


def budget_of(study: Study, charges: Charges, who: str, limit: float | None = None) -> Budget | None:
    """The budget of a study with privacy, None without."""
    return Budget(study, study.privacy, charges, who, limit) if study.privacy else None


def describe(study: Study, reports: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What result.json says about privacy, from the hospitals' reports; None for a study without.

    A deployed coordinator has no reports: what each hospital spent is in its own ledger.
    """
    privacy = study.privacy
    if privacy is None:
        return None
    return {
        **privacy.model_dump(mode="json"),
        "epsilon_spent": max((report["epsilon_spent"] for report in reports.values()), default=None),
        "epsilon_left": min((report["epsilon_left"] for report in reports.values()), default=None),
        "covered": list(COVERED[privacy.unit]),
        "not_covered": list(NOT_COVERED[privacy.unit]),
        "hospitals": reports,
    }
