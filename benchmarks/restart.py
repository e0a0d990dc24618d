"""How long a killed coordinator's service needs until the study goes on: a cold start of the real command.

    python benchmarks/restart.py               five restarts in each of four phases

Four hospitals, a real server, TLS. The coordinator is killed (SIGKILL) when it has decided a step and sent nothing of it.
Measured from the start of the new process, the import of the libraries included, to the first step of the same sum.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import Section, finish

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.nursery import Nursery
from tests.faults.world import Processes, Template, memory_folder

PHASES = ("train", "close", "release", "open")
BAR_SECONDS = 5.0


def once(template: Template, nursery: Nursery, phase: str) -> float:
    """Seconds from the start of the new process to the next step."""
    world = Processes(template, nursery, "all")
    process: subprocess.Popen[bytes] | None = None
    try:
        for name in world.names:
            world.serve(name, **({"gate": phase} if name == "coordinator" else {}))
        world.until(lambda: world.log("coordinator", "reached"), "reached")
        world.kill("coordinator")
        before = len(world.log("coordinator"))
        command = [sys.executable, "-c", "from cipherward.cli import main; main()", "coordinator", "serve", "--home"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        started = time.time()
        process = subprocess.Popen(
            [*command, str(world.path("coordinator"))], stdout=subprocess.DEVNULL, env=environment
        )

        def progress() -> list[dict[str, Any]]:
            lines = world.log("coordinator")[before:]
            return [line for line in lines if line["event"] in ("sum finished", "finished")]

        world.until(progress, "going on")
        return datetime.fromisoformat(progress()[0]["time"]).timestamp() - started
    finally:
        if process:
            process.kill()
            process.wait()
        world.close()


def measure(times: int) -> Section:
    section = Section(
        "From the start of a killed coordinator to the end of the sum it was in", ["phase", "median", "most"]
    )
    folder, nursery = memory_folder(), Nursery()
    found: dict[str, list[float]] = {}
    try:
        template = Template(folder)
        for phase in PHASES:
            found[phase] = [once(template, nursery, phase) for _ in range(times)]
            section.rows.append([phase, f"{statistics.median(found[phase]):.1f} s", f"{max(found[phase]):.1f} s"])
    finally:
        nursery.close()
        shutil.rmtree(folder, ignore_errors=True)
    worst = max(max(values) for values in found.values())
    section.bar("at most 5 s", f"{worst:.1f} s", worst <= BAR_SECONDS)
    section.numbers = {phase: [round(value, 2) for value in values] for phase, values in found.items()}
    return section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    section = measure(parser.parse_args().times)
    finish("restart", section)


if __name__ == "__main__":
    main()
