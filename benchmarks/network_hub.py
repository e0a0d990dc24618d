"""The processes of network.py that run the real coordinator's hub behind its mailboxes: letters signed, opened, checked,
journalled and added as `coordinator serve` does it.

Role `updates`: hospitals deal one update of random numbers each; the hub takes them all and closes the sum.
Role `study`: hospitals are whole nodes (data, training, ledger, verification) and run a study from end to end.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil

from cipherward import study as study_document
from cipherward.comparison.break_even import random_lanes
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service import letters
from cipherward.consortium.service.letters import Packets
from cipherward.crypto import params
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import load_hospitals
from cipherward.parties import asking, roster
from cipherward.parties.coordinator_node import CoordinatorNode, Phase
from cipherward.runs.folder import RunDirectory
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine
from cipherward.store import files
from cipherward.store.outbox import Outbox
from cipherward.study import Study
from cipherward.sums import hospital_steps as hospital
from cipherward.sums.messages import Joined, unsign
from cipherward.sums.packets import pack, unpack, view
from cipherward.sums.votes import Member
from cipherward.tasks import catalogue
from cipherward.tasks.state import StudyState
from cipherward.transport import serving
from cipherward.transport.post import CoordinatorPost, HospitalPost
from cipherward.transport.receiving import Content
from cipherward.transport.serving import Worker
from cipherward.transport.tls import Connection
from memory import peak_mib

Connect = Callable[[str], Connection]
Answer = Callable[[bytes], list[bytes]]


def width_for(payload_bytes: int, n_hospitals: int, threshold: int) -> int:
    """Width of two equal hidden layers whose update takes about `payload_bytes`."""
    low, high = 8, 20_000
    while high - low > 1:
        middle = (low + high) // 2
        chosen = params.choose(middle * middle, bits=16, n_hospitals=n_hospitals, threshold=threshold)
        low, high = (middle, high) if chosen.payload_bytes <= payload_bytes else (low, middle)
    return low


def prepare(folder: Path, n_hospitals: int, width: int, rows: int) -> Study:
    """Keys and a frozen study under `folder`/run; one training round, `rows` synthetic encounters for each hospital."""
    base = study_document.load_builtin("readmission")
    cohort = base.model_dump(mode="json")["data"]["cohort"]
    study = base.with_overrides(
        model={"kind": "mlp", "hidden": [width, width]},
        training={"rounds": 1},
        noise={"enabled": False},
        data={"cohort": cohort | {"n_hospitals": n_hospitals, "encounters_per_hospital": rows}},
    )
    run = RunDirectory(folder / "run")
    keys = make_parties.make_keys(run, n_hospitals, "quorum")
    frozen = make_parties.freeze(study, [f"hospital-{i}" for i in range(1, n_hospitals + 1)], keys)
    run.write_study(frozen)
    return frozen


@dataclass
class Consortium:
    """What every process of the benchmark knows."""

    folder: Path
    connect: Connect
    note: Callable[[str, dict[str, object]], None]

    def __post_init__(self) -> None:
        self.run = RunDirectory(self.folder / "run")
        self.study = study_document.load(self.run.study)
        self.names = [hospital.name for hospital in self.study.hospitals]
        self.keys = make_parties.load_keys(self.run, len(self.names), "quorum")
        self.rules = roster.rules_of(self.study, roster.public_scheme(self.study, b""))

    def index(self, name: str) -> int:
        return self.names.index(name) + 1

    def training_state(self) -> StudyState:
        """As after the first sum, so that the next one is a training round."""
        zeros = tuple(0.0 for column in self.study.columns if column.kind == "numeric")
        fitted = Preprocessor(self.study.columns, zeros, tuple(1.0 for _ in zeros), 1, 1)
        first = catalogue.begin(self.study)
        model = dataclasses.replace(first.inner.model, preprocessor=fitted)
        return dataclasses.replace(first, inner=dataclasses.replace(first.inner, model=model), sums_done=1)

    def seal(self, sender: int, to: str, packet: bytes) -> bytes:
        identity = self.keys.identities[sender]
        return letters.seal(identity, to, self.rules.study, Packets((packet,)), from_coordinator=sender == 0)

    def open(self, sender: int, to: str, content: Content) -> bytes | memoryview:
        key = self.keys.identities[sender].public_key
        letter = letters.open_letter(serving.read(content), to=to, key=key, from_coordinator=sender == 0)
        (packet,) = letter.body.packets
        return cast(bytes | memoryview, packet)


class Coordinator:
    """The hub behind its mailboxes, until `is_over` says that the benchmark has seen enough."""

    def __init__(self, common: Consortium, state: StudyState, is_over: Callable[[CoordinatorNode], bool]) -> None:
        self.common, self.is_over = common, is_over
        self.hub = make_parties.make_coordinator(common.study, common.keys, state, common.run)
        self.digests: list[str] = []
        self.peak_added = 0.0
        folder = common.folder / "coordinator" / "post"
        self.post = CoordinatorPost(common.connect(COORDINATOR_NAME), folder, common.note, common.names)
        self.worker = Worker()
        self.done = asyncio.Event()

    async def run(self) -> None:
        receiving = asyncio.create_task(self.post.run(self._receive))
        self._put(self.hub.begin())
        await self.done.wait()
        await asyncio.sleep(0.5)
        await self.post.close()
        await receiving
        self.worker.close()

    async def _receive(self, member: str, letter: Content) -> None:
        await self.worker.do(self._take, member, letter)
        if self.is_over(self.hub):
            self.done.set()

    def _take(self, member: str, letter: Content) -> None:
        hub, index = self.hub, self.common.index(member)
        packet = self.common.open(index, COORDINATOR_NAME, letter)
        kind, aside = view(packet)[0], len(hub.set_aside)
        out = hub.handle(index, packet)
        if kind == "Update" and len(hub.set_aside) == aside:
            facts = {"time": time.monotonic(), "cpu": cpu_seconds()}
            files.write(self.common.folder / f"added.{index}", json.dumps(facts).encode())
            self.peak_added = peak_mib()
        del packet
        while hub.phase is Phase.IDLE or not self.is_over(hub):
            if hub.phase is Phase.IDLE:
                if len(self.digests) < hub.state.sums_done:  # not again for a late receipt
                    self.digests.append(hub.state.digest().hex())
                if hub.finished:
                    break
                out += hub.begin()
            elif not hub.waiting:
                out += hub.advance()
            else:
                break
        self._put(out)

    def _put(self, packets: Iterable[tuple[int, bytes]]) -> None:
        for index, packet in packets:
            name = self.common.names[index - 1]
            self.post.outbox(name).put(self.common.seal(0, name, packet))


def coordinate(common: Consortium, role: str) -> dict[str, Any]:
    """The coordinator's process: what it found, and its peak memory in MiB (also at its last added update)."""
    started = time.monotonic()
    if role == "updates":
        state, is_over = common.training_state(), lambda hub: hub.phase is Phase.CONSENT
    else:
        state, is_over = catalogue.begin(common.study), lambda hub: hub.finished

    async def run() -> Coordinator:
        coordinator = Coordinator(common, state, is_over)
        await coordinator.run()
        return coordinator

    base = peak_mib()
    done = asyncio.run(run())
    return {
        "seconds": time.monotonic() - started,
        "n_parameters": state.n_parameters,
        "peak_mib": peak_mib(),
        "peak_added_mib": done.peak_added,
        "base_mib": base,
        "digests": done.digests,
        "set_aside": len(done.hub.set_aside),
    }


