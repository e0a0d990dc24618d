"""The fault matrix with real processes and a real server: a sample that covers every pair, and all of it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults import cells, play, world
from tests.faults.cells import Cell
from tests.faults.nursery import Nursery
from tests.faults.world import Template

RESULTS = os.environ.get("FAULTS_RESULTS", "")
"""A folder; every cell writes there how it ended."""

_SAMPLE = set(cells.sample())


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    pytest.importorskip("nats")
    if not (Path(sys.executable).parent / "nats-server").exists() and not shutil.which("nats-server"):
        pytest.skip("no nats-server")
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def template(nursery: Nursery) -> Iterator[Template]:
    folder = world.memory_folder()
    yield Template(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def mounts() -> bool:
    return world.can_mount()


def _marks(cell: Cell) -> list[pytest.MarkDecorator]:
    """One cell belongs to `make test`, one to `make test-thorough`, the sample to `make test-all`, the rest to `make test-faults`."""
    if (cell.party, cell.phase, cell.fault) == ("contributor", "train", "kill"):
        return [] if cell.agreement == "agreed" else [pytest.mark.thorough]
    return [pytest.mark.slow] if cell in _SAMPLE else [pytest.mark.slow, pytest.mark.faults]


def _parameters() -> list[object]:
    return [pytest.param(cell, id=str(cell), marks=_marks(cell)) for cell in cells.every()]


@pytest.mark.parametrize("cell", _parameters())
def test_a_study_survives(cell: Cell, template: Template, nursery: Nursery, mounts: bool) -> None:
    if cell.fault == "disk-full" and not mounts:
        pytest.skip("a small file system cannot be mounted here (that needs root)")
    try:
        line = play.record(play.play(cell, template, nursery))
    except BaseException as error:
        failed = play.Result(
            str(cell), cell.party, cell.phase, cell.fault, cell.agreement, ended=f"FAILED: {str(error)[:300]}"
        )
        _keep(cell, play.record(failed))
        raise
    _keep(cell, line)


def _keep(cell: Cell, line: str) -> None:
    if RESULTS:
        Path(RESULTS).mkdir(parents=True, exist_ok=True)
        (Path(RESULTS) / f"{cell}.json").write_text(line + "\n")


@pytest.mark.parametrize("seed", [5, 6])
def test_the_sample_covers_every_pair(seed: int) -> None:
    sample = cells.sample(seed)
    covered = frozenset().union(*(cells.pairs(cell) for cell in sample))
    assert covered == frozenset().union(*(cells.pairs(cell) for cell in cells.every()))
    assert len(sample) < len(cells.every()) / 3
    assert sample == cells.sample(seed)
