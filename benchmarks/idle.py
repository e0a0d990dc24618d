"""What an idle hospital costs with many finished studies: processor time of `hospital serve`, connected to a coordinator.

    python benchmarks/idle.py [--studies 20] [--seconds 60]

The studies are run for real, in one process, through the desks of both sides; then both services are started.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.consortium.consortium import Consortium, document

N = 4
LIMIT = 0.01
"""The most of a core that the issue allows."""


def prepared(folder: Path, studies: int, url: str) -> Consortium:
    """A consortium of which every hospital has that many finished studies."""
    made = Consortium(folder, N, url=url)
    for number in range(studies):
        made.start(document(N, name=f"study-{number:02d}", seed=number, training={"rounds": 1}))
        made.approve()
        made.pump()
        assert made.status()["phase"] == "finished", made.status()
    made.close()
    return made


def share_of_a_core(folder: Path, seconds: float) -> dict[str, float]:
    """Processor time per second of both services, after they have settled."""
    processes = {}
    try:
        for role, name in (("coordinator", "coordinator"), ("hospital", "clinic-1")):
            processes[role] = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from cipherward.cli import main; main()",
                    role,
                    "serve",
                    "--home",
                    str(folder / name),
                ],
                stdout=subprocess.DEVNULL,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        deadline = time.monotonic() + 300
        while not settled(folder / "clinic-1"):
            assert time.monotonic() < deadline, "the hospital's service does not settle"
            time.sleep(1)
        time.sleep(10)
        watched = {role: psutil.Process(process.pid) for role, process in processes.items()}
        before = {role: sum(each.cpu_times()[:2]) for role, each in watched.items()}
        started = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - started
        return {role: (sum(each.cpu_times()[:2]) - before[role]) / took for role, each in watched.items()}
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(30)


def settled(home: Path) -> bool:
    """Whether the service is connected and has written every report."""
    try:
        status = json.loads((home / "status.json").read_text())
    except (OSError, ValueError):
        return False
    reports = len(list((home / "models").glob("*/report.html")))
    return bool(status.get("connected")) and reports == len(list((home / "models").iterdir()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        prepared(Path(folder), given.studies, f"tls://127.0.0.1:{port}")
        found = share_of_a_core(Path(folder), given.seconds)
    for role, share in found.items():
        print(f"{role}: {100 * share:.2f} % of a core with {given.studies} finished studies")
    sys.exit(0 if found["hospital"] < LIMIT else 1)


if __name__ == "__main__":
    main()
