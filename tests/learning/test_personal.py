"""Fine-tuning at one hospital: it moves the model where the hospital differs, and keeps the shared one where nothing shows it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.learning import linear, models, personal, sgd
from cipherward.learning.baselines import Rows
from cipherward.learning.model_kind import Module
from cipherward.learning.personal import Personal
from cipherward.learning.points import Points
from cipherward.study import Model, Training

SETTINGS = Training(batch_size=32, learning_rate=0.1)
SHARED = np.array([1.0, -1.0, 0.0, 0.0], dtype=np.float32)


def rows(n: int, seed: int, truth: tuple[float, ...]) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    logits = x.astype(np.float64) @ np.array(truth[:3]) + truth[3]
    return x, (rng.random(n) < linear.sigmoid(logits)).astype(np.int64)


def at(truth: tuple[float, ...], n: int, n_validation: int, seed: int = 0, model: Model = Model()) -> Personal:
    module = models.build(model, 3, 1)
    start = SHARED if model.is_linear else pretrained(module)
    train, validation = rows(n, 2 * seed, truth), rows(n_validation, 2 * seed + 1, truth)
    return personal.personalise(module, start, train, validation, SETTINGS, seed=(1, seed), least=10)


def pretrained(module: Module) -> NDArray[np.float32]:
    x, y = rows(4_000, 99, (1.0, -1.0, 0.0, 0.0))
    settings = SETTINGS.model_copy(update={"local_epochs": 5})
    return sgd.train(module, models.flatten(module), x, y, settings, seed=3)


@pytest.mark.parametrize("model", [Model(), Model(kind="mlp", hidden=(8,))], ids=["linear", "mlp"])
def test_a_hospital_that_differs_moves_its_model_and_gains_on_rows_that_nobody_has_seen(model: Model) -> None:
    truth = (1.0, 1.0, 1.0, -1.0)
    found = at(truth, 600, 200, model=model)
    assert found.share > 0
    assert found.gain > found.error > 0
    assert found.why_not == ""
    module = models.build(model, 3, 1)
    test = rows(5_000, 77, truth)
    start = SHARED if model.is_linear else pretrained(module)
    assert sgd.mean_loss(module, found.weights, *test) < 0.8 * sgd.mean_loss(module, start, *test)


def test_small_hospitals_that_do_not_differ_rarely_leave_a_model_that_is_right() -> None:
    found = [at((1.0, -1.0, 0.0, 0.0), 60, 40, seed) for seed in range(40)]
    moved = [each for each in found if each.share]
    assert (
        len(moved) <= 40 * 0.25
    )  # one standard error: a sixth by chance, and the best of five shares is a little more
    kept = [each for each in found if not each.share]
    assert all(np.array_equal(each.weights, SHARED) for each in kept)
    assert all(each.why_not for each in kept)
    module = models.build(Model(), 3, 1)
    test = rows(20_000, 78, (1.0, -1.0, 0.0, 0.0))
    # without the guard: always the share that looks best, however few rows say so
    losses = [sgd.mean_loss(module, each.weights, *test) for each in found]
    assert np.mean(losses) < sgd.mean_loss(module, SHARED, *test) + 0.01


def test_too_few_validation_rows_try_nothing() -> None:
    found = at((1.0, 1.0, 1.0, -1.0), 600, 12)
    assert found.share == 0
    assert np.isnan(found.gain)
    assert "fewer than 10 validation rows" in found.why_not


def test_training_that_diverges_keeps_the_shared_model() -> None:
    wild = Training(batch_size=32, learning_rate=1e30)
    module = models.build(Model(kind="mlp", hidden=(4,)), 3, 1)
    start = models.flatten(module)
    found = personal.personalise(
        module, start, rows(200, 1, (1,) * 4), rows(99, 2, (1,) * 4), wild, seed=(1,), least=10
    )
    assert np.array_equal(found.weights, start)
    assert "training on stopped: training diverged" in found.why_not


def test_rows_of_one_patient_count_as_one_witness() -> None:
    lower = np.tile([0.3, -0.1, 0.2, 0.4], 5)
    patients = np.tile([3, 1, 0, 7], 5)
    mean, error = personal._gain(lower, None)
    same, wider = personal._gain(lower, patients)
    assert mean == same == pytest.approx(0.2)
    assert error == pytest.approx(np.std(lower, ddof=1) / np.sqrt(20))
    assert wider == pytest.approx(np.std([0.3, -0.1, 0.2, 0.4], ddof=1) / np.sqrt(4))


def test_a_table_of_points_is_moved_as_the_logistic_regression_that_it_is() -> None:
    rng = np.random.default_rng(5)

    def places(n: int) -> Rows:
        x = np.stack([rng.integers(0, 2, n), rng.integers(2, 4, n)], axis=1)
        return x.astype(np.float32), (rng.random(n) < np.where(x[:, 0] == 1, 0.8, 0.2)).astype(np.int64)

    shared = np.zeros(5, dtype=np.float32)
    found = personal.personalise(Points(shared), shared, places(400), places(100), SETTINGS, seed=(1,), least=10)
    assert found.share > 0
    assert found.weights[1] - found.weights[0] > 1.0
    assert abs(found.weights[3] - found.weights[2]) < 0.5
