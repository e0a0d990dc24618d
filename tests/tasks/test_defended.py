"""`[training.defence]`: real parties, one of which lies about its update."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World, holds, replayed
from tests.tasks.liars import Lie, boosted, lying

from cipherward import study as study_document
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import StudyError
from cipherward.learning import robust
from cipherward.study import Study
from cipherward.tasks.block_sums import BlockSum
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.defended import Defended, DefendedState
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values
from cipherward.tasks.train import Train

SCHEMES = ["quorum", "ckks"]
CHOSEN = ["quorum", pytest.param("ckks", marks=pytest.mark.thorough)]


def study(scheme: str = "quorum", n: int = 5, *, rounds: int = 2, **defence: Any) -> Study:
    return simulator.study(
        n,
        training={"rounds": rounds, "batch_size": 32, "learning_rate": 0.5, "defence": defence or None},
        aggregation={"scheme": scheme},
    )


def weights(state: StudyState) -> NDArray[np.float32]:
    assert state.model is not None
    return state.model.weights


def inner(state: StudyState) -> DefendedState:
    assert isinstance(state.inner, DefendedState)
    return state.inner


def ended(folder: Path, chosen: Study, lies: dict[int, Lie] | None = None) -> StudyState:
    """The end of a study; what an auditor recomputes from the openings is the same."""
    with World(folder, chosen) as world:
        for index, lie in (lies or {}).items():
            lying(world, index, lie)
        world.run_sums()
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
        assert replayed(world.run.path).digest() == world.hub.state.digest()
        return world.hub.state


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_honest_study_with_a_wide_bound_gives_the_model_that_it_gives_without(scheme: str, tmp_path: Path) -> None:
    defended = ended(tmp_path / "a", study(scheme, clip_norm=50.0, bounds=True))
    plain = ended(tmp_path / "b", study(scheme))
    assert np.array_equal(weights(defended), weights(plain))
    assert inner(defended).refused == ()


@pytest.mark.parametrize("scheme", CHOSEN)
def test_a_boosted_update_changes_nothing_where_opened_sums_are_bounded(scheme: str, tmp_path: Path) -> None:
    def lie(state: StudyState, values: Values) -> Values:
        return boosted(40.0)(state, values) if state.sums_done == 2 else values

    free = ended(tmp_path / "free", study(scheme, clip_norm=0.3), {5: lie})
    bound = ended(tmp_path / "bound", study(scheme, clip_norm=0.3, bounds=True), {5: lie})
    assert inner(free).refused == ()
    assert inner(bound).refused == (2,)
    assert np.linalg.norm(weights(bound)) <= 0.31  # one round of updates of at most 0.3
    assert np.linalg.norm(weights(free)) > np.linalg.norm(weights(bound)) + 0.3


def test_a_false_weight_changes_nothing(tmp_path: Path) -> None:
    chosen = study(clip_norm=0.3, bounds=True).with_overrides(training={"weights": "equal"})

    def lie(state: StudyState, values: Values) -> Values:
        return values | {"weight": np.zeros(1)}

    found = ended(tmp_path, chosen, {5: lie})
    assert inner(found).refused == (1, 2)
    assert not weights(found).any()


def test_an_update_is_cut_to_the_norm_at_the_hospital(tmp_path: Path) -> None:
    with World(tmp_path, study(clip_norm=0.125)) as world:
        world.run_sums(1)
        for site in world.sites.values():
            values = site.work.values(site.state)
            update = np.concatenate([v for name, v in values.items() if name.startswith("update/")])
            weight = float(values["weight"][0])
            assert robust.norm(update) <= 0.125 * weight * (1 + 1e-12)
            assert site.work.notes[1]["distance"] > 0.125


def test_ranges_are_no_wider_than_what_hospitals_that_cut_can_need(tmp_path: Path) -> None:
    assert set(make_task(study(clip_norm=0.125)).first().ranges) == {0.125}

    def lie(state: StudyState, values: Values) -> Values:
        return values | {"clipped": values["clipped"] + 1}

    found = ended(tmp_path, study(clip_norm=0.125, rounds=4), {5: lie})
    assert max(inner(found).ranges) <= 0.125


def test_rounds_that_changed_nothing_are_said_in_the_result_and_verified(tmp_path: Path) -> None:
    chosen = study(rounds=2, clip_norm=0.3, bounds=True)
    found = simulator.run(tmp_path, chosen)
    assert holds(found.path)
    assert json.loads((found.path / "result.json").read_text())["rounds_refused"] == []
    task = make_task(chosen)
    assert isinstance(task, Defended)
    (words,) = [said for said in task.warnings({**found.summary, "rounds_refused": [2]}) if "bounds" in said]
    assert "1 of 2 rounds changed nothing" in words
    assert not [said for said in found.summary["warnings"] if "bounds" in said]


def test_a_study_without_defences_is_the_same_document_as_before_there_were_any() -> None:
    plain = simulator.study(5)
    assert "defence" not in plain.canonical()
    assert "defence" not in plain.to_toml()
    assert type(make_task(plain)) is Train
    again = study_document.parse(plain.model_dump(mode="json"), origin="again")
    assert again.digest() == plain.digest()


def test_a_frozen_study_states_its_defences(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    chosen = study(clip_norm=0.3, bounds=True)
    path.write_text(chosen.to_toml())
    assert study_document.load(path).digest() == chosen.digest() != study().digest()


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"training": {"defence": {}}}, "turns nothing on"),
        ({"training": {"defence": {"bounds": True}}}, "needs clip_norm"),
        ({"training": {"defence": {"clip_norm": -1.0}}}, "clip_norm"),
        ({"training": {"method": "newton", "defence": {"clip_norm": 1.0}}}, "or defence"),
        (
            {
                "training": {"defence": {"clip_norm": 1.0}},
                "privacy": {"unit": "hospital", "epsilon": 3.0, "delta": 1e-6, "clipping_norm": 1.0},
            },
            "does not go with privacy.unit",
        ),
    ],
)
def test_what_does_not_go_together_is_said(sections: dict[str, Any], said: str) -> None:
    document = simulator.document(5)
    document["training"] = {}
    with pytest.raises(StudyError, match=said):
        study_document.parse(document | sections, origin="tests")


def test_a_task_that_trains_nothing_takes_no_defence() -> None:
    document = simulator.document(5, task="describe")
    document["training"] = {"defence": {"clip_norm": 1.0}}
    with pytest.raises(StudyError, match="task 'describe' takes none"):
        make_task(study_document.parse(document, origin="tests"))


@pytest.mark.parametrize("noise", [False, True])
def test_weights_are_compared_with_rows_only_where_these_were_counted_as_they_train(noise: bool) -> None:
    """With noise a hospital counts one row of a patient, and trains on all of them."""
    chosen = study(clip_norm=0.3, bounds=True).with_overrides(noise={"enabled": noise})
    task = make_task(chosen)
    assert isinstance(task, Defended)
    scaling = Preprocessor(chosen.columns, (0.0, 0.0), (1.0, 1.0), 400, 100)
    first = task.first()
    state = dataclasses.replace(first, model=dataclasses.replace(first.model, preprocessor=scaling), weight_cap=640.0)
    zeros = {f"update/{name}": np.zeros(size) for name, size in first.model.groups}
    for weight, is_false in ((0.6, False), (4.0, not noise)):
        assert task._is_refused(state, BlockSum(zeros | {"weight": np.array([weight])}, 5)) is is_false
