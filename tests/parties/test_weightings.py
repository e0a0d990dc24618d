"""Updates are weighed in one way in all studies over a register: two weightings of the same updates are two equations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.parties.test_grids import again
from tests.simulator import World

from cipherward.data.cuts import CLIP_STDDEV
from cipherward.errors import DeclinedError
from cipherward.learning.weights import row_class
from cipherward.parties import asking
from cipherward.parties.policy import SIMULATION
from cipherward.parties.weighing import WEIGHED_OTHERWISE, Weighing
from cipherward.study import Study
from cipherward.sums.hospital_steps import contributors_of
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.rows import TRAIN
from cipherward.tasks.state import StudyState

LARGE = 5
"""Whose class of training rows nobody else has: 128, and the others' is 64."""


def study(name: str = "first", **sections: Any) -> Study:
    training = {"rounds": 1, "learning_rate": 0.05} | sections.pop("training", {})
    return simulator.study(5, name=name, training=training, **sections)


def vector(values: Any) -> NDArray[np.float64]:
    """The entries of the update among named values."""
    return np.concatenate([np.ravel(values[name]) for name in sorted(values) if name.startswith("update/")])


def opened(world: World, state: StudyState) -> NDArray[np.float64]:
    """The opened sum of the first updates, as anybody reads it."""
    return vector(opened_sums(world, state))


def opened_sums(world: World, state: StudyState) -> Any:
    rules, opening = world.hub.rules, world.opening(1)
    task, n = asking.task_of(rules, state, opening.attempt), len(contributors_of(rules, opening))
    return asking.named_sums(rules.scheme, state, rules.scheme.sums(task, opening.total, opening.witness, n), n)


def at_update(world: World) -> StudyState:
    """The state at which the second sum was asked, the first one of updates."""
    world.run_sums(1)
    state = world.hub.state
    world.run_sums(1)
    return state


def refusal(first: World, folder: Path, wanted: Study) -> dict[str, Any]:
    """What a hospital says that declines the updates of another study."""
    with again(first, folder, wanted, SIMULATION) as other:
        other.run_sums(1)
        with pytest.raises(DeclinedError, match=WEIGHED_OTHERWISE):
            other.run_sums(1)
        (told, *_) = simulator.log(other.run.path, "declined")
    return told


OTHERS: dict[str, tuple[dict[str, Any], float]] = {
    "equal": ({"training": {"weights": "equal"}}, 64.0),
    "cut off": ({"aggregation": {"weight_cap": 100}}, 100.0),
}
"""Each with what one update of a hospital of class 64 is divided by, times 64."""


@pytest.mark.parametrize("edit", OTHERS)
def test_two_weightings_of_the_same_updates_are_equations_for_one_hospitals_and_the_second_is_refused(
    tmp_path: Path, edit: str
) -> None:
    sections, scale = OTHERS[edit]
    with World(tmp_path / "first", study()) as first:
        first.run_sums(1)
        state = first.hub.state
        classes = [row_class(int((site.work.data.split == TRAIN).sum())) for site in first.sites.values()]
        assert classes == [64, 64, 64, 64, 128]
        first.run_sums(1)
        cap = state.inner.weight_cap
        own = vector(first.sites[LARGE].work.values(state)) * cap / 128
        # Hospitals that remember nothing.
        with World(
            tmp_path / "forgetful",
            study("second", **sections),
            identities={i: first.keys.identities[i] for i in range(6)},
        ) as second:
            then = at_update(second)
            read = (opened(first, state) * cap - opened(second, then) * scale) / 64
            assert np.abs(read - own).max() < 0.02 * np.abs(own).max()
        told = refusal(first, tmp_path / "second", study("third", **sections))
        assert "before" in told["reason"]
        assert "earlier" in told["hint"]


def test_updates_that_are_cut_in_one_study_only_show_the_largest_and_the_second_study_is_refused(
    tmp_path: Path,
) -> None:
    with World(tmp_path / "first", study()) as first:
        state = at_update(first)
        cap = state.inner.weight_cap
        own = {i: vector(site.work.values(state)) * cap for i, site in first.sites.items()}
        sizes = {i: float(np.linalg.norm(x)) / (128 if i == LARGE else 64) for i, x in own.items()}
        *_, second_largest, largest = sorted(sizes, key=lambda i: sizes[i])
        limit = (sizes[second_largest] + sizes[largest]) / 2
        cut = {"training": {"defence": {"clip_norm": limit}}, "aggregation": {"bits": 24}}
        # Hospitals that remember nothing.
        identities = {i: first.keys.identities[i] for i in range(6)}
        with World(tmp_path / "forgetful", study("second", **cut), identities=identities) as second:
            then = at_update(second)
            read = (opened(first, state) - opened(second, then)) * cap
            of_one = own[largest] * (1 - limit / sizes[largest])
            assert np.abs(read - of_one).max() < 0.1 * np.abs(of_one).max()
        told = refusal(first, tmp_path / "second", study("third", **cut))
        assert "updates were cut before to none, and now to a norm of" in told["reason"]