class Dealer:
    """A hospital that joins the sum and deals random numbers."""

    def __init__(self, common: Consortium, index: int, task: Any) -> None:
        self.me = Member(common.rules, index, common.keys.identities[index])
        self.task = task
        self._private = b""

    def answer(self, packet: bytes) -> list[bytes]:
        kind, data = unpack(packet)
        if kind == "Announce":
            self._private, join = hospital.join(self.me, self.task, os.urandom(96))
            return [pack("Join", join)]
        if kind != "Joined":
            return []
        joined = unsign(data, Joined, study=self.me.rules.study, keys=self.me.rules.keys, sender=0)
        lanes = random_lanes(np.random.default_rng(self.me.index), self.task.n_lanes)
        dealt = hospital.deal(self.me, self.task, joined, lanes, os.urandom(32), self._private)
        return [pack("Update", dealt.update)]


def attend(common: Consortium, role: str, names: list[str], *, in_turn: bool) -> None:
    """A process that acts for several hospitals until it is ended.

    Args:
        in_turn: every update is ready before the first is sent, and each waits until the one before is in the sum.
    """
    asyncio.run(_Crew(common, names, in_turn).run(role))


def make_answers(common: Consortium, role: str, names: list[str]) -> dict[str, Answer]:
    """What answers the packets to each hospital; to be used in the thread that made it."""
    if role == "updates":
        task = asking.task_of(common.rules, common.training_state(), 0)
        return {name: Dealer(common, common.index(name), task).answer for name in names}
    data, state = load_hospitals(common.study, None, Path()), catalogue.begin(common.study)
    answers: dict[str, Answer] = {}
    for name in names:
        index = common.index(name)
        own = data[index - 1]
        site = make_parties.make_hospital(common.study, index, common.keys, state, own, common.run, device="cpu")
        answers[name] = site.handle
    return answers


