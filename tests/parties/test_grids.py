"""Exact sums count a column on one grid in all studies over a register: two grids show the few rows between two edges."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World

from cipherward.errors import DeclinedError
from cipherward.parties.grids import ANOTHER_GRID
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.store.ledger import Ledger
from cipherward.study import Study

ONE_GRID = dataclasses.replace(SIMULATION, one_grid=True)


def over(maximum: float = 8.0, missing: list[str] | None = None, **more: Any) -> Study:
    """The cohort table with another range of ages, or another code for no value."""
    columns = simulator.document(5)["columns"]
    columns[0] |= {"maximum": maximum, "missing": missing or []}
    return simulator.study(5, columns=columns, **({"task": "describe", "name": "first"} | more))


def again(first: World, folder: Path, chosen: Study, policy: Policy) -> World:
    """Another study of the same hospitals with the same ledgers and rows."""
    second = World(folder, chosen, policy=policy, identities={i: first.keys.identities[i] for i in range(6)})
    for i in second.sites:
        first.sites[i].ledger.close()
        second.give_ledger(i, Ledger(first.sites[i].ledger.path))
    return second


def next_sum(world: World) -> str:
    """Runs the next sum; why it is not opened, where hospitals decline it."""
    try:
        world.run_sums(1)
    except DeclinedError as error:
        return error.message
    return ""


def counted(world: World) -> NDArray[np.int64]:
    """Ages that were counted, by outcome."""
    return np.asarray(world.hub.state.inner.first["present"])[:2]


def patients_age(world: World) -> tuple[str, int]:
    """An age that one patient of clinic-2 has, and the outcome."""
    data = world.sites[2].work.data
    return f"{data.table['age'][5]:.4f}", int(data.outcome[5])


def test_two_lists_of_missing_codes_show_one_patients_outcome_and_are_refused(tmp_path: Path) -> None:
    for policy, is_refused in ((SIMULATION, False), (ONE_GRID, True)):
        folder = tmp_path / str(is_refused)
        with World(folder / "first", over(), policy=policy) as first:
            assert next_sum(first) == ""
            age, outcome = patients_age(first)
            with again(first, folder / "second", over(missing=[age], name="second"), policy) as second:
                said = next_sum(second)
                if is_refused:
                    assert ANOTHER_GRID in said
                    assert second.run.rounds_with_openings() == []
                else:
                    assert (counted(first) - counted(second)).tolist() == [1 - outcome, outcome]


OTHERS: dict[str, dict[str, Any]] = {
    "range": {"maximum": 2.0},
    "bins": {"settings": {"bins": 32}},
    "range, for training": {"maximum": 2.0, "task": "train"},
    "range, for Newton steps": {
        "maximum": 2.0,
        "task": "train",
        "training": {"batch_size": 0, "learning_rate": 0.05},
    },
}


@pytest.mark.parametrize("edit", OTHERS)
def test_another_grid_is_refused_whatever_asks_and_the_way_out_is_the_first_one(tmp_path: Path, edit: str) -> None:
    with World(tmp_path / "first", over(), policy=ONE_GRID) as first:
        assert next_sum(first) == ""
        with again(first, tmp_path / "second", over(name="second", **OTHERS[edit]), ONE_GRID) as second:
            assert ANOTHER_GRID in next_sum(second)
            (told, *_) = simulator.log(second.run.path, "declined")
            assert "column 'age' was counted before with" in told["reason"]
            assert "use the column as it was used before" in told["hint"]
            with again(second, tmp_path / "third", over(name="third", task="train"), ONE_GRID) as third:
                assert next_sum(third) == ""


def test_sums_with_noise_need_no_grid_and_set_none(tmp_path: Path) -> None:
    noisy = {"enabled": True, "epsilon": 40.0, "delta": 1e-5}
    with World(tmp_path / "first", over(noise=noisy), policy=ONE_GRID, rows=300) as first:
        assert next_sum(first) == ""
        with again(first, tmp_path / "second", over(maximum=2.0, name="second"), ONE_GRID) as second:
            assert next_sum(second) == ""
