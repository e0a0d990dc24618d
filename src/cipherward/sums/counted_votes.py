"""Votes at the coordinator: one from each hospital, for the sum or for leaving this attempt."""

from __future__ import annotations

from collections.abc import Collection as AnyOf

from cipherward.crypto.scheme import SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import forks
from cipherward.sums.checks import late
from cipherward.sums.messages import CONSENT, VoidCertificate, Vote
from cipherward.sums.releases import same
from cipherward.sums.votes import Rules, signed_vote


class CountedVotes:
    """The votes of one attempt. `consents`, `voids`: the signed messages by hospital; no hospital is in both."""

    def __init__(self, rules: Rules, task: SumTask, closed: AnyOf[bytes]) -> None:
        self._rules, self._task, self._closed = rules, task, closed
        self.consents: dict[int, bytes] = {}
        self.voids: dict[int, bytes] = {}

    def first(self, sender: int, data: bytes) -> Vote | None:
        """This hospital's first vote on this attempt; None: the same vote once more.

        Raises:
            FaultyHospitalError: it contradicts an earlier vote of its sender; both are the evidence.
            ProtocolError, WireError: not this hospital's vote on this attempt.
        """
        voter, vote = signed_vote(self._rules, data)
        if vote.context in self._closed:
            raise late("a vote on a sum or attempt that is over")
        forks.check(f"hospital {voter}", vote.last, self._task.last)
        if voter != sender or vote.context != self._task.context:
            raise ProtocolError("a vote of somebody else, or on another sum")
        for earlier, what in ((self.consents.get(sender), "consent"), (self.voids.get(sender), "void vote")):
            if earlier is not None:
                again = vote.choice == CONSENT and what == "consent"
                same(what if again else f"vote after a {what}", sender, earlier, data)
                return None
        return vote

    @property
    def is_certified(self) -> bool:
        return len(self.consents) >= self._rules.threshold

    def void_certificate(self) -> VoidCertificate | None:
        """Proof that this attempt is never certified, once `threshold` hospitals voted void."""
        if len(self.voids) < self._rules.threshold:
            return None
        return VoidCertificate(in_order(self.voids))


def in_order(signed: dict[int, bytes]) -> tuple[bytes, ...]:
    """Signed messages by the roster index of their senders."""
    return tuple(signed[i] for i in sorted(signed))
