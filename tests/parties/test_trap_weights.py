"""First weights that let a coordinator read rows (Boenisch et al. 2023) enter no study: every hospital has its own, from the seed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests import simulator
from tests.simulator import World

from cipherward.errors import AuditError
from cipherward.runs import modelfile, verify
from cipherward.tasks.state import StudyState

NETWORK = {"kind": "mlp", "hidden": [4]}


def trapped(state: StudyState) -> StudyState:
    """The same state with weights that make single rows switch single units on."""
    model = dataclasses.replace(state.inner.model, weights=state.inner.model.weights * np.float32(-50.0))
    return dataclasses.replace(state, inner=dataclasses.replace(state.inner, model=model))


def test_a_coordinator_that_starts_from_other_weights_gets_nothing_from_any_hospital(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(5, model=NETWORK)) as world:
        world.run_sums(1)
        world.hub._steps.state = trapped(world.hub.state)
        with pytest.raises(Exception, match="joined the sum"):
            world.run_sums(1)
        assert all("not the one that follows from the approved study and my model" in said for said in world.refusals())
        assert len(world.refusals()) >= 5


def test_the_first_weights_follow_from_the_studys_digest_alone(tmp_path: Path) -> None:
    one, two = (World(tmp_path / name, simulator.study(5, model=NETWORK)) for name in "ab")
    other = World(tmp_path / "c", simulator.study(5, model=NETWORK, seed=4))
    with one, two, other:
        first = [site.state.inner.model.weights for world in (one, two) for site in world.sites.values()]
        assert all(np.array_equal(weights, first[0]) for weights in first)
        assert not np.array_equal(other.first.inner.model.weights, first[0])


def test_a_run_whose_initial_model_was_replaced_is_not_verified(tmp_path: Path) -> None:
    run = simulator.run(tmp_path, simulator.study(5, model=NETWORK)).path
    path = run / "model-initial.safetensors"
    kept = modelfile.load(path)
    modelfile.save(path, dataclasses.replace(kept, weights=kept.weights * np.float32(2.0)))
    with pytest.raises(AuditError, match="not the one that the study's seed gives"):
        list(verify.verify_sums(run))
