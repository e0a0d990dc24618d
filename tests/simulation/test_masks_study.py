"""A whole study under `masks` gives the model that `quorum` gives, bit for bit, also when hospitals drop out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.simulator import PHASES, BentNetwork, contributors, holds, lost, run, weights

from cipherward.errors import QuorumError, RefusedError, StudyError
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.simulation.simulate import resume_study
from cipherward.tasks.catalogue import make_task

AWAY, TRAIN = 2, 1


def chosen(scheme: str, **sections: Any) -> Any:
    return simulator.agreed(5, aggregation={"scheme": scheme}, **sections)


@pytest.mark.parametrize(
    "phase",
    [
        None,
        "deal",
        "release",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in PHASES if each not in ("deal", "release")),
    ],
)
def test_masks_and_quorum_give_the_same_model_whenever_a_hospital_drops_out(tmp_path: Path, phase: str | None) -> None:
    models = {}
    for scheme in ("masks", "quorum"):
        network = BentNetwork(lost({AWAY}, kinds=PHASES[phase], rounds={TRAIN})) if phase else None
        result = run(tmp_path / scheme, chosen(scheme), network=network)
        assert holds(result.path)
        sums = contributors(result.path)
        assert sums[TRAIN] == ([1, 3, 4, 5] if phase in ("join", "deal") else [1, 2, 3, 4, 5])
        models[scheme] = weights(result.path).tobytes()
    assert models["masks"] == models["quorum"]


def test_a_stopped_study_under_masks_goes_on_to_the_same_model(tmp_path: Path) -> None:
    network = BentNetwork(lost({2, 4}, kinds={"Update"}, rounds={TRAIN}))
    with pytest.raises(QuorumError):
        run(tmp_path, chosen("masks"), name="stopped", network=network)
    resumed = resume_study(tmp_path / "stopped", device="cpu")
    whole = run(tmp_path, chosen("masks"), name="whole")
    assert weights(resumed.path).tobytes() == weights(whole.path).tobytes()
    assert holds(resumed.path)


def test_a_hospitals_own_policy_refuses_masks_unless_it_is_a_simulation() -> None:
    SIMULATION.check(chosen("masks"))
    with pytest.raises(RefusedError, match="scheme 'masks'"):
        Policy().check(chosen("masks"))


def test_masks_is_refused_for_more_hospitals_than_it_can_sum() -> None:
    make_task(simulator.agreed(256, aggregation={"scheme": "masks"}))
    with pytest.raises(StudyError, match="masks sums at most 256 hospitals"):
        make_task(simulator.agreed(257, aggregation={"scheme": "masks"}))
