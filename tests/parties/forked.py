"""A coordinator that opens one sum twice, with the help of more liars than the study reckons with, and shows each half one.

Four hospitals, three make a quorum. 3 and 4 lie: they vote in both openings. 1 sees one opening, 2 the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import simulator
from tests.simulator import BentNetwork, Packet, World

from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine

ONE, OTHER = 1, 2
LIARS = (3, 4)


@dataclass
class Fork:
    """Two histories of one study. `sent[i]`: every packet to or from hospital i since they parted, in order."""

    worlds: dict[int, World]
    common: int
    sent: dict[int, list[Packet]] = field(default_factory=dict)

    @property
    def one(self) -> World:
        """The history that hospital 1 is shown."""
        return self.worlds[ONE]

    @property
    def other(self) -> World:
        """The history that hospital 2 is shown."""
        return self.worlds[OTHER]

    def go_on(self, sums: int) -> None:
        """Further sums in both histories, each without the hospital that is shown the other."""
        for shown, world in self.worlds.items():
            hidden = OTHER if shown == ONE else ONE
            world.engine.network = BentNetwork(simulator.lost({hidden}), self._noted)
            world.run_sums(sums)

    def _noted(self, packet: Packet) -> None:
        self.sent.setdefault(packet.hospital, []).append(packet)

    def packet(self, hospital: int, kind: str) -> bytes:
        """The newest packet of this kind to or from hospital 1 or 2."""
        return next(packet.raw for packet in reversed(self.sent[hospital]) if packet.kind == kind)


@contextmanager
def fork(folder: Path, *, common: int = 1, apart: int = 1) -> Iterator[Fork]:
    """Two histories that part after `common` sums, and are `apart` sums long since."""
    study = simulator.agreed(4)
    with World(folder / "one", study) as one:
        one.run_sums(common)
        with World(folder / "other", study, identities=one.keys.identities) as other:
            _take_over(other, one)
            made = Fork({ONE: one, OTHER: other}, common)
            made.go_on(apart)
            yield made


def _take_over(other: World, one: World) -> None:
    """Everything of one world so far, in another."""
    for i, site in one.sites.items():
        site.ledger.close()
        other.sites[i].ledger.close()
        shutil.rmtree(other.run.hospital(i))
        shutil.copytree(one.run.hospital(i), other.run.hospital(i))
        one.sites[i], other.sites[i] = one.make_hospital(i, site.state), other.make_hospital(i, site.state)
    for round in range(one.hub.state.sums_done):
        other.run.opening(round).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(one.run.opening(round), other.run.opening(round))
    other.hub = make_parties.make_coordinator(other.study, other.keys, one.hub.state, other.run)
    one.engine, other.engine = (LocalEngine(world.hub, world.sites, None) for world in (one, other))
