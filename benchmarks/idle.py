"""What idle services cost: processor time, wake-ups and memory of `coordinator serve` and three `hospital serve`.

    python benchmarks/idle.py [--studies 20] [--seconds 600]

The studies are run for real, in one process, through the desks of both sides; then both services are started.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.consortium.consortium import Consortium, document

N = 3
SETTLING = 30.0
"""Seconds after the start until what starting costs is over."""
HOSPITAL_LIMIT, COORDINATOR_LIMIT = 0.01, 0.005
"""The most of a core that the project allows: a hospital with finished studies, a coordinator."""
FRESH_LIMIT, FRESH_BYTES = 0.001, 150 << 20
"""A hospital before its first study: of a core, and resident."""


@dataclass(frozen=True)
class Cost:
    """What one process took. `share`: of a core. `wakes`: times a second that one of its threads was woken."""

    share: float
    wakes: float
    resident: int

    def __str__(self) -> str:
        return f"{100 * self.share:.2f} % of a core, {self.wakes:.1f} wake-ups a second, {self.resident >> 20} MiB"


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


def costs(folder: Path, seconds: float) -> dict[str, Cost]:
    """What each service and the message server take, after they have settled."""
    homes = {"coordinator": folder / "coordinator"} | {f"clinic-{i}": folder / f"clinic-{i}" for i in range(1, N + 1)}
    processes = {name: served(home) for name, home in homes.items()}
    try:
        deadline = time.monotonic() + 300
        while not all(settled(home) for name, home in homes.items() if name != "coordinator"):
            assert time.monotonic() < deadline, "the services do not settle"
            time.sleep(1)
        time.sleep(SETTLING)
        watched = {name: psutil.Process(process.pid) for name, process in processes.items()}
        watched["message server"] = psutil.Process(
            json.loads((homes["coordinator"] / "status.json").read_text())["server_pid"]
        )
        before = {name: _counted(process) for name, process in watched.items()}
        started = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - started
        found = {}
        for name, process in watched.items():
            cpu, wakes = _counted(process)
            found[name] = Cost(
                (cpu - before[name][0]) / took, (wakes - before[name][1]) / took, process.memory_info().rss
            )
        return found
    finally:
        stopped(processes)


def served(home: Path) -> psutil.Popen:
    """The service of a home, in a process of its own; the coordinator's is the one that is called so."""
    role = "coordinator" if home.name == "coordinator" else "hospital"
    command = [sys.executable, "-c", "from cipherward.cli import main; main()", role, "serve", "--home", str(home)]
    return psutil.Popen(command, stdout=subprocess.DEVNULL)


def stopped(processes: dict[str, psutil.Popen]) -> None:
    """End services and wait for it."""
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        process.wait(30)


def _counted(process: psutil.Process) -> tuple[float, int]:
    """Processor seconds, and how often any of its threads gave the processor up by itself."""
    switches = 0
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        switches += int(status["voluntary_ctxt_switches"])
    return sum(process.cpu_times()[:2]), switches


def settled(home: Path) -> bool:
    """Whether the service is connected and has written every report."""
    try:
        status = json.loads((home / "status.json").read_text())
    except (OSError, ValueError):
        return False
    models = home / "models"
    reports = len(list(models.glob("*/report.html")))
    return bool(status.get("connected")) and reports == (len(list(models.iterdir())) if models.exists() else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=600.0)
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        prepared(Path(folder), given.studies, f"tls://127.0.0.1:{port}")
        found = costs(Path(folder), given.seconds)
    print(f"with {given.studies} finished studies, over {given.seconds:.0f} seconds:")
    for name, cost in found.items():
        print(f"  {name}: {cost}")
    sys.exit(0 if all(_is_within(name, cost, given.studies) for name, cost in found.items()) else 1)


def _is_within(name: str, cost: Cost, studies: int) -> bool:
    if name == "message server":
        return True
    if name == "coordinator":
        return cost.share < COORDINATOR_LIMIT
    return cost.share < HOSPITAL_LIMIT if studies else cost.share < FRESH_LIMIT and cost.resident < FRESH_BYTES


if __name__ == "__main__":
    main()
