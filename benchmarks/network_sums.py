"""What a secure sum of a small model costs between services, beside the local engine: processor time of all parties.

    python benchmarks/network_sums.py            about two minutes

Whole services, each a process of its own, with TLS, outboxes and ledgers on the disk, against the same study in one process. The
first sums of each are left out: they load what a study needs.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import simulator
from tests.consortium.consortium import Consortium, document

from cipherward.data.sources import load_hospitals
from cipherward.runs.folder import RunDirectory
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine
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
    study, run = simulator.agreed(N, training={"rounds": FIRST + sums}), RunDirectory(folder / "run")
    tables = simulator.write_tables(folder / "tables", N)
    keys = make_parties.make_keys(run, N, "quorum")
    frozen = make_parties.freeze(study, [hospital.name for hospital in study.hospitals], keys)
    state = catalogue.begin(frozen)
    hospitals = {
        index: make_parties.make_hospital(frozen, index, keys, state, data, run, device="cpu")
        for index, data in enumerate(load_hospitals(study, None, tables), start=1)
    }
    engine = LocalEngine(make_parties.make_coordinator(frozen, keys, state, run), hospitals)
    for _ in range(FIRST):
        engine.run_sum()
    began = time.process_time()
    for _ in range(sums):
        engine.run_sum()
    return (time.process_time() - began) / sums


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sums", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        local = [on_one_machine(Path(folder) / "before", given.sums)]
        network = between_services(Path(folder) / "network", given.sums)
        local.append(on_one_machine(Path(folder) / "after", given.sums))
    everybody, beside = sum(network.values()), sum(local) / len(local)
    section = Section(
        f"Processor time of one sum, {N} hospitals, a model of 4 parameters",
        ["between services", *network, "local engine"],
    )
    section.rows.append([f"{1e3 * time:.1f} ms" for time in (everybody, *network.values(), beside)])
    section.numbers = network | {"local engine": beside, "ratio": everybody / beside}
    section.bar(f"at most {BAR} of the local engine", f"{everybody / beside:.2f}", everybody <= BAR * beside)
    print(machine_line())
    finish("network_sums", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
