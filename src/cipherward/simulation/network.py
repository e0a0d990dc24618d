"""The local engine: every party in one process, exchanging nothing but bytes.

It carries packets between the coordinator's node and the hospitals' nodes, counts them, and tells the coordinator when
nothing more will come. The nodes are the ones that a network engine runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cipherward.parties.coordinator_node import CoordinatorNode, Outgoing, Phase
from cipherward.parties.hospital_node import HospitalNode


class Network(Protocol):
    """What may happen to a packet on its way: delivered, dropped, altered, repeated. Tests put liars here."""

    def down(self, hospital: int, packet: bytes) -> list[bytes]:
        """What arrives at the hospital when the coordinator sends `packet`."""

    def up(self, hospital: int, packet: bytes) -> list[bytes]:
        """What arrives at the coordinator when the hospital sends `packet`."""


class PerfectNetwork:
    """Everything arrives once, in order, unaltered."""

    def down(self, hospital: int, packet: bytes) -> list[bytes]:
        return [packet]

    def up(self, hospital: int, packet: bytes) -> list[bytes]:
        return [packet]


@dataclass
class Traffic:
    """Bytes sent per hospital during one sum."""

    up: dict[int, int] = field(default_factory=dict)
    down: dict[int, int] = field(default_factory=dict)


class LocalEngine:
    """Runs sums to their end. `traffic` has one entry per sum that was run."""

    def __init__(self, hub: CoordinatorNode, sites: Mapping[int, HospitalNode], network: Network | None = None) -> None:
        self.hub = hub
        self.sites = sites
        self.network: Network = network or PerfectNetwork()
        self.traffic: list[Traffic] = []

    def run_sum(self) -> None:
        """The next sum, from its announcement to the last receipt; or a recovered one, from where it was.

        Raises:
            QuorumError, SuspectError, FaultyCoordinatorError: see `CoordinatorNode.expire`.
            StorageError: a node's disk failed.
        """
        self.traffic.append(Traffic())
        queue = deque(self.hub.begin() if self.hub.phase is Phase.IDLE else self.hub.outstanding())
        while self.hub.phase is not Phase.IDLE:
            while queue:
                queue.extend(self._deliver(*queue.popleft(), self.traffic[-1]))
            queue.extend(self.hub.expire() if self.hub.waiting else self.hub.advance())

    def last_call(self) -> None:
        """Between two sums: the newest opening once more, for whoever has left no receipt for it.

        Raises:
            FaultyCoordinatorError, StorageError: as `run_sum`.
        """
        queue = deque(self.hub.last_call())
        while queue:
            queue.extend(self._deliver(*queue.popleft(), Traffic()))
        self.hub.advance()

    def _deliver(self, hospital: int, packet: bytes, traffic: Traffic) -> list[Outgoing]:
        traffic.down[hospital] = traffic.down.get(hospital, 0) + len(packet)
        answers: list[Outgoing] = []
        for arrived in self.network.down(hospital, packet):
            for reply in self.sites[hospital].handle(arrived):
                traffic.up[hospital] = traffic.up.get(hospital, 0) + len(reply)
                for received in self.network.up(hospital, reply):
                    answers += self.hub.handle(hospital, received)
        return answers
