from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import linear, newton
from cipherward.learning.newton import Fit, Sums
from cipherward.learning.outcome_binary import BINARY

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]

STEPS = BINARY.steps


def rows(n: int, p: int, seed: int, *, scale: float = 1.0) -> Rows:
    """Standardised inputs, and outcomes drawn from a logistic model of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, (n, p)).astype(np.float32)
    true = rng.normal(0.0, scale, p + 1)
    return x, (rng.random(n) < linear.sigmoid(x.astype(np.float64) @ true[:-1] + true[-1])).astype(np.int64)


def fit(x: NDArray[np.float32], y: NDArray[np.int64], most: int = 20) -> NDArray[np.float32]:
    *_, last = newton.fitted(np.zeros(x.shape[1] + 1, np.float32), x, y, most, newton.default_ridge(len(y)), STEPS)
    return last


def slope(weights: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    """Largest entry of the objective's gradient: 0 at the fit."""
    found = STEPS.sums_at(weights, x, y)
    penalty = newton.default_ridge(len(y)) * np.append(weights[:-1], 0.0)
    return float(np.abs(found.gradient / found.rows + penalty).max())


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 400), st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_fit_is_where_the_penalised_loss_has_no_slope(n: int, p: int, seed: int, scale: float) -> None:
    x, y = rows(n, p, seed, scale=scale)
    assert slope(fit(x, y), x, y) < 1e-3


def test_the_fit_is_that_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = rows(2_000, 8, 1)
    expected = sklearn.LogisticRegression(C=1.0, tol=1e-10, max_iter=1_000).fit(x.astype(np.float64), y)
    assert np.allclose(fit(x, y), [*expected.coef_[0], *expected.intercept_], atol=2e-4)


def test_a_few_steps_are_enough() -> None:
    x, y = rows(5_000, 20, 2)
    found = list(newton.fitted(np.zeros(21, np.float32), x, y, 20, newton.default_ridge(len(y)), STEPS))
    assert len(found) <= 8


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 5), st.integers(0, 10**6))
def test_sums_over_parts_add_up_to_the_sums_over_all_rows(n_parts: int, seed: int) -> None:
    x, y = rows(300, 5, seed)
    weights = np.random.default_rng(seed).normal(0, 1, 6).astype(np.float32)
    parts = np.array_split(np.arange(300), n_parts)
    each = [STEPS.sums_at(weights, x[part], y[part]) for part in parts]
    whole = STEPS.sums_at(weights, x, y)
    assert sum(one.rows for one in each) == whole.rows
    assert math.isclose(sum(one.loss for one in each), whole.loss, rel_tol=1e-9)
    for name in ("gradient", "curvature"):
        total = np.sum([getattr(one, name) for one in each], axis=0)
        assert np.allclose(total, getattr(whole, name), atol=1e-7)


def test_rows_that_a_line_separates_still_give_finite_weights() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]], np.float32)
    found = fit(x, np.array([0, 0, 1, 1]))
    assert np.isfinite(found).all()
    assert 0.5 < found[0] < 20.0


def test_inputs_that_say_the_same_share_the_weight() -> None:
    x, y = rows(500, 1, 3)
    found = fit(np.repeat(x, 2, axis=1), y)
    assert math.isclose(found[0], found[1], rel_tol=1e-3)


def test_a_step_that_makes_it_worse_is_halved_and_in_the_end_given_up() -> None:
    x, y = rows(200, 2, 4)
    start = np.zeros(3, np.float32)
    right = newton.advance(None, start, STEPS.sums_at(start, x, y), 0.01, STEPS)
    wrong = dataclasses.replace(right, direction=-right.direction)
    tried, halvings = wrong, 0
    while not tried.is_done:
        tried = newton.advance(tried, tried.next_weights, STEPS.sums_at(tried.next_weights, x, y), 0.01, STEPS)
        halvings += 1
    assert halvings == 7
    assert np.array_equal(tried.next_weights, start)


@pytest.mark.parametrize(
    "change",
    [{"rows": 0}, {"loss": -1.0}, {"loss": math.nan}, {"curvature": -np.ones(3)}, {"curvature": np.full(3, math.nan)}],
    ids=["no rows", "loss below zero", "loss not a number", "not positive definite", "not finite"],
)
def test_sums_that_no_rows_give_are_refused(change: dict[str, Any]) -> None:
    honest = STEPS.sums_at(np.zeros(2, np.float32), *rows(50, 1, 5))
    with pytest.raises(ProtocolError):
        newton.advance(None, np.zeros(2, np.float32), dataclasses.replace(honest, **change), 0.001, STEPS)


def test_the_next_weights_follow_from_the_same_sums_bit_by_bit() -> None:
    x, y = rows(400, 6, 6)
    start = np.zeros(7, np.float32)
    found = STEPS.sums_at(start, x, y)
    again = Sums(found.rows, found.loss, found.gradient.copy(), found.curvature.copy())
    first, second = (newton.advance(None, start, one, 0.001, STEPS) for one in (found, again))
    assert isinstance(first, Fit)
    assert first.next_weights.tobytes() == second.next_weights.tobytes()
