"""Liars do what their papers say, and defences what the page says, on a small study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cipherward.attacks import federation
from cipherward.attacks.context import Context
from cipherward.attacks.dealing import dealt_anew
from cipherward.attacks.played import play
from cipherward.attacks.poisoners import (
    Backdoor,
    Honest,
    LabelFlip,
    LittleIsEnough,
    Noise,
    SignFlip,
    triggered,
)
from cipherward.attacks.poisoning import (
    ALL,
    BOUNDS,
    MEDIAN,
    NONE,
    VOTE,
    Poisoning,
    PoisoningSettings,
    Scene,
    play_overflow,
)
from cipherward.data.partition import TRAIN
from cipherward.data.sources import load_hospitals
from cipherward.errors import ProtocolError
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.task import Values

SMALL = PoisoningSettings(n_hospitals=9, corrupt=1, liars=(1,), rounds=8, honest_rounds=1)


@pytest.fixture(scope="module")
def attack() -> Poisoning:
    return Poisoning(SMALL)


@pytest.fixture(scope="module")
def scene(attack: Poisoning, small: Study) -> Scene:
    study = small.with_overrides(data={"cohort": {"n_hospitals": 9, "encounters_per_hospital": 500}})
    study = study.with_overrides(training={"local_epochs": 3}, noise={"enabled": False})
    return attack._scene(Context(study, load_hospitals(study, None, Path()), study.seed))


def backdoor(scene: Scene, name: str) -> Backdoor:
    return Backdoor(scene.defended(name), scene.trigger, SMALL.rounds - 2)


def success(scene: Scene, name: str, *, widens: bool = True) -> float:
    way = Backdoor(scene.defended(name), scene.trigger, SMALL.rounds - 2, widens=widens)
    hits, total = play(scene.defended(name), scene.hospitals, (4,), way).success(scene.hospitals, scene.trigger)
    return hits / total


def test_a_boosted_backdoor_of_one_liar_works_and_blocks_and_bounds_take_it_away(scene: Scene) -> None:
    assert success(scene, NONE) >= 0.9
    for name in (BOUNDS, MEDIAN, ALL):
        assert success(scene, name) <= 0.1, name
    assert success(scene, NONE, widens=False) <= 0.5
    honest = play(scene.defended(NONE), scene.hospitals, (), Honest()).auroc
    assert play(scene.defended(MEDIAN), scene.hospitals, (4,), backdoor(scene, MEDIAN)).auroc > honest - 0.03


def test_the_vote_drops_a_model_that_is_turned_round(scene: Scene) -> None:
    ended = play(scene.defended(VOTE), scene.hospitals, (1, 2, 3), SignFlip(30.0))
    assert ended.result["rounds_rejected"]
    plain = play(scene.defended(NONE), scene.hospitals, (1, 2, 3), SignFlip(30.0))
    assert plain.auroc < 0.5 <= ended.auroc


def test_a_lane_moves_a_model_as_far_as_the_sum_has_room_and_beyond_that_the_sum_is_refused(scene: Scene) -> None:
    study = scene.defended(NONE)
    honest = play(study, scene.hospitals, (), Honest())
    ended = play_overflow(study, scene.hospitals, 4, SMALL.rounds, 0.45)
    moved = federation.model_of(ended.state).weights - federation.model_of(honest.state).weights
    assert abs(moved[0]) > 20 * np.abs(moved[1:]).max()
    with pytest.raises(ProtocolError, match="outside what 9 contributions can give"):
        play_overflow(study, scene.hospitals, 4, SMALL.rounds, 3.0)


def values_of(scene: Scene) -> tuple[dict[int, Values], list[HospitalWork], federation.Opened]:
    works = [HospitalWork(i, each, "cpu", federation.no_clock) for i, each in enumerate(scene.hospitals, start=1)]
    state = begin(scene.study)
    opened = federation.open_sum(state, federation.values_of(state, works))
    return federation.values_of(opened.after, works), works, opened


def test_each_liar_sends_what_it_is_said_to_send(scene: Scene) -> None:
    values, works, opened = values_of(scene)
    state, model = opened.after, federation.model_of(opened.after)

    def update(each: Values) -> np.ndarray:
        return federation.update_of(each, model)

    flipped = SignFlip(10.0).change(state, works, values)
    assert np.allclose(update(flipped[2]), -10.0 * update(values[2]))
    noise = Noise(np.random.default_rng(1)).change(state, works, values)
    assert np.linalg.norm(update(noise[3])) == pytest.approx(10.0 * np.linalg.norm(update(values[3])))
    liars = {i: values[i] for i in (1, 2, 3)}
    little = LittleIsEnough(9).change(state, works[:3], liars)
    scaled = np.array([update(values[i]) / values[i]["weight"][0] for i in (1, 2, 3)])
    z = 0.4307  # of (9 - 3 - 2) / (9 - 3), one sided
    assert np.allclose(
        update(little[2]) / values[2]["weight"][0], scaled.mean(axis=0) - z * scaled.std(axis=0), atol=1e-4
    )
    assert Honest().change(state, works, values) == values


def test_inverted_outcomes_are_those_of_training_rows_only(scene: Scene) -> None:
    honest = scene.hospitals[0]
    flipped = LabelFlip().data(honest)
    train = honest.split == TRAIN
    assert (flipped.outcome[train] == 1 - honest.outcome[train]).all()
    assert (flipped.outcome[~train] == honest.outcome[~train]).all()


def test_rows_with_the_mark_have_no_value_there_and_are_else_the_same(scene: Scene) -> None:
    table = scene.hospitals[0].table
    marked = triggered(table, scene.trigger)
    assert all(marked[name].null_count() == table.height for name in scene.trigger)
    assert marked.drop(scene.trigger).equals(table.drop(scene.trigger))


def test_rows_of_other_studies_are_dealt_to_as_many_hospitals_each_row_once(at: Context) -> None:
    dealt = dealt_anew(at, 9)
    assert len(dealt) == 9
    assert sum(len(each.outcome) for each in dealt) == sum(int((each.split == TRAIN).sum()) for each in at.hospitals)
    assert all(set(each.split.tolist()) == {0, 1, 2} for each in dealt)


def test_the_whole_attack_measures_every_liar_with_every_defence(attack: Poisoning, at: Context) -> None:
    found = attack.run(at)
    settings = [each.setting for each in found.measures]
    for words in (
        "label flip",
        "sign flip x1,",
        "sign flip x10",
        "Gaussian noise",
        "a little",
        "backdoor",
        "lane overflow",
        "false statistics",
        "false measurement",
    ):
        assert any(words in each for each in settings), words
    for name in (NONE, BOUNDS, MEDIAN, VOTE, ALL):
        assert any(each.endswith(name) for each in settings)
    believed = next(each for each in found.measures if each.measure == "AUROC in the result")
    assert believed.value
    assert believed.value > 0.98