@pytest.mark.parametrize(
    "otherwise", [{"learning_rate": 0.005}, {"learning_rate": 0.05, "class_weights": [0.1, 0.1]}], ids=["rate", "rows"]
)
def test_one_norm_after_smaller_steps_shows_the_largest_update_and_the_second_study_is_refused(
    tmp_path: Path, otherwise: dict[str, Any]
) -> None:
    """An update of a tenth of the size that is not cut is ten times another one that is."""
    one_step = {"rounds": 1, "batch_size": 1_000}
    bits: dict[str, Any] = {"aggregation": {"bits": 24}}
    with World(tmp_path / "measured", study(training=one_step, **bits)) as first:
        first.run_sums(1)
        state = first.hub.state
        cap = state.inner.weight_cap
        own = {i: vector(site.work.values(state)) * cap for i, site in first.sites.items()}
        identities = {i: first.keys.identities[i] for i in range(6)}
    sizes = {i: float(np.linalg.norm(x)) / (128 if i == LARGE else 64) for i, x in own.items()}
    *_, second_largest, largest = sorted(sizes, key=lambda i: sizes[i])
    limit = (sizes[second_largest] + sizes[largest]) / 2
    cut = {**one_step, "defence": {"clip_norm": limit}}
    with World(tmp_path / "first", study("second", training=cut, **bits), identities=identities) as first:
        state = at_update(first)
        small = study("third", training={**cut, **otherwise}, **bits)
        # Hospitals that remember nothing.
        with World(tmp_path / "forgetful", small, identities=identities) as second:
            then = at_update(second)
            read = (10 * opened(second, then) - opened(first, state)) * cap
            of_one = own[largest] * (1 - limit / sizes[largest])
            assert np.abs(read - of_one).max() < 0.1 * np.abs(of_one).max()
        told = refusal(first, tmp_path / "second", small)
        assert "now so after training of another size" in told["reason"]
        same = study("fourth", training={**cut, "rounds": 2}, **bits)
        with again(first, tmp_path / "third", same, SIMULATION) as third:
            third.run_sums(2)
            assert len(third.run.rounds_with_openings()) == 2


def test_whatever_makes_an_update_larger_or_smaller_before_it_is_cut_stays_as_it_was(tmp_path: Path) -> None:
    cut: dict[str, Any] = {"batch_size": 32, "defence": {"clip_norm": 0.5}}
    with World(tmp_path, study(training=cut)) as world:
        world.run_sums(2)
        known = Weighing(world.sites[1].ledger, world.sites[1].standing.register.name)
        assert known.problem(make_task(study("again", training=cut))) == ""
        sizing: dict[str, Any] = {
            "learning_rate": 0.1,
            "local_epochs": 7,
            "batch_size": 16,
            "momentum": 0.5,
            "class_weights": [2.0, 1.0],
            "scale": "robust",
        }
        for name, value in sizing.items():
            said = known.problem(make_task(study("other", training={**cut, name: value})))
            assert said.endswith(f"so after training of another size: {name}")
        task = make_task(study("again", training=cut))
        less = {name: value for name, value in task.sizing().items() if name != "scale"}
        kept = {"weights": task.weights(), "cut": 0, "clip": task.clip_norm(), "sizing": less}
        world.sites[1].ledger.record_standing("weighing old", json.dumps(kept).encode())
        said = Weighing(world.sites[1].ledger, "old").problem(task)
        assert said.endswith("another size: scale"), "what an earlier record does not say may have been anything"


def test_the_same_weighting_may_be_used_again_and_a_cap_that_cuts_nobody_off_is_the_same(tmp_path: Path) -> None:
    with World(tmp_path / "first", study()) as first:
        first.run_sums(2)
        with again(first, tmp_path / "second", study("second", aggregation={"weight_cap": 128}), SIMULATION) as second:
            second.run_sums(2)
            assert len(second.run.rounds_with_openings()) == 2
            known = Weighing(second.sites[1].ledger, second.sites[1].standing.register.name)
            assert known.problem(make_task(study())) == ""
            assert known.problem(make_task(study(task="describe", training={}))) == ""
            said = known.problem(make_task(study(training={"weights": "equal"})))
            assert (
                said
                == "updates were weighed before by the class of the hospital's rows, and now alike for all hospitals"
            )


