"""A small study in a world that can be made worse: networks that lose, alter, repeat and reorder packets, liars.

`run` does a whole study through the public entry; `World` holds the parties of one, so that a test can stop between
two packets, sign in anybody's name and see what the others do about it.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import json
import shutil
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from cipherward import study as study_document
from cipherward.crypto import wire
from cipherward.crypto.identity import Identity, Signed
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import WireError
from cipherward.parties.coordinator_node import CoordinatorNode, Outgoing, Phase
from cipherward.parties.hospital_node import HospitalNode
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.runs import folder as rundir
from cipherward.runs import modelfile, verify
from cipherward.runs.verify import Line, verify_sums
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine, Network
from cipherward.simulation.simulate import RunResult, run_study
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.study import Study
from cipherward.sums.messages import Announce, Opening, sign
from cipherward.sums.packets import KINDS, pack, unpack
from cipherward.tasks import catalogue
from cipherward.tasks.state import StudyState

PHASES: Mapping[str, frozenset[str]] = {
    "join": frozenset({"Announce", "Join"}),
    "deal": frozenset({"Joined", "Update"}),
    "consent": frozenset({"ConsentRequest", "Vote", "Complaint", "VoidRequest"}),
    "release": frozenset({"Certificate", "Release"}),
    "verify": frozenset({"Opening", "Receipt"}),
}

T = TypeVar("T")

# Eight weights need no second thread, and several test processes share the machine.
torch.set_num_threads(1)


# the study


def document(n: int = 5, /, **sections: Any) -> dict[str, Any]:
    """A study document with one CSV file per hospital; sections replace or add keys."""
    result: dict[str, Any] = {
        "name": "tiny",
        "seed": 3,
        "data": {"source": "files", "outcome": "outcome"},
        "columns": [
            {"name": "age", "kind": "numeric", "minimum": -8.0, "maximum": 8.0},
            {"name": "dose", "kind": "numeric", "minimum": -8.0, "maximum": 8.0},
            {"name": "ward", "kind": "categorical", "categories": ["A", "B"]},
        ],
        "training": {"rounds": 2, "batch_size": 32, "learning_rate": 0.5},
        "aggregation": {"scheme": "quorum"},
        "evaluation": {"bins": 64, "group_rows": 10},
        "noise": {"enabled": False},  # so few rows bear none, and what must be equal is compared
        "hospitals": [{"name": f"clinic-{i}", "path": f"clinic-{i}.csv"} for i in range(1, n + 1)],
    }
    for section, values in sections.items():
        if isinstance(values, dict):
            result[section] = {**result.get(section, {}), **values}
        else:
            result[section] = values
    return result


def study(n: int = 5, /, **sections: Any) -> Study:
    """The checked form of `document`."""
    return study_document.parse(document(n, **sections), origin="tests")


def agreed(n: int = 5, /, **sections: Any) -> Study:
    """The same where every hospital may be singled out: any of them may be missing from a sum."""
    return study(n, singled_out="all", **sections)


def write_tables(folder: Path, n: int = 5, *, rows: int = 80) -> Path:
    """One CSV file per hospital, sizes and case-mix differing a little; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(1, n + 1):
        (folder / f"clinic-{index}.csv").write_text(_table(index, rows))
    return folder


@functools.cache
def _table(index: int, rows: int) -> str:
    rng = np.random.default_rng(index)
    count = rows + 10 * index
    x, ward = rng.normal(0.1 * index, 1.0, (count, 2)), rng.integers(0, 2, count)
    outcome = rng.random(count) < 1.0 / (1.0 + np.exp(-(x[:, 0] - x[:, 1] + ward - 0.5)))
    lines = [f"{a:.4f},{d:.4f},{'AB'[w]},{int(o)}" for (a, d), w, o in zip(x, ward, outcome, strict=True)]
    return "\n".join(["age,dose,ward,outcome", *lines]) + "\n"


def read_tables(chosen: Study, folder: Path) -> list[HospitalData]:
    """`load_hospitals`, which reads the same files for the same study only once in a process; the arrays are the caller's."""
    found = hashlib.sha256(chosen.digest())
    for path in sorted(folder.iterdir()):
        found.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    key = found.digest()
    if key not in _read_before:
        _read_before[key] = load_hospitals(chosen, None, folder)
    return [
        dataclasses.replace(each, outcome=each.outcome.copy(), split=each.split.copy()) for each in _read_before[key]
    ]


_read_before: dict[bytes, list[HospitalData]] = {}


