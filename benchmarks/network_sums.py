"""What a secure sum of a small model costs between services, beside the local engine: processor time of all parties.

    python benchmarks/network_sums.py            about two minutes

Whole services, each a process of its own, with TLS, outboxes and ledgers on the disk, against the same study in one process. The
first sums of each are left out: they load what a study needs.

Parties in one process share work: a signature that one has checked, a message that one has decoded, a model that follows. What the
protocol takes without that is measured, too: the same nodes, each in a process of its own, with pipes in between and nothing else of a
service. Between services it cannot be less.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import simulator
from tests.consortium.consortium import Consortium, document

from cipherward import study as study_document
from cipherward.data.sources import load_hospitals
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.parties.hospital_node import HospitalNode
from cipherward.runs.folder import RunDirectory
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine
from cipherward.study import Study
from cipherward.tasks import catalogue
from harness import Section, finish, machine_line
from idle import served, stopped

N = 4
FIRST = 5
"""Sums until both are warm."""
BAR = 1.6


def between_services(folder: Path, sums: int) -> dict[str, float]:
    """Processor seconds of one sum, by party; all hospitals together."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    made = Consortium(folder, N, url=f"tls://127.0.0.1:{port}")
    run = made.start(document(N, training={"rounds": FIRST + sums}))
    made.approve()
    made.close()
    processes = {name: served(folder / name) for name in ("coordinator", *made.names)}
    try:
        before = _after(run, FIRST, processes, folder)
        after = _after(run, FIRST + sums, processes, folder)
    finally:
        stopped(processes)
    return {who: (after[who] - before[who]) / sums for who in after}


def _after(run: Path, sums: int, processes: dict[str, psutil.Popen], folder: Path) -> dict[str, float]:
    """What every party has taken so far, once so many sums are done."""
    lines, deadline = run / "rounds.jsonl", time.monotonic() + 600
    while not lines.exists() or lines.read_bytes().count(b"\n") < sums:
        if time.monotonic() > deadline:
            raise TimeoutError(f"fewer than {sums} sums: see {folder}")
        time.sleep(0.02)
    server = psutil.Process(json.loads((folder / "coordinator" / "status.json").read_text())["server_pid"])
    used = {"coordinator": 0.0, "hospitals": 0.0, "message server": sum(server.cpu_times()[:2])}
    for name, process in processes.items():
        used["coordinator" if name == "coordinator" else "hospitals"] += sum(process.cpu_times()[:2])
    return used


def on_one_machine(folder: Path, sums: int) -> float:
    """Processor seconds of one sum in the local engine: all parties in one process."""
    study = _prepared(folder, sums)
    parties = _Parties(folder, study)
    engine = LocalEngine(parties.coordinator(), {index: parties.hospital(index) for index in range(1, N + 1)})
    for _ in range(FIRST):
        engine.run_sum()
    began = time.process_time()
    for _ in range(sums):
        engine.run_sum()
    return (time.process_time() - began) / sums


def apart(folder: Path, sums: int) -> float:
    """The same, where each hospital's node is in a process of its own behind a pipe."""
    study, spawn = _prepared(folder, sums), multiprocessing.get_context("spawn")
    sites, processes = {}, []
    for index in range(1, N + 1):
        here, there = spawn.Pipe()
        processes.append(spawn.Process(target=_answering, args=(there, folder, index), daemon=True))
        processes[-1].start()
        sites[index] = _Elsewhere(here)
    engine = LocalEngine(_Parties(folder, study).coordinator(), cast(Mapping[int, HospitalNode], sites))
    for _ in range(FIRST):
        engine.run_sum()
    watched = [psutil.Process(), *(psutil.Process(process.pid) for process in processes)]
    before = sum(sum(process.cpu_times()[:2]) for process in watched)
    for _ in range(sums):
        engine.run_sum()
    after = sum(sum(process.cpu_times()[:2]) for process in watched)
    for process in processes:
        process.terminate()
    return (after - before) / sums


class _Elsewhere:
    """A hospital's node in another process, as far as the engine uses it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def handle(self, packet: bytes) -> list[bytes]:
        self._pipe.send(packet)
        return cast(list[bytes], self._pipe.recv())


def _answering(pipe: Connection, folder: Path, index: int) -> None:
    node = _Parties(folder, study_document.load(folder / "study.toml")).hospital(index)
    while True:
        pipe.send(node.handle(pipe.recv()))


class _Parties:
    """Makes nodes that share what a simulation shares, from a folder that holds tables and keys."""

    def __init__(self, folder: Path, study: Study) -> None:
        self._run, self._study, self._tables = RunDirectory(folder / "run"), study, folder / "tables"
        self._keys, self._first = make_parties.load_keys(self._run, N, "quorum"), catalogue.begin(study)

    def coordinator(self) -> CoordinatorNode:
        return make_parties.make_coordinator(self._study, self._keys, self._first, self._run)

    def hospital(self, index: int) -> HospitalNode:
        data = load_hospitals(self._study, None, self._tables)[index - 1]
        return make_parties.make_hospital(self._study, index, self._keys, self._first, data, self._run, device="cpu")


def _prepared(folder: Path, sums: int) -> Study:
    """The frozen study, with its tables and keys in the folder."""
    study = simulator.agreed(N, training={"rounds": FIRST + sums})
    simulator.write_tables(folder / "tables", N)
    keys = make_parties.make_keys(RunDirectory(folder / "run"), N, "quorum")
    frozen = make_parties.freeze(study, [hospital.name for hospital in study.hospitals], keys)
    (folder / "study.toml").write_text(frozen.to_toml())
    return frozen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sums", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        local = [on_one_machine(Path(folder) / "before", given.sums)]
        network = between_services(Path(folder) / "network", given.sums)
        alone = apart(Path(folder) / "apart", given.sums)
        local.append(on_one_machine(Path(folder) / "after", given.sums))
    everybody, beside = sum(network.values()), sum(local) / len(local)
    section = Section(
        f"Processor time of one sum, {N} hospitals, a model of 4 parameters",
        ["between services", *network, "nodes apart", "local engine"],
    )
    times = (everybody, *network.values(), alone, beside)
    section.rows.append([f"{1e3 * time:.1f} ms" for time in times])
    section.rows.append([f"{time / beside:.2f}" for time in times])
    section.numbers = network | {
        "nodes apart": alone,
        "local engine": beside,
        "ratio": everybody / beside,
        "ratio without the message server": (everybody - network["message server"]) / beside,
        "ratio of nodes apart": alone / beside,
    }
    section.bar(f"at most {BAR} of the local engine", f"{everybody / beside:.2f}", everybody <= BAR * beside)
    print(machine_line())
    finish("network_sums", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
