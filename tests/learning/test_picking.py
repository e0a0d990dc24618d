"""A model that sets few rows apart is noticed from its scores; models that spread their scores are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.learning.picking import logits as as_logits
from cipherward.learning.picking import picks_out_few

LEAST = 10


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)


def others(n: int = 100, spread: float = 1.0) -> NDArray[np.float64]:
    return np.random.default_rng(1).uniform(-spread, spread, n)


@pytest.mark.parametrize(
    "logits",
    [
        [*np.zeros(50), 1.0],
        [*others(), 12.0],
        [*others(), *np.full(9, -12.0)],
        [*others(), 40.0, -40.0],  # one at either end
        [*(others(spread=0.1) - 8.0), *(others(spread=0.1) + 8.0), 0.0],  # one between two heaps
        [*np.full(40, -1e-6), 1e-3],
    ],
)
def test_few_rows_apart_are_noticed(logits: list[float]) -> None:
    assert picks_out_few(as_logits(probabilities(np.array(logits))), LEAST)


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros(50),
        others(),
        [*(others() - 8.0), *(others() + 8.0)],
        [*np.zeros(40), *np.ones(10)],  # ten are enough
        [*others(), 3.0],  # an outlier, not apart from everything
        np.arange(20.0),
        np.zeros(3),
        [],
    ],
)
def test_scores_that_set_nobody_apart_are_not(logits: list[float]) -> None:
    assert not picks_out_few(as_logits(probabilities(np.array(logits))), LEAST)


def test_a_hospital_that_sets_no_least_refuses_nothing() -> None:
    assert not picks_out_few(as_logits(probabilities(np.array([*np.zeros(50), 9.0]))), 0)


@pytest.mark.parametrize("name", ["normal", "laplace", "exponential"])
def test_false_alarms_are_rare(name: str) -> None:
    draw = getattr(np.random.default_rng(2), name)
    alarms = sum(
        picks_out_few(as_logits(probabilities(draw(size=n))), LEAST) for n in (40, 100, 400) for _ in range(300)
    )
    assert alarms <= 2