def run(folder: Path, chosen: Study, *, name: str = "run", **options: Any) -> RunResult:
    """A whole study under `folder`, with its tables."""
    tables = write_tables(folder / "tables", chosen.n_hospitals)
    return run_study(chosen, base=tables, out=folder / name, device="cpu", **options)


# what a run left behind


def lines_of(path: Path) -> list[Line]:
    return list(verify_sums(path))


def holds(path: Path) -> bool:
    """Whether `verify` is content with every line; there is at least one."""
    lines = lines_of(path)
    return bool(lines) and all(line.holds for line in lines)


def replayed(path: Path) -> StudyState:
    """The last state that an auditor recomputes from the openings."""
    return list(verify.replay(verify.open_run(path)))[-1].state


def weights(path: Path) -> NDArray[np.float32]:
    return modelfile.load(path / "model.safetensors").weights


def contributors(path: Path) -> list[list[int]]:
    """Per sum, who is in it."""
    lines = (path / "rounds.jsonl").read_text().splitlines()
    return [json.loads(line)["contributors"] for line in lines]


def exposed(ledger: Ledger, query: bytes) -> list[SumRecord]:
    """Contributions to this query that a certificate may cover: sent, and not proved void."""
    where = "query = ? AND header IS NOT NULL AND is_void = 0 ORDER BY round, attempt"
    found = [ledger.sum(row["context"]) for row in list(ledger._rows("sums", where, (query,)))]
    return [record for record in found if record]


def log(path: Path, event: str) -> list[dict[str, Any]]:
    """The lines of a run's log about one event."""
    lines = (path / "log.jsonl").read_text().splitlines() if (path / "log.jsonl").exists() else []
    found = [json.loads(line) for line in lines]
    return [line for line in found if line["event"] == event]


# the network


@dataclass(frozen=True)
class Packet:
    """A packet on its way: `up` towards the coordinator. `round`, `attempt`: of the last announcement seen."""

    up: bool
    hospital: int
    kind: str
    raw: bytes
    round: int
    attempt: int


Bend = Callable[[Packet], list[bytes] | None]
"""What arrives instead of a packet, or None to leave it alone."""


class BentNetwork:
    """Asks every bend in turn; the first that answers decides."""

    def __init__(self, *bends: Bend) -> None:
        self.bends = bends
        self.round = self.attempt = -1

    def down(self, hospital: int, packet: bytes) -> list[bytes]:
        kind = kind_of(packet)
        if kind == "Announce":
            announced = body(packet, Announce)
            self.round, self.attempt = announced.round, announced.attempt
        return self._bent(Packet(False, hospital, kind, packet, self.round, self.attempt))

    def up(self, hospital: int, packet: bytes) -> list[bytes]:
        return self._bent(Packet(True, hospital, kind_of(packet), packet, self.round, self.attempt))

    def _bent(self, packet: Packet) -> list[bytes]:
        for bend in self.bends:
            arrived = bend(packet)
            if arrived is not None:
                return arrived
        return [packet.raw]


def lost(hospitals: Collection[int], *, kinds: Collection[str] = KINDS, rounds: Collection[int] = range(1000)) -> Bend:
    """Packets of these kinds to and from these hospitals do not arrive in these rounds."""

    def bend(packet: Packet) -> list[bytes] | None:
        gone = packet.hospital in hospitals and packet.kind in kinds and packet.round in rounds
        return [] if gone else None

    return bend


def altered(
    hospital: int, kind: str, change: Callable[[bytes], list[bytes]], *, rounds: Collection[int] = range(1000)
) -> Bend:
    """The packets of one kind from this hospital, changed in these rounds."""

    def bend(packet: Packet) -> list[bytes] | None:
        hit = packet.up and packet.hospital == hospital and packet.kind == kind and packet.round in rounds
        return change(packet.raw) if hit else None

    return bend


def kind_of(packet: bytes) -> str:
    try:
        return unpack(packet)[0]
    except WireError:
        return "?"


def body(packet: bytes, kind: type[T]) -> T:
    """The body of a packet that carries a signed message."""
    return signed_body(unpack(packet)[1], kind)


def signed_body(data: bytes, kind: type[T]) -> T:
    """The body of a signed message."""
    return wire.decode(kind, wire.decode(Signed, data).body)


# the parties


