"""Whom the coordinator has asked what in the current phase, and who has not answered yet."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from cipherward.sums.packets import pack

Outgoing = tuple[int, bytes]
"""A hospital and the packet for it."""


def addressed(to: Iterable[int], kind: str, data: bytes) -> list[Outgoing]:
    """The same message for several hospitals."""
    packet = pack(kind, data)
    return [(hospital, packet) for hospital in sorted(to)]


class Pending:
    """The packets of the current phase.

    Args:
        excluded: hospitals that take no further part; the owner's own set, which grows.
    """

    def __init__(self, n_hospitals: int, excluded: set[int]) -> None:
        self.everyone = frozenset(range(1, n_hospitals + 1))
        self.excluded = excluded
        self.packets: dict[int, bytes] = {}
        self.waiting: set[int] = set()

    @property
    def taking_part(self) -> frozenset[int]:
        return self.everyone - self.excluded

    def ask(self, outgoing: list[Outgoing], *, keeping: bool = False) -> list[Outgoing]:
        """A new phase waits for the answers to these packets (`keeping`: earlier ones can still be sent again)."""
        self.packets = self.packets | dict(outgoing) if keeping else dict(outgoing)
        self.waiting = {hospital for hospital, _ in outgoing} - self.excluded
        return outgoing

    def ask_too(self, outgoing: Iterable[Outgoing]) -> None:
        """The present phase waits for these as well; they are sent when somebody asks for what is outstanding."""
        more = dict(outgoing)
        self.packets |= more
        self.waiting |= set(more)

    def wait_for(self, hospitals: AbstractSet[int]) -> None:
        """Only an answer of these can help."""
        self.waiting = set(hospitals) - self.excluded

    def answered(self, hospital: int) -> None:
        self.waiting.discard(hospital)

    def outstanding(self, hospital: int = 0) -> list[Outgoing]:
        """The packets once more, for whoever has not answered (or for one hospital, if it has not)."""
        asked = self.waiting & ({hospital} if hospital else self.everyone)
        return [(i, self.packets[i]) for i in sorted(asked) if i in self.packets]
