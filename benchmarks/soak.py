"""Whether anything grows in a long study under random faults.

    python benchmarks/soak.py                          200 rounds, 8 hospitals
    python benchmarks/soak.py --rounds 40 --hospitals 4

Real processes and a real server. Hospitals are stopped, cut off, slowed and (two of them) killed, the server is stopped,
and two hospitals send letters twice, late, damaged or again. Memory is resident memory; beside it stands what a process
shares with nobody (the parties are forked from one process that has imported everything, so that is a small part of it).
Growth is the median of the last tenth of the looks against that of the first tenth after round 20.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness import MIB, Section, write_results

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults import soak

MEMORY_BAR = 0.05


def measure(rounds: int, hospitals: int, seed: int) -> Section:
    found = soak.run(rounds, hospitals, seed=seed, tell=lambda text: print(text, file=sys.stderr, flush=True))
    first = next((sample for sample in found.samples if sample.round >= soak.WARM_ROUNDS), found.samples[0])
    last = found.samples[-1]
    section = Section(
        f"Soak: {rounds} rounds, {hospitals} hospitals, {found.seconds:.0f} s",
        ["process", f"memory at round {first.round}", "at the end", "growth", "private", "at the end", "growth", "open files", "at the end", "ledger, boxes", "at the end"],
    )  # fmt: skip
    lasting = [name for name in last.memory if name in first.memory and name not in found.killed]
    growth = {name: found.growth(name) for name in lasting}
    for name in lasting:
        section.rows.append(
            [
                name,
                f"{first.memory[name] / MIB:.1f} MiB",
                f"{last.memory[name] / MIB:.1f} MiB",
                f"{100 * growth[name]:+.1f} %",
                f"{first.private[name] / MIB:.1f} MiB",
                f"{last.private[name] / MIB:.1f} MiB",
                f"{100 * found.growth(name, 'private'):+.1f} %",
                str(first.files[name]),
                str(last.files[name]),
                f"{first.disk.get(name, 0) / MIB:.2f} MiB",
                f"{last.disk.get(name, 0) / MIB:.2f} MiB",
            ]
        )
    own = {name: share for name, share in growth.items() if name != "server"}
    worst = max(own, key=lambda name: own[name])
    section.bar(
        "memory growth below 5 % after round 20", f"{100 * own[worst]:+.1f} % ({worst})", own[worst] < MEMORY_BAR
    )
    files = max(last.files[name] - first.files[name] for name in own)
    section.bar("open files flat", f"{files:+d} at most", files <= 4)
    section.bar("rounds finished, verified, model exact", f"{rounds}", True)
    section.numbers = {
        "rounds": rounds,
        "hospitals": hospitals,
        "seed": seed,
        "seconds": round(found.seconds),
        "faults": found.faults,
        "sums_without_a_hospital": found.incomplete,
        "growth": {name: round(share, 4) for name, share in growth.items()},
        "growth_of_private_memory": {name: round(found.growth(name, "private"), 4) for name in lasting},
        "late_looks": sum(sample.round >= soak.WARM_ROUNDS for sample in found.samples),
        "growth_of_disk": {name: last.disk[name] - first.disk[name] for name in last.disk},
        "memory": {
            name: [sample.memory[name] for sample in found.samples if name in sample.memory] for name in lasting
        },
    }
    return section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--hospitals", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    section = measure(chosen.rounds, chosen.hospitals, chosen.seed)
    section.show()
    write_results("soak", [section])
    if not all(holds for _, _, holds in section.bars):
        sys.exit(1)


if __name__ == "__main__":
    main()