class _Crew:
    def __init__(self, common: Consortium, names: list[str], in_turn: bool) -> None:
        self.common, self.in_turn = common, in_turn
        self.answers: dict[str, Answer] = {}
        self.worker = Worker()
        self.ready: dict[str, bytes] = {}
        self.outboxes = {name: Outbox(common.folder / name / "outbox") for name in names}

    async def run(self, role: str) -> None:
        self.answers = await self.worker.do(make_answers, self.common, role, list(self.outboxes))
        await asyncio.gather(*(self._member(name) for name in self.answers))

    async def _member(self, name: str) -> None:
        common = self.common
        post = HospitalPost(common.connect(name), self.outboxes[name], common.folder / name / "post", common.note)

        async def receive(_: str, letter: Content) -> None:
            await self.worker.do(self._take, name, letter)

        await post.run(receive)

    def _take(self, name: str, content: Content) -> None:
        common = self.common
        packet = bytes(common.open(0, name, content))
        for answer in self.answers[name](packet):
            letter = common.seal(common.index(name), COORDINATOR_NAME, answer)
            if unpack(answer[:1])[0] != "Update":
                self.outboxes[name].put(letter)
            elif self.in_turn:
                self.ready[name] = letter
            else:
                self._put_update(name, letter)
        if self.in_turn and len(self.ready) == len(self.answers):
            for other in list(self.ready):
                self._put_update(other, self.ready.pop(other))
                while not (common.folder / f"added.{common.index(other)}").exists():
                    time.sleep(0.05)

    def _put_update(self, name: str, letter: bytes) -> None:
        times = {"put": time.monotonic(), "bytes": len(letter)}
        (self.common.folder / f"put.{self.common.index(name)}").write_text(json.dumps(times))
        self.outboxes[name].put(letter)


def cpu_seconds() -> dict[str, float]:
    """Processor time so far of this process, of the server and of the hospitals' processes."""
    used = {"coordinator": 0.0, "server": 0.0, "hospital": 0.0}
    for process in psutil.Process(os.getppid()).children():
        times = process.cpu_times()
        others = "hospital" if "python" in process.name() else "server"
        used["coordinator" if process.pid == os.getpid() else others] += times.user + times.system
    return used


def update_cpu(folder: Path, n_hospitals: int) -> dict[str, float]:
    """Processor seconds of one update sent in turn, by process: the mean over all but the first, which warms up."""
    first, last = (json.loads((folder / f"added.{index}").read_text())["cpu"] for index in (1, n_hospitals))
    return {who: (last[who] - first[who]) / (n_hospitals - 1) for who in first}


def update_seconds(folder: Path, n_hospitals: int) -> tuple[list[float], int]:
    """Seconds from the put of each update to its place in the sum, and the bytes of one letter."""
    seconds, size = [], 0
    for index in range(1, n_hospitals + 1):
        put = json.loads((folder / f"put.{index}").read_text())
        seconds.append(json.loads((folder / f"added.{index}").read_text())["time"] - put["put"])
        size = put["bytes"]
    return seconds, size


def local_digests(folder: Path, study: Study) -> list[str]:
    """Digests of the states after every sum of the same study in the local engine, with other keys."""
    run = RunDirectory(folder / "local")
    names = [hospital.name for hospital in study.hospitals]
    keys = make_parties.make_keys(run, len(names), "quorum")
    own = study.with_overrides(top={"hospitals": [], "coordinator_key": ""})
    frozen = make_parties.freeze(own, names, keys)
    state = catalogue.begin(frozen)
    sites = {
        index: make_parties.make_hospital(frozen, index, keys, state, data, run, device="cpu")
        for index, data in enumerate(load_hospitals(frozen, None, Path()), start=1)
    }
    hub = make_parties.make_coordinator(frozen, keys, state, run)
    engine = LocalEngine(hub, sites)
    digests = []
    while not hub.finished:
        engine.run_sum()
        digests.append(hub.state.digest().hex())
    return digests
