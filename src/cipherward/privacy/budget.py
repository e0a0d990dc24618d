"""A hospital's privacy budget: every release is charged before it is sent, and none beyond what the study allows.

Charges are rows of the hospital's durable ledger. One query is charged once: the contribution is kept with its charge until a sum
of it is verified. A restart, another attempt and the sum that asks the same after one that did not open send the same noisy values;
whatever was opened of them follows from one release.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cipherward.errors import BudgetExceededError
from cipherward.privacy import accounting
from cipherward.privacy.accounting import Event
from cipherward.privacy.lifetime import Charge, Charges, Lifetime, Limit, events_of
from cipherward.privacy.noise import accounted_delta
from cipherward.study import Privacy, Study

COVERED = {
    "record": ("model updates of the training rounds, for training rows",),
    "hospital": ("model updates of the training rounds",),
    "patient": ("counts, sums and histograms that carry each hospital's own noise, for its patients",),
}
_EXACT = "exact statistics of the training rows (counts, sums, squares), which scale the model's inputs"
_WITH_NOISE = "statistics of the training rows, which scale the model's inputs and carry each hospital's own noise"
_FIRST_MODEL = "the model that training goes on from, with all that the earlier study gave"
_SUBGROUPS = "exact score histograms of the test rows of each subgroup, and how many hospitals have it"
_VOTES = "how many hospitals are against the model that follows, by their validation rows, in every round"
NOT_COVERED = {
    "record": (
        _EXACT,
        "the class of a hospital's number of training rows, through its weight",
        "exact score histograms and losses of the test and validation rows, in every round",
    ),
    "hospital": (
        _EXACT,
        "the exact score histogram and loss of the final evaluation",
        "which hospitals took part",
    ),
    "patient": (
        "every sum without noise: model updates, score histograms, losses",
        "the class of a hospital's number of rows, which is public with its weight",
    ),
}


def not_covered(study: Study, unit: str) -> tuple[str, ...]:
    """What the promise to a unit leaves out in this study."""
    defence = study.training.defence
    votes = (_VOTES,) if defence and defence.vote and unit != "hospital" else ()
    first_model = (_FIRST_MODEL,) if study.training.continues else ()
    subgroups = (_SUBGROUPS,) if study.evaluation.subgroups else ()
    return (
        *(_WITH_NOISE if text == _EXACT and study.own_noise else text for text in NOT_COVERED[unit]),
        *votes,
        *subgroups,
        *first_model,
    )


@dataclass
class Budget:
    """What one hospital has spent and has left in one study.

    Args:
        limit: the hospital's own over all studies in its ledger, at its own delta (`Lifetime`); None: none.
        who: for the text of an error.
    """

    study: Study
    privacy: Privacy
    charges: Charges = field(repr=False)
    who: str
    limit: Limit | None = None

    def kept(self, query: bytes) -> bytes | None:
        """The contribution charged for this query already, to be sent again as it is."""
        return self.charges.contribution(self.study.digest(), query)

    def check(self, event: Event) -> None:
        """Whether one more such event is within the budget.

        Raises:
            BudgetExceededError: it is not; nothing was charged or sent.
        """
        cost = accounting.epsilon([*self._events(), event], accounted_delta(self.privacy))
        if not self._promised.allows(cost):
            raise BudgetExceededError(
                f"{self.who} has no privacy budget left: another round would bring it to epsilon {cost:.4g}, and the "
                f"study's limit is {self._promised} (spent in this study: {self.spent:.4g})",
                hint="nothing more of this hospital was sent; the model of the last finished round stays valid",
            )
        self.lifetime.check(event, self.privacy.unit)

    @property
    def lifetime(self) -> Lifetime:
        """The hospital's budget over all its studies."""
        return Lifetime(self.charges, self.who, self.limit)

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
        return accounting.epsilon(self._events(), accounted_delta(self.privacy))

    def report(self) -> dict[str, Any]:
        """What was spent, on what, and what is left."""
        own = [charge for charge in self._all() if charge.study == self.study.digest()]
        covered = [charge for charge in own if charge.event]
        events = sorted({(e.noise_multiplier, e.sampling_rate) for e in self._events()})
        spent = self.spent
        return {
            "epsilon_spent": spent,
            "epsilon_left": max(self.privacy.epsilon - spent, 0.0),
            "releases_charged": len(covered),
            "releases_not_covered": [charge.what for charge in own if not charge.event],
            "noise_multipliers": [noise for noise, _ in events],
            "sampling_rates": [rate for _, rate in events],
        }

    @property
    def _promised(self) -> Limit:
        return Limit(self.privacy.epsilon, self.privacy.delta)

    def _events(self) -> list[Event]:
        """Of this study and unit alone: what its own promise is about."""
        chosen = [c for c in self._all() if c.unit == self.privacy.unit and c.study == self.study.digest()]
        return events_of(chosen)

    def _all(self) -> list[Charge]:
        return [Charge(*row) for row in self.charges.charges()]


def budget_of(study: Study, charges: Charges, who: str, limit: Limit | None = None) -> Budget | None:
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
        "not_covered": list(not_covered(study, privacy.unit)),
        "hospitals": reports,
    }
