"""For how long the coordinator waits for hospitals: deadlines, who is away, and when it asks again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cipherward.parties.coordinator_node import CoordinatorNode, Outgoing, Phase

LONGEST_PAUSE = 86_400.0
"""The most seconds between two times that a hospital which does not answer is sent the same again."""


class Log(Protocol):
    def __call__(self, event: str, facts: dict[str, object], /) -> None: ...


class Deadlines:
    """Where a study's current sum stands, since when, and which hospitals have let a deadline pass.

    `clock` gives Unix seconds, `ticks` seconds that never jump, by which deadlines count; hospitals are numbered from 1 in
    the order of `names`.
    """

    def __init__(self, names: list[str], clock: Callable[[], float], ticks: Callable[[], float], log: Log) -> None:
        self.away: dict[int, float] = {}
        self.since = clock()
        """When the sum came to the step that it is in."""
        self._names = names
        self._clock = clock
        self._ticks = ticks
        self._log = log
        self._heard: set[int] = set()
        self._place: tuple[object, ...] = ()
        self._said_short: tuple[object, ...] = ()
        self._came = ticks()
        self._enough_since: float | None = None
        self._ask_at = self._ask_pause = 0.0

    def hear(self, hospital: int) -> None:
        """A packet of this hospital has come."""
        self._heard.add(hospital)
        if self.away.pop(hospital, None) is not None:
            self._log("hospital is back", {"hospital": self._names[hospital - 1]})

    def note(self, node: CoordinatorNode, recorded: int) -> bool:
        """Where the node is now, with `recorded` finished sums written down; whether that is another step, which starts to
        wait anew."""
        place = (node.state.sums_done, recorded, node.phase)
        is_new = place != self._place
        if is_new:
            if node.phase is Phase.JOIN or place[1:2] != self._place[1:2]:
                self._heard.clear()
            self._place, self.since, self._came, self._enough_since = place, self._clock(), self._ticks(), None
            self._ask_pause = node.deadline_seconds
            self._ask_at = self._came + self._ask_pause
        if self._enough_since is None and node.phase is not Phase.IDLE and node.enough:
            self._enough_since = self._ticks()
        return is_new

    def is_over(self, node: CoordinatorNode) -> bool:
        """Whether the deadline has passed: it counts from the moment when enough hospitals had answered."""
        since = self._enough_since
        return since is not None and bool(node.waiting) and self._ticks() >= since + node.deadline_seconds

    def expire(self, node: CoordinatorNode) -> list[Outgoing]:
        """The deadline has passed: whoever let it pass is away, and waited for again only once it has spoken."""
        now = self._clock()
        for hospital in node.waiting - self.away.keys():
            self.away[hospital] = now
            self._log("hospital is away", {"hospital": self._names[hospital - 1], "step": node.phase.value})
        return node.expire()

    def ask_again(self, node: CoordinatorNode) -> list[Outgoing]:
        """Whoever is missed, after ever longer pauses: what was sent may have been damaged on its way."""
        if node.phase is Phase.IDLE or not node.waiting or self._ticks() < self._ask_at:
            return []
        self._ask_pause = min(2 * self._ask_pause, LONGEST_PAUSE)
        self._ask_at = self._ticks() + self._ask_pause
        sent = node.outstanding()
        self._log("asked again", {"sum": node.round, "step": node.phase.value, "hospitals": list(node.waiting_for)})
        return sent

    def is_short(self, node: CoordinatorNode) -> bool:
        """Whether a quorum has been missing for longer than a phase waits for the rest."""
        late = self._ticks() >= self._came + node.deadline_seconds
        return node.phase is not Phase.IDLE and not node.enough and late

    def unheard(self, everyone: frozenset[int]) -> frozenset[int]:
        """Who has said nothing in this whole sum."""
        return everyone - self._heard

    def say_short(self, node: CoordinatorNode) -> None:
        """Log, once a step, that hospitals are missing for a quorum."""
        if self._enough_since is None and self._said_short != self._place:
            self._said_short = self._place
            self._log("waiting for quorum", {"step": node.phase.value, "hospitals": list(node.waiting_for)})
