"""A sum costs no more where many came before it: in its study, or in earlier ones over the same register."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.simulator import World

N, FEW, MORE = 3, 10, 40
CALLS_FOR_EACH = 4
"""What an earlier sum may add for a hospital: its update is compared with the new one, and a study's state lists its losses."""


def work_of_a_sum(world: World) -> tuple[int, int]:
    """How many functions a sum calls, and how many steps the databases of the ledgers take for it."""
    calls = steps = 0

    def called(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event == "call"

    def stepped() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledgers = {site.ledger for site in world.sites.values()}
    for ledger in ledgers:
        ledger._db.set_progress_handler(stepped, 1)
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        world.run_sums(1)
    finally:
        sys.setprofile(before)
        for ledger in ledgers:
            ledger._db.set_progress_handler(None, 1)
    return calls - steps, steps  # each step called `stepped`


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[int, int]]:
    """The work of a sum, by how many there were before."""
    chosen = simulator.study(N, training={"rounds": FEW + MORE + 2})
    world = World(tmp_path_factory.mktemp("long"), chosen)
    found = {}
    for sums in (FEW, FEW + MORE):
        world.run_sums(sums - world.hub.state.sums_done)
        found[sums] = work_of_a_sum(world)
    return found


def test_a_sum_calls_hardly_more_functions_after_many_sums(counted: dict[int, tuple[int, int]]) -> None:
    few, many = counted[FEW][0], counted[FEW + MORE][0]
    assert 1_000 < many < few + N * MORE * CALLS_FOR_EACH, (few, many)


def test_a_ledger_takes_no_more_steps_after_many_sums(counted: dict[int, tuple[int, int]]) -> None:
    few, many = counted[FEW][1], counted[FEW + MORE][1]
    assert 1_000 < few == many


def test_a_model_that_hardly_moves_any_more_goes_on_to_the_last_round(tmp_path: Path) -> None:
    """Four small tables, far more rounds than they need: no update is cut now and then, for which its hospital would decline."""
    rounds = 90
    world = World(tmp_path, simulator.study(4, seed=5, training={"rounds": rounds}))
    world.run_sums(rounds + 1)
    assert world.hub.state.inner.rounds_done == rounds
