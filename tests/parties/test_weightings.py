"""Updates are weighed in one way in all studies over a register: two weightings of the same updates are two equations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.parties.test_grids import again
from tests.simulator import World

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
    rules, opening = world.hub.rules, world.opening(1)
    task, n = asking.task_of(rules, state, opening.attempt), len(contributors_of(rules, opening))
    return vector(asking.named_sums(rules.scheme, state, rules.scheme.sums(task, opening.total, opening.witness, n), n))


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
            second.run_sums(1)
            then = second.hub.state
            second.run_sums(1)
            read = (opened(first, state) * cap - opened(second, then) * scale) / 64
            assert np.abs(read - own).max() < 0.02 * np.abs(own).max()
        with again(first, tmp_path / "second", study("third", **sections), SIMULATION) as third:
            third.run_sums(1)
            with pytest.raises(DeclinedError, match=WEIGHED_OTHERWISE):
                third.run_sums(1)
            (told, *_) = simulator.log(third.run.path, "declined")
            assert "before" in told["reason"]
            assert "as the earlier one did" in told["hint"]


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
                == "updates were weighed before by the class of the hospital's rows, and now the same for every hospital"
            )
