"""How long the culprit search takes: the table of docs/adr/0013-culprit-search.md, from the rule alone.

python benchmarks/culprits.py               about five minutes: 500 studies a row, 100 with three culprits
python benchmarks/culprits.py --studies 50  a tenth of it
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
from rich.console import Console
from rich.table import Table

from cipherward.tasks.culprit_search import Search

SIZES = ((8, 4), (10, 5), (12, 6), (20, 9), (20, 6), (50, 19), (50, 12))
MOST_ROUNDS = 400


def found_after(n: int, minimum: int, culprits: set[int], seed: int) -> tuple[int, int, bool]:
    """Rounds until the culprits, who spoil every sum they are in, and nobody else are excluded; how many of them are
    void; whether an honest hospital was out for a time."""
    search, void, wronged = Search(), 0, False
    study = seed.to_bytes(32, "big")
    for number in range(1, MOST_ROUNDS + 1):
        contributors = set(search.group or search.eligible(n))
        if contributors & culprits:
            void += 1
            search = search.after_failed(number, contributors, study, n, minimum)
        else:
            search = search.after_opened(study, n, minimum)
        excluded = {exclusion.hospital for exclusion in search.excluded}
        wronged |= bool(excluded - culprits)
        if excluded == culprits:
            return number, void, wronged
    raise SystemExit(f"{n} hospitals, seed {seed}: {sorted(culprits)} not found in {MOST_ROUNDS} rounds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    studies = parser.parse_args().studies
    table = Table("hospitals", "min_contributors", "culprits", "studies", "rounds", "void", "honest out for a time")
    for n, minimum in SIZES:
        for k in (1, 2, 3):
            runs = []
            for seed in range(studies if k < 3 else max(1, studies // 5)):
                drawn = np.random.default_rng([n, seed, k]).choice(n, k, replace=False)
                runs.append(found_after(n, minimum, {int(i) + 1 for i in drawn}, seed))
            rounds, void = [run[0] for run in runs], [run[1] for run in runs]
            cells = [str(number) for number in (n, minimum, k, len(runs))]
            cells += [f"{statistics.median_high(values)} ({max(values)})" for values in (rounds, void)]
            table.add_row(*cells, str(sum(run[2] for run in runs)))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
