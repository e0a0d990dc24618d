"""Whether anything grows in a long study under random faults.

    python benchmarks/soak.py                          200 rounds, 8 hospitals
    python benchmarks/soak.py --rounds 40 --hospitals 4

Real processes and a real server. Hospitals are stopped, cut off, slowed and (two of them) killed, the server is stopped,
and two hospitals send letters twice, late, damaged or again. Memory is resident memory; beside it stands what a process
has allocated itself (its heap and stacks, without programs, libraries and files). Everybody who is measured is a process
of its own from its start, not forked from another. Growth is the median of the last tenth of the looks against that of
the first tenth after round 20 (the server: after round 80, see `SERVER_WARM_ROUNDS`). The bar holds for both figures of
every party, and for the server's resident memory.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness import MIB, Section, finish

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults import soak

MEMORY_BAR = 0.05


def measure(rounds: int, hospitals: int, seed: int) -> Section:
    found = soak.run(rounds, hospitals, seed=seed, tell=lambda text: print(text, file=sys.stderr, flush=True))
    first = next((sample for sample in found.samples if sample.round >= soak.WARM_ROUNDS), found.samples[0])
    last = found.samples[-1]
    section = Section(
        f"Soak: {rounds} rounds, {hospitals} hospitals, {found.seconds:.0f} s",
        ["process", "memory", "at the end", "growth", "own", "at the end", "growth", "open files", "at the end", "ledger, boxes", "at the end"],
    )  # fmt: skip
    lasting = [name for name in last.memory if name in first.memory and name not in found.killed]
    growth = {name: found.growth(name) for name in lasting}
    own = {name: found.growth(name, "own") for name in lasting}
    for name in lasting:
        row = [name]
        for what, share in (("memory", growth[name]), ("own", own[name])):
            row += [f"{size / MIB:.1f} MiB" for size in found.early_and_late(name, what)] + [f"{100 * share:+.1f} %"]
        row += [f"{count:.0f}" for count in found.early_and_late(name, "files")]
        row += [f"{sample.disk.get(name, 0) / MIB:.2f} MiB" for sample in (first, last)]
        section.rows.append(row)
    parties = [name for name in lasting if name != "server"]
    worst = max([*growth.values(), *(own[name] for name in parties)])
    names = [name for name in lasting if worst in (growth[name], own[name])]
    section.bar(
        f"memory growth below 5 % after round {found.warm_rounds('coordinator')}, of the server after round "
        f"{found.warm_rounds('server')}",
        f"{100 * worst:+.1f} % ({names[0]})",
        worst < MEMORY_BAR,
    )
    files = max(late - early for early, late in (found.early_and_late(name, "files") for name in lasting))
    section.bar("open files flat", f"{files:+.0f} at most", files <= 4)
    section.bar("rounds finished, verified, model exact", f"{rounds}", True)
    section.numbers = {
        "rounds": rounds,
        "hospitals": hospitals,
        "seed": seed,
        "seconds": round(found.seconds),
        "faults": found.faults,
        "sums_without_a_hospital": found.incomplete,
        "resident": {name: found.early_and_late(name, "memory") for name in lasting},
        "server_after_round": found.warm_rounds("server"),
        "server_before": found.early_and_late("server", "memory", after=soak.WARM_ROUNDS),
        "own": {name: found.early_and_late(name, "own") for name in lasting},
        "growth_of_disk": {name: last.disk[name] - first.disk[name] for name in last.disk},
        "looks": {name: [sample.memory[name] for sample in found.samples if name in sample.memory] for name in lasting},
    }
    return section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--hospitals", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    section = measure(chosen.rounds, chosen.hospitals, chosen.seed)
    finish("soak", section)


if __name__ == "__main__":
    main()
