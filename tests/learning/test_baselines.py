from __future__ import annotations

import numpy as np
import pytest

from cipherward.errors import DataError
from cipherward.learning import baselines, metrics, models, sgd
from cipherward.learning.baselines import Rows
from cipherward.study import Model, Training

SETTINGS = Training(rounds=4, local_epochs=2, batch_size=64, learning_rate=0.1)


def hospital(seed: int, n: int, shift: float) -> Rows:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, 6)) + shift).astype(np.float32)
    slope = np.array([1.0, -1.0, 0.5, 0.0, 0.0, 2.0])
    return x, (rng.random(n) < 1 / (1 + np.exp(-(x @ slope)))).astype(np.int8)


TRAIN = [hospital(1, 300, 0.0), hospital(2, 30, 0.5), hospital(3, 200, -0.5)]
TEST = [hospital(4, 400, 0.0), hospital(5, 400, 0.5), hospital(6, 400, -0.5)]


def test_the_centralised_model_has_the_federated_budget_and_start() -> None:
    module = models.build(Model(), 6, seed=0)
    start = models.flatten(module)
    found = baselines.centralised(module, start, TRAIN, TEST, SETTINGS, seed=9)
    assert len(found.by_round) == SETTINGS.rounds + 1
    assert found.by_round[-1] == found.metrics.headline > found.by_round[0]
    test_x, test_y = (np.concatenate(parts) for parts in zip(*TEST, strict=True))
    assert found.by_round[0] == metrics.exact(sgd.scores(module, start, test_x), test_y).auroc
    assert found.metrics == metrics.exact(sgd.scores(module, found.weights, test_x), test_y)
    again = baselines.centralised(module, start, TRAIN, TEST, SETTINGS, seed=9)
    assert np.array_equal(found.weights, again.weights)


def test_each_hospital_alone_is_measured_on_everyones_test_rows() -> None:
    module = models.build(Model(), 6, seed=0)
    start = models.flatten(module)
    found = baselines.local_only(module, start, TRAIN, TEST, SETTINGS, seed=9)
    assert len(found) == len(TRAIN)
    assert all(one.metrics.n == 1_200 for one in found)
    assert not np.array_equal(found[0].weights, found[1].weights)
    central = baselines.centralised(module, start, TRAIN, TEST, SETTINGS, seed=9)
    assert central.metrics.headline > found[1].metrics.headline


def test_test_rows_of_one_class_are_refused() -> None:
    module = models.build(Model(), 6, seed=0)
    one_class = [(x, np.zeros_like(y)) for x, y in TEST]
    with pytest.raises(DataError, match="both classes"):
        baselines.centralised(module, models.flatten(module), TRAIN, one_class, SETTINGS, seed=9)