def test_a_newton_step_and_an_update_of_one_step_weighed_otherwise_are_equations_and_the_second_is_refused(
    tmp_path: Path,
) -> None:
    """Three of five know what they put in, and the two others' rows add up to a number that was opened."""
    one_step = {"rounds": 1, "batch_size": 1_000, "learning_rate": 0.05}
    newton = study(training={"rounds": 1, "method": "newton", "batch_size": 0})
    with World(tmp_path / "first", newton) as first:
        first.run_sums(1)
        state = first.hub.state
        known = {i: newton_sums(site.work.values(state)) for i, site in first.sites.items()}
        first.run_sums(1)
        left = newton_sums(opened_sums(first, state)) - sum(known[i] for i in (1, 2, 3))
        with World(
            tmp_path / "forgetful",
            study("second", training=one_step),
            identities={i: first.keys.identities[i] for i in range(6)},
        ) as second:
            second.run_sums(1)
            then = second.hub.state
            cap = then.inner.weight_cap
            updates = {i: vector(site.work.values(then)) * cap for i, site in second.sites.items()}
            second.run_sums(1)
            both = np.roll((opened(second, then) * cap - sum(updates[i] for i in (1, 2, 3))) / -0.05, -1)  # bias last
        # 64 m4 + 128 m5 = both, n4 m4 + n5 m5 = left: the mean gradients m, for any n4 of its class.
        rows, gradient = left[-1], left[:-1]
        own_rows = known[4][-1]
        mean = (rows - own_rows) * both / 128 - gradient
        read = mean / ((rows - own_rows) * 64 / 128 - own_rows) * own_rows
        assert np.abs(read - known[4][:-1]).max() < 0.05 * np.abs(known[4][:-1]).max()
        for name, weights in (("third", "class"), ("fourth", "equal")):
            otherwise = study(name, training={**one_step, "weights": weights})
            refusal(first, tmp_path / name, otherwise)
        with again(
            first, tmp_path / "fifth", study("fifth", training={**one_step, "weights": "rows"}), SIMULATION
        ) as same:
            same.run_sums(2)
            assert len(same.run.rounds_with_openings()) == 2


def newton_sums(values: Any) -> NDArray[np.float64]:
    """The gradient that a Newton step sums, and the rows."""
    n = int(values["fit/rows"][0])
    gradient = (values["fit/gradient"] / 2.0**28 - n) * newton_reach(len(values["fit/gradient"]))
    return np.append(gradient, n)


def newton_reach(p: int) -> NDArray[np.float64]:
    return np.append(np.full(p - 1, CLIP_STDDEV), 1.0)


def test_a_table_of_points_weighs_by_rows(tmp_path: Path) -> None:
    with World(tmp_path / "first", study(task="points", model={"kind": "points"}, training={})) as first:
        first.run_sums(3)
        known = Weighing(first.sites[1].ledger, first.sites[1].standing.register.name)
        assert "by the hospital's rows" in known.problem(make_task(study()))
        assert known.problem(make_task(study(training={"weights": "rows"}))) == ""
        assert known.problem(make_task(study(training={"method": "newton", "batch_size": 0}))) == ""


def test_what_the_first_weighing_settles_is_said_before_it_and_the_way_out_after_it(tmp_path: Path) -> None:
    newton = make_task(study(training={"method": "newton", "batch_size": 0}))
    survival = "survival curves"
    with World(tmp_path / "first", study()) as first:
        known = Weighing(first.sites[1].ledger, first.sites[1].standing.register.name)
        said = known.settled_by(make_task(study()))
        assert "by the class of the hospital's rows in all studies" in said
        assert survival in said
        assert 'With training.weights = "rows"' in said
        assert 'then needs training.weights = "rows"' in known.settled_by(newton)
        assert known.settled_by(make_task(study(task="describe", training={}))) == ""
        first.run_sums(2)
        assert known.settled_by(make_task(study())) == ""
        assert known.problem(newton)
        way_out = known.way_out(newton)
        assert survival in way_out
        assert way_out.endswith('with training.method = "sgd", can be trained with training.weights = "class"')
        equal = make_task(study(training={"weights": "equal"}))
        assert known.way_out(equal) == 'set training.weights = "class": an earlier study weighed so'
        cut = make_task(study(training={"defence": {"clip_norm": 1.0}}))
        assert "as the earlier one did" in known.way_out(cut)
