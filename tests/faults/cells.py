"""The fault matrix: who is hit, in which phase, by what, and whether hospitals agreed to be singled out; all of it, and a
sample that covers every pair."""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass

PARTIES = ("coordinator", "contributor", "last-needed", "server")
"""`contributor`: a hospital without which a quorum remains. `last-needed`: one without which there is none."""

PHASES = ("statistics", "train", "upload", "close", "release", "open", "verify", "evaluate")
FAULTS = (
    "kill", "stop", "partition", "slow", "duplicate", "reorder", "corrupt", "truncate", "replay", "disk-full",
)  # fmt: skip

AGREEMENTS = ("agreed", "nobody")
"""`agreed`: every hospital may be singled out, so that a sum goes on without it. `nobody`: those that take part may not be."""

DEALT = frozenset({"close", "release", "open", "verify"})
"""Phases in which the party's update is in the sum already."""

ON_LETTERS = frozenset({"duplicate", "reorder", "corrupt", "truncate", "replay"})
"""Faults of what is sent, injected above TLS, where a party or the server can still do it."""

STATISTICS_SUM, TRAIN_SUM, EVALUATE_SUM = 0, 2, 3
"""Sums of the study that is hit (two training rounds); training is hit in its second round, so that older ones exist."""

SUM_OF = {"statistics": STATISTICS_SUM, "evaluate": EVALUATE_SUM}


@dataclass(frozen=True, order=True)
class Cell:
    party: str
    phase: str
    fault: str
    agreement: str = "agreed"

    def __str__(self) -> str:
        return f"{self.party}-{self.phase}-{self.fault}-{self.agreement}"

    @property
    def sum(self) -> int:
        return SUM_OF.get(self.phase, TRAIN_SUM)


def every() -> list[Cell]:
    return [Cell(*values) for values in itertools.product(PARTIES, PHASES, FAULTS, AGREEMENTS)]


@functools.cache
def pairs(cell: Cell) -> frozenset[tuple[str, str]]:
    return frozenset(itertools.combinations((cell.party, cell.phase, f"fault {cell.fault}", cell.agreement), 2))


def sample(seed: int = 5) -> list[Cell]:
    """Cells in which each two of (party, phase, fault, agreement) occur together at least once, chosen greedily.

    There are 80 pairs of a phase and a fault, so no sample that covers them has fewer than 80 cells.
    """
    rng = random.Random(seed)
    left = every()
    rng.shuffle(left)
    missing = frozenset().union(*(pairs(cell) for cell in left))
    chosen = []
    while missing:
        best = max(left, key=lambda cell: len(pairs(cell) & missing))
        chosen.append(best)
        left.remove(best)
        missing -= pairs(best)
    return sorted(chosen)
