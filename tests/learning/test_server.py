"""Adaptive steps at the server: the paper's rule, the same bits everywhere, and no state where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import simulator

from cipherward.errors import StudyError
from cipherward.learning import server
from cipherward.learning.averaging import rate_factor
from cipherward.study import Training


def test_the_mean_is_the_step_of_plain_averaging_and_nothing_is_kept() -> None:
    mean = np.array([0.5, -1.0])
    assert server.step(Training(), None, mean) == (mean, None)


def test_fedadam_and_fedyogi_are_as_in_the_paper_written_out_for_one_weight() -> None:
    for name in ("adam", "yogi"):
        settings = Training.model_validate({"server": name, "server_rate": 0.1})
        m, v, kept = 0.0, 1e-6, None
        for delta in (0.2, -0.1, 0.4, 0.0):
            moved, kept = server.step(settings, kept, np.array([delta]))
            m = 0.9 * m + (1 - 0.9) * delta
            sign = (v > delta**2) - (v < delta**2)
            v = 0.99 * v + (1 - 0.99) * delta**2 if name == "adam" else v - (1 - 0.99) * delta**2 * sign
            assert moved[0] == pytest.approx(0.1 * m / (v**0.5 + 1e-3), rel=1e-12)
            assert kept is not None
            assert kept.first[0] == pytest.approx(m, rel=1e-12)


def test_the_step_is_the_same_bits_whatever_lies_beside_a_weight() -> None:
    settings = Training(server="yogi")
    means = np.random.default_rng(1).normal(size=(3, 1_001))
    whole = parts = None
    for mean in means:
        moved, whole = server.step(settings, whole, mean)
        alone, parts = server.step(settings, parts, mean[333:334].copy())
        assert moved[333:334].tobytes() == alone.tobytes()


@pytest.mark.parametrize("name", ["adam", "yogi"])
def test_a_study_with_it_runs_is_verified_and_ends_elsewhere_than_the_mean(tmp_path: Path, name: str) -> None:
    plain = simulator.run(tmp_path, simulator.study(3), name="plain")
    training = {"server": name, "server_rate": 0.05}
    found = simulator.run(tmp_path, simulator.study(3, training=training), name=name)
    assert simulator.holds(found.path)
    one, other = (simulator.replayed(path).inner for path in (plain.path, found.path))
    assert one.moments is None
    assert other.moments is not None
    # the first step is of the rate's own length wherever the mean is not near nothing
    assert not np.array_equal(one.model.weights, other.model.weights)
    assert np.abs(other.model.weights).max() < 0.5


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("adam", "record"), ("yogi", "hospital")),
        *(pytest.param(*each, marks=pytest.mark.thorough) for each in (("adam", "hospital"), ("yogi", "record"))),
    ],
)
def test_a_private_study_takes_the_step_of_the_noisy_mean_and_costs_what_it_cost_without(
    tmp_path: Path, unit: str, name: str
) -> None:
    pytest.importorskip("dp_accounting", reason="dp-accounting is not installed (extra `privacy`)")
    pytest.importorskip("opacus", reason="Opacus is not installed (extra `privacy`)")
    private = {"unit": unit, "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}
    training = {"server": name, "server_rate": 0.05, "local_epochs": 1}
    plain = simulator.run(tmp_path, simulator.study(3, training={"local_epochs": 1}, privacy=private), name="plain")
    found = simulator.run(tmp_path, simulator.study(3, training=training, privacy=private), name=name)
    assert simulator.holds(found.path)
    assert found.summary["privacy"] == plain.summary["privacy"]
    state = simulator.replayed(found.path).inner
    assert state.moments is not None
    assert np.isfinite(state.model.weights).all()
    assert 0.0 < np.abs(state.model.weights).max() < 0.5  # two steps of the server's rate, whatever the noise


def test_newton_steps_take_no_server_and_private_rounds_state_their_epochs() -> None:
    with pytest.raises(StudyError, match="takes no local_epochs"):
        simulator.study(3, training={"method": "newton", "batch_size": 0, "learning_rate": 0.05, "server": "adam"})
    private = {"unit": "record", "epsilon": 1.0, "delta": 1e-6, "clipping_norm": 1.0}
    with pytest.raises(StudyError, match=r"privacy needs training\.local_epochs"):
        simulator.study(3, training={"local_epochs": 0}, privacy=private)
    with pytest.raises(StudyError, match=r"needs training\.halves_rate false"):
        simulator.study(3, training={"halves_rate": True}, privacy=private | {"unit": "hospital"})
    simulator.study(3, training={"server": "adam", "proximal": 0.1}, privacy=private)


def test_a_learning_rate_is_halved_each_time_that_the_loss_has_risen() -> None:
    assert rate_factor([]) == rate_factor([0.7, 0.6, 0.62, 0.5]) == 1.0
    assert rate_factor([0.7, 0.6, 0.9]) == 0.5
    assert rate_factor([0.7, 0.6, 0.9, 0.8, 0.7]) == 0.5
    assert rate_factor([0.7, 0.6, 0.9, 1.2]) == 0.25
    assert rate_factor([0.7, float("nan")]) == 0.5
