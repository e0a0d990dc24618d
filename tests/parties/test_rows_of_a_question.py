"""A block hides its members in a sum only if enough of them have rows for what is asked, and not merely rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests import simulator
from tests.parties.test_blocks import ended, sums_of
from tests.simulator import World
from tests.tasks.federated_mean import FederatedMean

from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.sources import HospitalData
from cipherward.learning.outcome_binary import BINARY
from cipherward.parties.policy import SIMULATION
from cipherward.study import Study
from cipherward.tasks import catalogue
from cipherward.tasks.row_groups import RowGroup, by_outcome, small

TEN = dataclasses.replace(SIMULATION, cell_min=10)
LARGE = {"corrupt": 2, "min_contributors": 4}

Change = Callable[[HospitalData], HospitalData]


def world(folder: Path, chosen: Study, change: Change, changed: range = range(1, 3)) -> World:
    """Hospitals that count as having rows for a question from ten on; the rows of some of them are changed."""
    made = World(folder, chosen, policy=TEN, rows=300)
    for i in changed:
        made.sites[i].work.data = change(made.sites[i].work.data)
    return made


def moved(split: int, keep: int = 9, outcome: int | None = None) -> Change:
    """All but so many rows of one part of the split (and outcome) are moved elsewhere."""

    def change(data: HospitalData) -> HospitalData:
        there = RowGroup(split, outcome).chosen(data)
        new = data.split.copy()
        new[np.flatnonzero(there)[keep:]] = TRAIN if split != TRAIN else TEST
        return dataclasses.replace(data, split=new)

    return change


def one_sided(data: HospitalData) -> HospitalData:
    """Nine rows keep the outcome."""
    outcome = data.outcome.copy()
    outcome[np.flatnonzero(outcome)[9:]] = 0
    return dataclasses.replace(data, outcome=outcome)


def emptied(data: HospitalData) -> HospitalData:
    """Few rows keep a value in the column that is asked about."""
    column = data.table["age"].to_numpy().copy()
    column[20:] = np.nan
    return dataclasses.replace(data, table=data.table.with_columns(pl.Series("age", column).fill_nan(None)))


def without_ward_b(data: HospitalData) -> HospitalData:
    """Nine rows keep ward B."""
    wards = data.table["ward"].to_numpy().copy()
    wards[np.flatnonzero(wards == "B")[9:]] = "A"
    return dataclasses.replace(data, table=data.table.with_columns(pl.Series("ward", wards, dtype=pl.String)))


CASES: dict[str, tuple[dict[str, Any], Change, int]] = {
    "training rows with the outcome": ({}, moved(TRAIN, outcome=1), 0),
    "test rows, by SGD": ({}, moved(TEST), 1),
    "test rows without the outcome, by SGD": ({}, moved(TEST, outcome=0), 1),
    "validation rows, by Newton steps": (
        {"training": {"batch_size": 0, "learning_rate": 0.05}},
        moved(VALIDATION),
        1,
    ),
    "rows with the outcome in a cohort table": ({"task": "describe"}, one_sided, 0),
    "rows that the rules of a cohort table leave": (
        {
            "task": "describe",
            "settings": {"include": [{"column": "ward", "categories": ["B"]}]},
            "noise": {"enabled": True, "epsilon": 40.0, "delta": 1e-5},
        },
        without_ward_b,
        0,
    ),
    "validation rows with the outcome, for prediction sets": (
        {"training": {"rounds": 1}, "evaluation": {"coverage": 0.8}, "data": {"validation_fraction": 0.3}},
        moved(VALIDATION, outcome=1),
        3,
    ),
    "rows with a value, in a task of its own": (
        {"task": "mean", "settings": {"column": "age", "error": 0.0}},
        emptied,
        0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_block_stands_only_where_enough_of_it_have_rows_for_what_is_asked(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.TASKS, "mean", FederatedMean)
    settings, change, opened = CASES[case]
    chosen = simulator.study(5, aggregation=LARGE, **settings)
    # Whole tables are large enough everywhere; in two of five hospitals what is asked about is not.
    with world(tmp_path, chosen, change) as few:
        assert min(few.sites[i].work.n_rows for i in few.sites) >= 300
        assert "enough rows for this question" in ended(few, opened + 1)
        assert len(sums_of(few)) == opened


@pytest.mark.parametrize("case", CASES)
def test_one_hospital_without_such_rows_holds_nobody_up(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.TASKS, "mean", FederatedMean)
    settings, change, opened = CASES[case]
    with world(tmp_path, simulator.study(5, aggregation=LARGE, **settings), change, range(1, 2)) as enough:
        assert ended(enough, opened + 1) == ""
        assert len(sums_of(enough)) == opened + 1


def test_every_question_of_every_task_says_which_rows_it_is_about() -> None:
    studies = (simulator.study(5), simulator.study(5, training={"batch_size": 0, "learning_rate": 0.05}))
    for chosen in (*studies, simulator.study(5, task="describe")):
        for question, _ in catalogue.make_task(chosen).plan():
            assert question.about
            assert question.about != (RowGroup(),)
    assert by_outcome(BINARY, TEST)[1].words == "test rows with the outcome"


def test_the_groups_of_rows_are_counted_by_part_and_outcome() -> None:
    split = np.array([TRAIN, TRAIN, TEST, VALIDATION, TEST], dtype=np.uint8)
    data = HospitalData("x", pl.DataFrame({"a": range(5)}), np.array([0, 1, 1, 0, 1], dtype=np.int8), split)
    assert RowGroup(TEST).chosen(data).tolist() == [False, False, True, False, True]
    assert small((RowGroup(), RowGroup(TEST), *by_outcome(BINARY, TEST)), data, 2) == (RowGroup(TEST, 0),)
