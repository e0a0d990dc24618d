"""What a sum costs after many others: processor time of all parties in one process, early and late in a study of 500 rounds.

python benchmarks/long_study.py            about a minute
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import simulator
from tests.simulator import World

from harness import Section, finish, machine_line

N, WINDOW = 4, 50
BAR = 1.5


def windows(folder: Path, rounds: int) -> list[float]:
    """Processor seconds of a sum, in each window of so many rounds."""
    world = World(folder, simulator.study(N, training={"rounds": rounds}))
    world.run_sums(WINDOW)  # loads what a study needs
    found = []
    for _ in range(WINDOW, rounds, WINDOW):
        began = time.process_time()
        world.run_sums(WINDOW)
        found.append((time.process_time() - began) / WINDOW)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=500)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        times = windows(Path(folder), rounds)
    section = Section(f"Processor time of a sum of {N} hospitals, by the sums before it", ["sums before", "a sum"])
    for number, seconds in enumerate(times, start=1):
        section.rows.append([str(number * WINDOW), f"{1e3 * seconds:.1f} ms"])
    early, late = min(times[:3]), min(times[-3:])
    section.numbers = {"early": early, "late": late, "ratio": late / early}
    section.bar(f"the last ones at most {BAR} of the first", f"{late / early:.2f}", late <= BAR * early)
    print(machine_line())
    finish("long_study", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