class World:
    """Everyone in a study, up to date and with durable ledgers under `folder`."""

    def __init__(
        self,
        folder: Path,
        chosen: Study,
        *,
        network: Network | None = None,
        policy: Policy = SIMULATION,
        identities: Mapping[int, Identity] | None = None,
        rows: int = 80,
        ledgers: Mapping[int, Path] | None = None,
    ) -> None:
        self.hospitals = read_tables(chosen, write_tables(folder / "tables", chosen.n_hospitals, rows=rows))
        self.run = rundir.create(folder / "run", chosen)
        for index, ledger in (ledgers or {}).items():  # of earlier studies, closed
            self.run.hospital(index).mkdir(parents=True)
            shutil.copy(ledger, self.run.hospital(index) / "ledger.sqlite")
        keys = make_parties.make_keys(self.run, len(self.hospitals), chosen.aggregation.scheme)
        self.keys = dataclasses.replace(keys, identities={**keys.identities, **(identities or {})})
        self.study = make_parties.freeze(chosen, [hospital.name for hospital in self.hospitals], self.keys)
        left_out = make_parties.declare(self.study, self.hospitals, self.keys, self.run)
        self.first = catalogue.begin(self.study, left_out=left_out)
        if initial := modelfile.of(self.first):
            modelfile.save(self.run.initial_model, initial)
        self.run.write_study(self.study)
        self.policy = policy
        self.hub: CoordinatorNode = make_parties.make_coordinator(self.study, self.keys, self.first, self.run)
        self.shared = make_parties.share(self.study, self.keys)
        self.sites = {index: self.make_hospital(index) for index in range(1, len(self.hospitals) + 1)}
        self.engine = LocalEngine(self.hub, self.sites, network)

    def make_hospital(self, index: int, state: StudyState | None = None) -> HospitalNode:
        """Hospital `index` as it starts from its files."""
        return make_parties.make_hospital(
            self.study,
            index,
            self.keys,
            state or self.first,
            self.hospitals[index - 1],
            self.run,
            device="cpu",
            policy=self.policy,
            shared=self.shared,
        )

    def give_ledger(self, index: int, ledger: Ledger) -> None:
        """Hospital `index` as it starts with another ledger."""
        self.sites[index].ledger.close()
        self.sites[index] = dataclasses.replace(self.sites[index], ledger=ledger)

    def copied(self, ledgers: Path) -> World:
        """The same, which is closed, with hospitals that go on with copies of their ledgers in this folder."""
        made = copy.copy(self)
        ledgers.mkdir(parents=True)
        made.sites = {
            i: dataclasses.replace(site, ledger=Ledger(Path(shutil.copy(site.ledger.path, ledgers / f"{i}.sqlite"))))
            for i, site in self.sites.items()
        }
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for site in self.sites.values():
            site.ledger.close()

    def run_sums(self, count: int = 1000) -> None:
        """The next sums, at most `count`."""
        while count and not self.hub.finished:
            self.engine.run_sum()
            count -= 1

    def until(self, kind: str) -> dict[int, bytes]:
        """Begin the next sum and stop where the coordinator has packets of `kind` for the hospitals."""
        return self._go_on(self.hub.begin(), kind)

    def continue_until(self, packets: Mapping[int, bytes], kind: str) -> dict[int, bytes]:
        """Deliver these packets and stop where the coordinator has packets of `kind`."""
        return self._go_on(list(packets.items()), kind)

    def finish(self, packets: Mapping[int, bytes]) -> None:
        """Deliver these packets and go on to the end of the sum."""
        self.continue_until(packets, "")

    def _go_on(self, outgoing: Iterable[Outgoing], kind: str) -> dict[int, bytes]:
        queue, held = deque(outgoing), dict[int, bytes]()
        while self.hub.phase is not Phase.IDLE:
            while queue:
                hospital, packet = queue.popleft()
                if kind_of(packet) == kind:
                    held[hospital] = packet
                    continue
                for reply in self.sites[hospital].handle(packet):
                    queue.extend(self.hub.handle(hospital, reply))
            if held:
                break
            queue.extend(self.hub.expire() if self.hub.waiting else self.hub.advance())
        return held

    def signed(self, message: Any, sender: int = 0) -> bytes:
        """A message in the name of the coordinator or of a hospital."""
        return sign(self.keys.identities[sender], self.study.digest(), sender, message)

    def packet(self, message: Any, sender: int = 0) -> bytes:
        return pack(type(message).__name__, self.signed(message, sender))

    def opening(self, round: int) -> Opening:
        """The opening that the coordinator published for a sum."""
        return signed_body(self.run.opening(round).read_bytes(), Opening)

    def refusals(self) -> list[str]:
        """Why hospitals did not answer, newest last."""
        return [line["reason"] for line in log(self.run.path, "refused")]
