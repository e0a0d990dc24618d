"""The sum that a coordinator leaves when its study ends: whether it can be proved that nothing of it will be opened."""

from __future__ import annotations

from dataclasses import dataclass

from cipherward.parties import asking
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.parties.phases import Phase


@dataclass(frozen=True)
class LeftOpen:
    """`query`: digest of its question; `voids`: the void votes of each earlier attempt; `context`: of the last attempt."""

    query: bytes
    number: int
    voids: tuple[tuple[bytes, ...], ...]
    context: bytes


def of(node: CoordinatorNode) -> LeftOpen | None:
    """The sum under way that is not opened; None between two sums."""
    if node.phase in (Phase.IDLE, Phase.VERIFY):
        return None
    found = node.current_sum
    voids = tuple(certificate.votes for certificate in found.voids)
    return LeftOpen(asking.query_of(node.state).digest(), node.round, voids, found.task.context)
