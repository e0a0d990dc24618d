"""Why a sum waits for hospitals, or cannot go on with those that are left: the errors that say it to people."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cipherward.errors import DeclinedError, QuorumError
from cipherward.parties.current_sum import CurrentSum
from cipherward.parties.cut_updates import CUT_OTHERWISE
from cipherward.parties.pending import Pending
from cipherward.sums.votes import Rules

_WAYS_OUT = {
    "training diverged": "lower training.learning_rate and start a new study",
    CUT_OTHERWISE: "start a new study that ends before this sum, by training.rounds or training.patience, if the hospitals' logs name this "
    "study, else one that trains as the one they name",
}
"""By how the reason of a hospital begins that cannot contribute."""


@dataclass(frozen=True)
class Shortage:
    """The sum as people call it (`sum_name`), who is asked in it, and the names of hospitals. `sum`: there is none yet when
    a coordinator has started again while receipts are awaited.

    Each method notes whom the coordinator now waits for, and returns the error to raise.
    """

    sum_name: str
    pending: Pending
    sum: Callable[[], CurrentSum]
    rules: Rules
    names: Callable[[AbstractSet[int]], str]

    def too_few(self, what: str, found: int, needed: int, missing: frozenset[int]) -> QuorumError:
        """`found` hospitals did `what`, `needed` must."""
        self.pending.wait_for(missing & set(self.pending.packets))
        excluded = self.pending.excluded
        gone = f"; excluded after a breach: {self.names(excluded)}" if excluded else ""
        names = self.names(missing - excluded) or "see log.jsonl"
        return QuorumError(
            f"{self.sum_name}: {found} hospital(s) {what}, {needed} are needed{gone}; missing: {names}",
            hint="the study waits: bring the missing hospitals back and resume",
        )

    def apart(self, what: str, found: int, missing: frozenset[int]) -> QuorumError:
        """Updates are there, but those of a block may not be opened without its missing members."""
        if stepped := self.sum().collection.updates.stepped_too_few:
            said = f"{what} (rule {stepped.rule}: {stepped.what})"
            error = self.too_few(said, found, self.rules.min_contributors, frozenset())
            error.hint = f"stop this study, and {stepped.way_out}"
            return error
        there = self.sum().collection.contributors or self.sum().collection.dealers
        apart = self.sum().apart(there)
        error = self.too_few(what, found, self.rules.min_contributors, apart | missing)
        error.hint = (
            f"rule 1: {self.names(apart) or 'a hospital'} did not agree to be singled out, so nothing of its block is "
            "opened without it; the study waits for it"
        )
        if not apart | missing and (refused := self.sum().refusals_of(there)):
            return QuorumError(
                f"{self.sum_name}: all updates are there and may not be opened: {refused[0].what} (rule {refused[0].rule})",
                hint=refused[0].way_out,
            )
        return error

    def too_few_can(self, missing: frozenset[int]) -> DeclinedError:
        """Those that can contribute are fewer than a sum needs."""
        self.pending.wait_for(missing)
        declined = self.sum().collection.declined
        reasons = "; ".join(f"{self.names({i})}: {declined[i]}" for i in sorted(declined))
        ways = [way for begins, way in _WAYS_OUT.items() if any(each.startswith(begins) for each in declined.values())]
        return DeclinedError(
            f"{self.sum_name}: {len(declined)} hospital(s) cannot contribute, and without them fewer than "
            f"{self.rules.min_contributors} are left whose updates may be opened together ({reasons})",
            hint="; ".join(["each hospital's own log says more", *ways]),
        )
