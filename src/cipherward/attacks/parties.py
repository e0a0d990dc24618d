"""Real parties on one machine, and a coordinator that lies with its true key: packets are changed on their way to hospitals."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Signed
from cipherward.data.sources import HospitalData
from cipherward.errors import CipherwardError
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.parties.hospital_node import HospitalNode
from cipherward.runs import folder as rundir
from cipherward.runs import modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.messages import sign
from cipherward.sums.packets import pack, unpack
from cipherward.tasks.catalogue import begin

T = TypeVar("T")
Lie = Callable[["Parties", int, str, bytes], list[bytes] | None]
"""From the parties, a hospital, the kind of packet and the packet to what arrives there instead; None: the packet as it is."""

_TOLD = {"refused", "declined", "breach", "verification failed", "complaint"}


@dataclass(frozen=True)
class Reaction:
    """What one hospital did about a lie: `did` in words of its log, `printed`: its line about the sum, "" for none."""

    hospital: str
    did: str
    printed: str


@dataclass
class Parties:
    """A study's coordinator and hospitals after `honest_sums` honest sums. `said`: why the study stopped, "" if it went on."""

    study: Study
    run: RunDirectory
    keys: make_parties.Keys = field(repr=False)
    hub: CoordinatorNode = field(repr=False)
    sites: dict[int, HospitalNode] = field(repr=False)
    lie: Lie = field(default=lambda parties, hospital, kind, packet: None, repr=False)
    said: str = ""
    _seen: int = 0

    # the network that the lie stands in

    def down(self, hospital: int, packet: bytes) -> list[bytes]:
        kind, _ = unpack(packet)
        instead = self.lie(self, hospital, kind, packet)
        return [packet] if instead is None else instead

    def up(self, hospital: int, packet: bytes) -> list[bytes]:
        return [packet]

    def run_sums(self, count: int) -> None:
        """So many sums more, or until the study stops."""
        engine = LocalEngine(self.hub, self.sites, self)
        try:
            for _ in range(count):
                engine.run_sum()
        except CipherwardError as error:
            self.said = error.message

    def signed(self, body: Any) -> bytes:
        """A packet in the coordinator's name."""
        return pack(type(body).__name__, self.signature(body))

    def signature(self, body: Any) -> bytes:
        """A message in the coordinator's name."""
        return sign(self.keys.identities[COORDINATOR], self.study.digest(), COORDINATOR, body)

    def opened(self) -> int:
        """How many sums hospitals have verified, at most."""
        return max(site.state.sums_done for site in self.sites.values())

    def reactions(self) -> list[Reaction]:
        """What each hospital did since this was asked last."""
        text = files.read(self.run.log).decode() if self.run.log.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        new, self._seen = lines[self._seen :], len(lines)
        found = []
        for index, site in self.sites.items():
            told = [line for line in new if line["who"] == f"hospital {index}" and line["event"] in _TOLD]
            did = f"{told[-1]['event']}: {told[-1].get('reason', '')}" if told else "took part"
            outcome = site.outcomes[-1] if site.outcomes and site.outcomes[-1].round >= HONEST else None
            found.append(Reaction(self.study.hospitals[index - 1].name, did, outcome.phrase if outcome else ""))
        return found


HONEST = 2
"""Honest sums before the lie: the statistics, and a first round."""


def body(packet: bytes, kind: type[T]) -> T:
    """The body of a packet that carries a signed message."""
    return wire.decode(kind, wire.decode(Signed, unpack(packet)[1]).body)


def inner(data: bytes, kind: type[T]) -> T:
    """The body of a signed message."""
    return wire.decode(kind, wire.decode(Signed, data).body)


@contextlib.contextmanager
def parties(study: Study, hospitals: Sequence[HospitalData]) -> Iterator[Parties]:
    """The parties of a study in a folder that is gone afterwards, after two honest sums.

    Raises:
        CipherwardError: the honest sums cannot be done.
    """
    with tempfile.TemporaryDirectory(prefix="cipherward-attack-") as name:
        run = rundir.create(Path(name) / "run", study)
        keys = make_parties.make_keys(run, len(hospitals), study.aggregation.scheme)
        frozen = make_parties.freeze(study, [each.name for each in hospitals], keys)
        state = begin(frozen, left_out=make_parties.declare(frozen, hospitals, keys, run))
        if initial := modelfile.of(state):
            modelfile.save(run.initial_model, initial)
        run.write_study(frozen)
        hub = make_parties.make_coordinator(frozen, keys, state, run)
        shared = make_parties.share(frozen, keys)
        sites = {
            i: make_parties.make_hospital(frozen, i, keys, state, data, run, device="cpu", shared=shared)
            for i, data in enumerate(hospitals, start=1)
        }
        made = Parties(frozen, run, keys, hub, sites)
        try:
            made.run_sums(HONEST)
            if made.said:
                raise CipherwardError(made.said)
            made.reactions()
            yield made
        finally:
            for site in sites.values():
                site.ledger.close()
