"""Statistics with each hospital's own noise, through the real nodes: charged once, kept for every attempt, read by all."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.simulator import World
from tests.tasks.federated_mean import FederatedMean

from cipherward import load_builtin_study
from cipherward.errors import BudgetExceededError, DataError, StudyError
from cipherward.parties.policy import SIMULATION
from cipherward.privacy.lifetime import PATIENT
from cipherward.privacy.randomness import SYSTEM
from cipherward.study import Noise
from cipherward.tasks import noise, statistics
from cipherward.tasks.catalogue import TASKS, make_task

NOISE: dict[str, Any] = {"noise": {"enabled": True, "epsilon": 4.0, "delta": 1e-5}}


def charges(world: World, hospital: int) -> list[tuple[bytes, bytes, int, str, str, str]]:
    return [charge for charge in world.sites[hospital].ledger.charges() if charge[3] == PATIENT]


@pytest.mark.parametrize("scheme", ["quorum", "plain", "masks"])
def test_a_study_with_noise_on_its_statistics_trains_verifies_and_says_so(tmp_path: Path, scheme: str) -> None:
    result = simulator.run(tmp_path, simulator.study(5, aggregation={"scheme": scheme}, **NOISE))
    assert simulator.holds(result.path)
    assert result.summary["noise"]["noise_multiplier"] > 0
    assert result.summary["auroc_federated_exact"] > 0.7


@pytest.mark.usefixtures("real_noise")
def test_two_hospitals_with_the_same_rows_send_other_numbers(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(5, **NOISE)) as world:
        state, work = world.hub.state, world.sites[1].work
        first, second = work.values(state), work.values(state)
        assert any((first[name] != second[name]).any() for name in first)


def test_another_attempt_and_a_restart_send_the_same_noise_and_are_charged_once(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4, **NOISE)) as world:
        lists = world.until("Joined")
        (sent,) = world.sites[1].handle(lists[1])
        assert len(charges(world, 1)) == 1
        query = charges(world, 1)[0][1]
        kept = world.sites[1].ledger.contribution(world.study.digest(), query)
        assert kept
        world.sites[1].ledger.close()
        world.sites[1] = world.make_hospital(1, world.sites[1].state)
        assert world.sites[1].handle(lists[1]) == [sent]
        assert world.sites[1].ledger.contribution(world.study.digest(), query) == kept
        assert len(charges(world, 1)) == 1


def test_a_hospital_s_own_limit_over_all_studies_stops_a_study_that_would_pass_it(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4, **NOISE)) as world:
        lists = world.until("Joined")
        site = world.sites[1]
        limit = dataclasses.replace(SIMULATION, max_epsilon=0.5).limit
        site._contributions.lifetime = dataclasses.replace(site._contributions.lifetime, limit=limit)
        with pytest.raises(BudgetExceededError, match="no privacy budget left for this table"):
            site.handle(lists[1])
        assert charges(world, 1) == []


def test_the_noise_is_as_large_as_the_study_says(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(5, **NOISE)) as world:
        state, work = world.hub.state, world.sites[1].work
        planned = state.noise
        assert planned is not None
        exact = state.task.answer(state.inner, work)["rows"]
        draws = np.array([work.values(state)["rows"] - exact for _ in range(300)]) - planned.bounds()["rows"]
        stddev = next(segment.stddev * segment.grid for segment in planned.segments if segment.name == "rows")
        assert 0.85 * stddev < draws.std() < 1.15 * stddev
        assert abs(draws.mean()) < 4 * stddev / np.sqrt(draws.size)


def test_rows_of_one_patient_beyond_the_bound_are_not_counted_and_noted(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4, noise={"enabled": True, "epsilon": 8.0, "rows_per_patient": 2})) as world:
        state, site = world.hub.state, world.sites[1]
        n = len(site.work.data.outcome)
        site.work.data = dataclasses.replace(site.work.data, cluster=np.zeros(n, dtype=np.uint32))
        in_training = int((site.work.data.split == 0).sum())
        exact = state.task.answer(state.inner, site.work)
        assert exact["rows"][0] == 2
        site.work.values(state)
        assert site.work.notes[0]["rows_not_counted"] == in_training - 2
        assert site.work.randomness is SYSTEM


def test_a_task_that_cannot_carry_noise_states_in_its_frozen_study_that_it_adds_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TASKS, "mean", FederatedMean)
    found = simulator.study(5, task="mean", settings={"column": "age", "error": 0.1}, **NOISE)
    assert noise.stated(found, make_task(found)) == {"enabled": False}


def test_noise_is_the_default_and_too_few_rows_for_it_are_refused_before_anything_runs(tmp_path: Path) -> None:
    assert load_builtin_study("readmission").own_noise == Noise()
    with pytest.raises(DataError, match="too few for noise of epsilon 1 at delta 1e-06") as caught:
        simulator.run(tmp_path, simulator.study(5, noise={"enabled": True}))
    assert "noise.enabled = false" in (caught.value.hint or "")
    assert not (tmp_path / "run").exists()


def test_real_hospitals_find_out_from_the_noisy_total_that_there_are_too_few_rows(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(5, **NOISE)) as world:
        needed = statistics.rows_needed(world.study, 5)
        statistics.check_rows(world.study, needed, 5)
        with pytest.raises(DataError, match="too few"):
            statistics.check_rows(world.study, needed - 1, 5)


def test_a_hospital_refuses_a_frozen_study_whose_noise_keeps_less_than_it_promises(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4, **NOISE)) as world:
        stated = world.study.noise.noise_multiplier
        for less in (0.0, stated / 2):
            false = world.study.with_overrides(noise={"noise_multiplier": less})
            with pytest.raises(StudyError, match="noise on counts that the study states"):
                noise.check_hospital(false, make_task(false))
        certain = world.study.with_overrides(noise={"delta": 0.5})
        with pytest.raises(StudyError, match="promises nothing"):
            noise.check_hospital(certain, make_task(certain), n_rows=80)


def test_noise_that_the_lanes_have_no_room_for_is_refused_before_anything_runs() -> None:
    study = simulator.study(5, noise={"enabled": True, "epsilon": 1e-3, "delta": 1e-12, "rows_per_patient": 1024})
    stated = study.with_overrides(noise={"noise_multiplier": 900_000.0})
    with pytest.raises(StudyError):
        noise.check(stated, make_task(stated))
