"""Thousands of random schedules, each a whole study; no invariant may break in any of them.

A schedule that fails says how to play it alone: CIPHERWARD_SCHEDULE=<seed>.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from tests.schedules.schedule import Schedule
from tests.schedules.world import memory_folder

THOROUGH, ALL, BLOCK = 200, 10_000, 25
QUICK = {0, 25, 100}
"""Blocks that together reached every line of the package that any below `THOROUGH` reached, by coverage.py."""
ONE = os.environ.get("CIPHERWARD_SCHEDULE")
AGAIN = "CIPHERWARD_SCHEDULE={seed} python -m pytest tests/schedules -k holds"


def play(seed: int, folder: Path) -> Schedule:
    schedule = Schedule(seed, folder)
    try:
        schedule.run()
    except Exception as error:
        raise AssertionError(f"schedule {seed} ({schedule}): {error!r}; again: {AGAIN.format(seed=seed)}") from error
    return schedule


def blocks() -> list[object]:
    if ONE is not None:
        return [range(int(ONE), int(ONE) + 1)]
    return [
        pytest.param(
            range(start, start + BLOCK),
            marks=[pytest.mark.slow] if start >= THOROUGH else [] if start in QUICK else [pytest.mark.thorough],
        )
        for start in range(0, ALL, BLOCK)
    ]


@pytest.mark.parametrize("seeds", blocks(), ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_every_random_schedule_holds_its_invariants(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        with tempfile.TemporaryDirectory(dir=memory_folder(tmp_path)) as folder:
            play(seed, Path(folder))
