"""DP-SGD: every record is clipped, noise is as stated, randomness is never the study's."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests import simulator
from tests.installed import needs
from torch import nn

from cipherward.errors import StudyError
from cipherward.learning import models, sgd
from cipherward.privacy import dpsgd
from cipherward.privacy.noise import RECORD_GRID, RecordNoise, record_noise
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.study import Study, Training

pytestmark = needs("privacy", "opacus", "dp_accounting")

PRIVACY = {"unit": "record", "epsilon": 3.0, "delta": 1e-5, "clipping_norm": 0.5}


def study(**sections: object) -> Study:
    return simulator.study(5, privacy=PRIVACY, **sections)


def seeded(name: str) -> Randomness:
    """Test randomness, given through Python: no study can ask for it."""
    return lambda count: hashlib.sha256(name.encode()).digest()[:count]


def rows(n: int = 60, width: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, width)).astype(np.float32), rng.integers(0, 2, n)


def network(width: int = 3) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(width, 4), nn.ReLU(), nn.Linear(4, 1))


@given(
    gradients=arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.floats(width=32)),
    norm=st.floats(1e-3, 1e3),
)
@settings(deadline=None)
def test_no_record_has_more_influence_than_the_clipping_norm(gradients: np.ndarray, norm: float) -> None:
    found = dpsgd.clipped(torch.from_numpy(gradients), norm).numpy()
    assert (found == np.rint(found)).all()
    for row in found:
        assert sum(int(value) ** 2 for value in row) <= RECORD_GRID**2


def test_gradients_within_the_norm_keep_their_value_to_a_grid_unit() -> None:
    gradients = torch.tensor([[0.1, -0.2], [0.0, 0.3]])
    found = dpsgd.clipped(gradients, 0.5).numpy() * 0.5 / RECORD_GRID
    assert np.abs(found - gradients.numpy()).max() <= 0.5 / RECORD_GRID


def test_the_clipped_sum_is_that_of_gradients_taken_one_record_at_a_time() -> None:
    x, y = (torch.from_numpy(array) for array in rows(20))
    module, outcome, norm = network(), y.float(), 0.3
    expected = torch.zeros(models.n_parameters(module), dtype=torch.float64)
    for one, label in zip(x, outcome, strict=True):
        module.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(module(one[None]).view(1), label[None]).backward()  # type: ignore[no-untyped-call]
        gradient = torch.cat([p.grad.reshape(-1) for p in module.parameters() if p.grad is not None]).double()
        expected += gradient * min(1.0, norm / float(gradient.norm()))
    module.zero_grad()
    wrapped = dpsgd.per_record(module)
    found = dpsgd.clipped_sum(wrapped, x, outcome, norm) * norm / RECORD_GRID
    dpsgd.release(wrapped)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=20 * norm / RECORD_GRID + 1e-6)


def test_a_large_minibatch_in_pieces_gives_the_same_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (torch.from_numpy(array) for array in rows(20))
    wrapped = dpsgd.per_record(network())
    whole = dpsgd.clipped_sum(wrapped, x, y.float(), 0.3)
    monkeypatch.setattr(dpsgd, "_ENTRIES_AT_ONCE", 21 * 3)
    pieces = dpsgd.clipped_sum(wrapped, x, y.float(), 0.3)
    # The last bits of float32 gradients depend on the batch (the module says so), a grid unit is far above them.
    assert (whole - pieces).abs().max() <= 20
    assert float(dpsgd.clipped_sum(wrapped, x[:0], y[:0].float(), 0.3).abs().max()) == 0.0


def test_one_step_moves_the_model_by_the_stated_noise() -> None:
    module = nn.Linear(2_000, 1)
    start = models.flatten(module)
    settings_ = Training(rounds=1, local_epochs=1, batch_size=50, learning_rate=1.0)
    noise = record_noise(study(training=settings_.model_dump()), 50)
    assert noise.expected_batch == 50.0
    assert noise.steps_per_epoch == 1
    x, y = np.zeros((50, 2_000), dtype=np.float32), np.array([0, 1] * 25)
    moved = sgd.train_privately(module, start, x, y, settings_, noise, randomness=seeded("step")) - start
    stated = 0.5 * noise.per_round.noise_multiplier / 50.0
    n = len(moved) - 1  # the bias has a gradient, rows of zeros give the weights none
    assert abs(moved[:n].std() / stated - 1.0) < 4.0 / math.sqrt(2 * n)
    assert abs(moved[:n].mean()) < 4.0 * stated / math.sqrt(n)


def run_once(randomness: Randomness, noise: RecordNoise, settings_: Training) -> np.ndarray:
    module, (x, y) = network(), rows()
    start = models.flatten(module)
    return sgd.train_privately(module, start, x, y, settings_, noise, randomness=randomness)


@pytest.mark.usefixtures("real_noise")
def test_only_injected_randomness_repeats_a_run() -> None:
    chosen = study()
    noise = record_noise(chosen, 60)
    first, second = (run_once(seeded("same"), noise, chosen.training) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, run_once(seeded("other"), noise, chosen.training))
    assert not np.array_equal(run_once(SYSTEM, noise, chosen.training), run_once(SYSTEM, noise, chosen.training))


def test_with_little_noise_and_every_row_it_is_gradient_descent() -> None:
    settings_ = Training(
        rounds=1, local_epochs=5, batch_size=60, learning_rate=0.3, momentum=0.5, weight_decay=0.01, proximal=0.1
    )
    noise = dataclasses.replace(record_noise(study(training=settings_.model_dump()), 60), stddev=1, clipping_norm=100.0)
    module, (x, y) = network(), rows()
    start = models.flatten(module)
    expected = sgd.train(module, start, x, y, settings_, seed=0)
    found = sgd.train_privately(module, start, x, y, settings_, noise, randomness=seeded("plain"))
    assert np.abs(expected - start).max() > 0.05
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_noise_is_for_every_step_that_the_study_plans() -> None:
    chosen = study(training={"rounds": 7, "local_epochs": 3, "batch_size": 32})
    noise = record_noise(chosen, 100)
    assert noise.per_round.steps == 3 * math.ceil(100 / 32)
    assert noise.per_round.sampling_rate == 0.32
    assert noise.threshold / 2**53 <= 0.32
    assert noise.stddev >= noise.per_round.noise_multiplier * RECORD_GRID
    longer = record_noise(study(training={"rounds": 70, "local_epochs": 3, "batch_size": 32}), 100)
    assert longer.per_round.noise_multiplier > noise.per_round.noise_multiplier


def test_a_layer_that_mixes_records_is_refused() -> None:
    mixing = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 1))
    with pytest.raises(StudyError, match="privacy of records"):
        dpsgd.per_record(mixing)


def test_nothing_of_opacus_stays_on_the_module() -> None:
    chosen, module, (x, y) = study(), network(), rows()
    start = models.flatten(module)
    sgd.train_privately(module, start, x, y, chosen.training, record_noise(chosen, 60), randomness=SYSTEM)
    assert all(not hasattr(p, "grad_sample") and p.grad is None for p in module.parameters())
    once = sgd.train(module, start, x, y, chosen.training, seed=1)
    np.testing.assert_array_equal(once, sgd.train(network(), start, x, y, chosen.training, seed=1))


def test_a_missing_opacus_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(StudyError, match="opacus, which is not installed") as caught:
        dpsgd.per_record(network())
    assert "cipherward[privacy]" in caught.value.hint
