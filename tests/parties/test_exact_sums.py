"""What exact sums may show of few rows: cells by outcome, groups of scores, and models that set few rows apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World

from cipherward.data.partition import TEST, TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DeclinedError
from cipherward.parties.policy import SIMULATION
from cipherward.tasks.state import StudyState

TEN = dataclasses.replace(SIMULATION, cell_min=10)


def cohort_cells(world: World) -> NDArray[np.int64]:
    """Rows by outcome, int64[2, n_cells], of every cell that a cohort table opened: bins, categories, without a value."""
    sums = world.hub.state.inner.first
    histogram = np.asarray(sums["histogram"]).reshape(2, 2, -1).swapaxes(0, 1).reshape(2, -1)
    categories = np.asarray(sums["categories"]).reshape(2, -1)
    absent = np.asarray(sums["rows"])[:, None] - np.asarray(sums["present"]).reshape(2, 2).T
    return np.concatenate([histogram, categories, absent], axis=1)


def with_a_rare_patient(world: World) -> None:
    """One patient of clinic-2 has the highest age, another no dose."""
    data = world.sites[2].work.data
    age, dose = data.table["age"].to_numpy().copy(), data.table["dose"].to_numpy().copy()
    age[7], dose[3] = 7.99, np.nan
    table = data.table.with_columns(pl.Series("age", age), pl.Series("dose", dose).fill_nan(None))
    world.sites[2].work.data = dataclasses.replace(data, table=table)


def test_a_cohort_table_of_exact_counts_opens_no_cell_of_few_rows(tmp_path: Path) -> None:
    study = simulator.study(5, task="describe")
    with World(tmp_path / "without", study) as world:
        with_a_rare_patient(world)
        world.run_sums(1)
        of_each = cohort_cells(world).sum(axis=0)
        assert 1 in of_each  # the outcome of one patient, for whoever knows the age
    with World(tmp_path / "with", study, policy=TEN) as world:
        with_a_rare_patient(world)
        world.run_sums()
        of_each = cohort_cells(world).sum(axis=0)
        assert (of_each[of_each > 0] >= 10).all()
        fine = world.hub.state.inner.fine.reshape(2, 2, -1).sum(axis=1)
        assert (fine[fine > 0] >= 10).all()
        shown = world.hub.state.task.result(world.hub.state.inner)["columns"]["age"]["all"]
        exact = np.concatenate([site.work.data.table["age"].to_numpy() for site in world.sites.values()])
        assert abs(shown["mean"] - exact.mean()) < 0.01
        assert abs(shown["median"] - np.median(exact)) < 0.2


def test_scores_are_grouped_as_the_hospital_says_even_where_a_study_asks_for_single_ones(tmp_path: Path) -> None:
    study = simulator.study(5, evaluation={"group_rows": 1}, training={"rounds": 1})
    found = {}
    for name, policy in (("single", SIMULATION), ("grouped", TEN)):
        with World(tmp_path / name, study, policy=policy, rows=200) as world:
            world.run_sums(2)
            layout = world.first.task.ask(world.hub.state.inner)
            assert layout is not None
            state = world.hub.state
            values = [site.work.values(state) for site in world.sites.values()]
            found[name] = [value["test/negative"] + value["test/positive"] for value in values]
    assert any((each == 1).any() for each in found["single"])
    for each in found["grouped"]:
        assert (each[each > 0] >= 10).all()


def steered(world: World, feature: str) -> StudyState:
    """The state in which somebody has made the model look at one input alone."""
    state = world.hub.state
    scaling = state.model.scaling if state.model else None
    assert isinstance(scaling, Preprocessor)
    weights = np.zeros(len(scaling.feature_names) + 1, dtype=np.float32)
    weights[scaling.feature_names.index(feature)] = 30.0
    return dataclasses.replace(
        state, inner=dataclasses.replace(state.inner, model=dataclasses.replace(state.inner.model, weights=weights))
    )


@pytest.mark.parametrize("training", [{}, {"batch_size": 0, "learning_rate": 0.05}], ids=["sgd", "newton"])
def test_a_model_that_sets_few_rows_apart_is_refused_by_the_hospital_that_has_them(
    tmp_path: Path, training: dict[str, object]
) -> None:
    study = simulator.study(5, training=training)
    for policy, is_refused in ((SIMULATION, False), (TEN, True)):
        with World(tmp_path / str(is_refused), study, policy=policy, rows=300) as world:
            for index, site in world.sites.items():
                data = site.work.data
                dose = data.table["dose"].to_numpy().copy()
                dose[np.flatnonzero(data.split == TRAIN)[:20]] = np.nan  # so many that it is an input of a Newton step
                if index == 3:
                    dose[np.flatnonzero(data.split == TEST)[:2]] = np.nan
                table = data.table.with_columns(pl.Series("dose", dose).fill_nan(None))
                site.work.data = dataclasses.replace(data, table=table)
            world.run_sums(1)
            state = steered(world, "dose is missing")
            world.hub._steps.state = state
            for site in world.sites.values():
                site.state = state
            if not is_refused:
                world.run_sums(1)
                assert len(world.run.rounds_with_openings()) == 2
                continue
            with pytest.raises(DeclinedError, match="clinic-3: the model sets few rows apart"):
                world.run_sums(1)
            assert [line["reason"] for line in simulator.log(world.run.path, "declined")]
            assert len(world.run.rounds_with_openings()) == 1
