"""Unit hospital: no update is longer than the clipping norm, and the sum carries the noise that was accounted."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests import simulator
from tests.installed import needs
from tests.simulator import World, replayed

from cipherward.errors import DataError, StudyError
from cipherward.privacy import accounting, sharing
from cipherward.privacy import noise as plan
from cipherward.privacy.noise import HospitalNoise
from cipherward.privacy.randomness import Randomness
from cipherward.runs import verify
from cipherward.simulation import make_parties
from cipherward.study import Study
from cipherward.tasks.lanes import RealSegment

pytestmark = needs("privacy", "dp_accounting")

PRIVACY = {"unit": "hospital", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 0.5}


def study(n: int = 5, **sections: object) -> Study:
    return simulator.study(n, **({"privacy": PRIVACY} | sections))


def stated(chosen: Study) -> Study:
    """With the noise multiplier that freezing adds."""
    return chosen.with_overrides(privacy={"noise_multiplier": plan.noise_multiplier(chosen)})


def seeded(name: str) -> Randomness:
    """Test randomness, given through Python: no study can ask for it."""
    return lambda count: hashlib.sha256(name.encode()).digest()[:count]


NOISE = plan.hospital_noise(stated(study()), 8)


@given(
    change=arrays.arrays(
        np.float64, st.integers(1, 40), elements=st.floats(allow_nan=False, allow_infinity=False, width=64)
    ),
    sensitivity=st.integers(64, 1 << 20),
)
@settings(deadline=None, max_examples=300)
def test_no_update_is_longer_than_the_sensitivity_in_exact_integers(change: np.ndarray, sensitivity: int) -> None:
    noise = dataclasses.replace(NOISE, sensitivity=sensitivity)
    units = sharing.clipped(change, noise)
    assert sum(int(value) ** 2 for value in units) <= sensitivity**2


def test_an_update_within_the_norm_keeps_its_value_to_half_a_grid_unit() -> None:
    change = np.array([0.2, -0.1, 0.0, 0.3])
    units = sharing.clipped(change, NOISE)
    step = NOISE.clipping_norm / NOISE.sensitivity
    assert np.abs(units * step - change).max() <= step / 2 * (1 + 1e-9)


def test_a_long_update_keeps_its_direction() -> None:
    change = np.random.default_rng(2).normal(size=30)
    units = sharing.clipped(change, NOISE).astype(np.float64)
    cosine = units @ change / np.linalg.norm(units) / np.linalg.norm(change)
    assert cosine > 0.9999
    assert np.linalg.norm(units) > 0.98 * NOISE.sensitivity


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_update_that_is_not_finite_is_not_sent(bad: float) -> None:
    with pytest.raises(DataError, match="nothing is sent"):
        sharing.clipped(np.array([0.1, bad]), NOISE)


@pytest.mark.parametrize("n", [4, 5, 10, 20])
@pytest.mark.parametrize("epsilon", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("bits", [16, 24])
def test_a_lane_has_room_for_the_clip_and_fourteen_standard_deviations(n: int, epsilon: float, bits: int) -> None:
    chosen = stated(study(n, privacy=PRIVACY | {"epsilon": epsilon}, aggregation={"bits": bits}))
    noise, half = plan.hospital_noise(chosen, 8), (1 << (bits - 1)) - 1
    assert noise.sensitivity + accounting.TAIL * noise.stddev <= half
    assert noise.sensitivity + 1 + accounting.TAIL * (noise.stddev + 20) > half * 0.9  # and wastes little
    assert noise.bound == pytest.approx(noise.clipping_norm * half / noise.sensitivity)


def test_the_share_is_sized_for_the_fewest_honest_contributors() -> None:
    chosen = stated(study(10))
    noise, numbers = plan.hospital_noise(chosen, 8), chosen.thresholds
    assert noise.honest == numbers.min_contributors - numbers.corrupt == 2
    assert chosen.privacy is not None
    together = math.sqrt(noise.honest) * noise.stddev / noise.sensitivity
    assert together >= chosen.privacy.noise_multiplier
    trusting = stated(study(10, aggregation={"corrupt": 1, "min_contributors": 7}))
    share = plan.hospital_noise(trusting, 8)
    assert share.honest == 6
    assert share.stddev / share.sensitivity < 0.6 * noise.stddev / noise.sensitivity


def test_noise_wider_than_a_lane_asks_for_more_bits() -> None:
    tight = study(4, privacy=PRIVACY | {"epsilon": 0.3}, training={"rounds": 100})
    with pytest.raises(StudyError, match="too narrow"):
        plan.check_study(tight)
    plan.check_study(tight.with_overrides(aggregation={"bits": 24}))


def test_a_hospital_checks_the_noise_that_a_frozen_study_states(tmp_path: Path) -> None:
    chosen = stated(study())
    assert chosen.privacy is not None
    plan.check_hospital(chosen, 8)
    less = chosen.with_overrides(privacy={"noise_multiplier": chosen.privacy.noise_multiplier - 0.01})
    with pytest.raises(StudyError, match="costs epsilon"):
        plan.check_hospital(less, 8)
    with pytest.raises(StudyError, match="not frozen"):
        plan.hospital_noise(study(), 8)


def test_a_tail_that_delta_does_not_allow_is_refused() -> None:
    chosen = stated(study(privacy=PRIVACY | {"delta": 1e-25, "epsilon": 50.0}))
    with pytest.raises(StudyError, match="too likely"):
        plan.check_hospital(chosen, 100)


def test_narrow_noise_is_known_not_to_be_gaussian() -> None:
    assert plan._not_gaussian(1, 5) > 1e-4
    assert plan._not_gaussian(8, 50) < 1e-250


def fresh(name: str) -> Randomness:
    """Seeded, and another key at every call."""
    calls = itertools.count()
    return lambda count: seeded(f"{name} {next(calls)}")(count)


def opened_noise(folder: Path, n: int) -> tuple[np.ndarray, HospitalNoise, Study]:
    """Opened training sums in grid units, from hospitals that learn nothing and have seeded noise."""
    chosen = study(
        n,
        model={"kind": "mlp", "hidden": [80]},
        training={"rounds": 3, "learning_rate": 1e-12},
        aggregation={"bits": 24},
    )
    with World(folder, chosen) as world:
        for index, site in world.sites.items():
            site.work.randomness = fresh(str(index))
        opened = []
        world.run_sums(1)
        for _ in range(3):
            state = world.hub.state
            world.run_sums(1)
            moved = world.hub.state.inner.model.weights.astype(np.float64) - state.inner.model.weights
            (segment, *_) = state.layout.segments
            assert isinstance(segment, RealSegment)
            opened.append(n * moved / segment.bound * state.layout.half)
        noise = plan.hospital_noise(world.study, state.n_parameters)
        return np.concatenate(opened), noise, world.study


@pytest.mark.parametrize("n", [4, 5])
def test_the_noise_in_the_opened_sum_has_the_stated_standard_deviation(tmp_path: Path, n: int) -> None:
    units, noise, frozen = opened_noise(tmp_path, n)
    assert units.size > 2_000
    # All contributors are honest here: the sum carries n shares, of which `honest` were accounted.
    assert abs(units.std() / (math.sqrt(n) * noise.stddev) - 1.0) < 4.0 / math.sqrt(2 * units.size)
    assert abs(units.mean()) < 4.0 * math.sqrt(n / units.size) * noise.stddev
    assert frozen.privacy is not None
    accounted = math.sqrt(noise.honest / n) * units.std() / noise.sensitivity
    planned = accounting.Event(accounted, 1.0, frozen.training.rounds)
    assert accounting.epsilon([planned], frozen.privacy.delta) == pytest.approx(frozen.privacy.epsilon, rel=0.15)


def test_training_sums_carry_the_update_alone_in_a_range_that_never_moves(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, study())
    states = [item.state for item in verify.replay(verify.open_run(result.path))]
    trained = [state for state in states if state.purpose == "train"]
    assert len(trained) == 2
    for state in trained:
        assert all(segment.name.startswith("update/") for segment in state.layout.segments)
    assert len({state.inner.ranges for state in states}) == 1
    assert len(set(states[0].inner.ranges)) == 1
    assert replayed(result.path).inner.history == ()


def test_freezing_states_the_noise_and_binds_it_into_the_digest(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        assert world.study.privacy is not None
        assert world.study.privacy.noise_multiplier == plan.noise_multiplier(study())
        refrozen = make_parties.freeze(world.study, [h.name for h in world.study.hospitals], world.keys)
        assert refrozen.digest() == world.study.digest()
        other = world.study.with_overrides(privacy={"noise_multiplier": 0.1})
        assert other.digest() != world.study.digest()
