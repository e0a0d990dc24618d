"""A sum that is announced with the opening before it, and the joins that come before it begins."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from cipherward.errors import WireError
from cipherward.parties import asking
from cipherward.parties.pending import Outgoing, addressed
from cipherward.parties.sumlog import Opened
from cipherward.sums import checks
from cipherward.sums.checks import Check
from cipherward.sums.messages import Announce, Join, sign, unsign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.state import StudyState

_MOST = 2
"""Joins of one hospital that wait: with two that differ it contradicts itself."""
_LARGEST = 1 << 13
"""Bytes of a join that waits: a key, a signature and what they are about take less than 2000."""


def announced(me: Member, state: StudyState, opened: Opened, there: frozenset[int]) -> list[Outgoing]:
    """The state's next sum, to those who can verify the opening that comes with it: they contributed to the sum."""
    if not opened.opened or state.purpose is None:
        return []
    task = asking.task_of(me.rules, state, 0)
    body = Announce(task.context, state.sums_done, 0, (), task.last)
    to = there.intersection(opened.contributors).difference(state.excluded)
    return addressed(to, "Announce", sign(me.identity, me.rules.study, me.index, body))


class EarlyJoins:
    """Those of the next sum, until it begins; a coordinator that restarts has forgotten them, and asks."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._said: dict[int, tuple[bytes, ...]] = {}

    def take(self, state: StudyState, sender: int, content: memoryview) -> bool:
        """Keep a join of the state's next sum; whether it is one.

        Raises:
            WireError, ProtocolError: malformed, forged, or longer than any join.
        """
        if state.purpose is None:
            return False
        with checks.check(Check.SIZE):
            if len(content) > _LARGEST:
                raise WireError(f"a join of {len(content)} bytes, more than any needs")
        data = bytes(content)
        body = unsign(data, Join, study=self._rules.study, keys=self._rules.keys, sender=sender)
        if body.context != asking.task_of(self._rules, state, 0).context:
            return False
        packet, said = pack("Join", data), self._said.get(sender, ())
        if packet not in said:
            self._said[sender] = (*said, packet)[:_MOST]
        return True

    def give(self, left: AbstractSet[int]) -> list[Outgoing]:
        """Who has joined and not `left` since, with the packet, in the order in which they did; none are kept."""
        found = [(sender, packet) for sender, said in self._said.items() for packet in said if sender not in left]
        self._said.clear()
        return found
