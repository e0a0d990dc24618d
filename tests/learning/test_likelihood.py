"""Newton steps without a penalty, terms that cannot be told apart, and the tails of distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import elimination, likelihood, wald
from cipherward.learning.likelihood import Fit
from cipherward.learning.newton import Sums

F64 = NDArray[np.float64]


def rows(seed: int, n: int = 400) -> tuple[F64, NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    x = np.hstack([np.ones((n, 1)), rng.uniform(-0.5, 0.5, (n, 3))])
    chance = 1.0 / (1.0 + np.exp(-(x @ np.array([-0.4, 3.0, -2.0, 0.0]))))
    return x, (rng.random(n) < chance).astype(np.int8)


def fitted(x: F64, y: NDArray[np.int8], steps: int = 30) -> Fit:
    fit, weights = None, np.zeros(x.shape[1])
    for _ in range(steps):
        fit = likelihood.advance(fit, weights, likelihood.logistic(weights, x, y))
        weights = fit.next_weights
        if fit.is_done:
            break
    assert fit is not None
    return fit


def test_the_fit_is_where_the_likelihood_is_highest() -> None:
    x, y = rows(1)
    fit = fitted(x, y)
    assert fit.has_converged
    at_end = likelihood.logistic(fit.next_weights, x, y)
    assert np.abs(at_end.gradient).max() < 1e-9
    second = likelihood.full(at_end.curvature, x.shape[1])
    assert np.allclose(fit.information, second, rtol=1e-4)


def test_terms_that_follow_from_those_before_them_are_left_out_and_the_others_are_as_without_them() -> None:
    x, y = rows(2)
    more = np.hstack([x[:, :2], x[:, :2] @ [[0.5], [2.0]], np.zeros((len(y), 1)), x[:, 2:]])
    fit, plain = fitted(more, y), fitted(x, y)
    assert fit.kept.tolist() == [True, True, False, False, True, True]
    assert np.allclose(fit.next_weights[fit.kept], plain.next_weights, atol=1e-9)
    assert fit.loss == pytest.approx(plain.loss, rel=1e-12)


def test_a_step_that_lowers_the_likelihood_is_halved_until_none_does_any_good() -> None:
    fit = likelihood.advance(None, np.zeros(1), Sums(10, 5.0, np.array([1.0]), np.array([1.0])))
    worse = Sums(10, 6.0, np.array([1.0]), np.array([1.0]))
    seen = []
    while not fit.is_done:
        seen.append(float(fit.next_weights[0]))
        fit = likelihood.advance(fit, fit.next_weights, worse)
    assert seen[:3] == [-1.0, -0.5, -0.25]
    assert not fit.has_converged
    assert fit.next_weights.tolist() == [0.0]


def test_rows_that_the_terms_part_without_error_do_not_converge_to_large_estimates_in_silence() -> None:
    x, _ = rows(3)
    fit = fitted(x, (x[:, 1] > 0).astype(np.int8), steps=8)
    assert not fit.has_converged


def test_sums_that_no_rows_give_are_refused() -> None:
    with pytest.raises(ProtocolError, match="finite"):
        likelihood.advance(None, np.zeros(1), Sums(10, math.nan, np.array([1.0]), np.array([1.0])))
    with pytest.raises(ProtocolError, match="second derivatives"):
        likelihood.inverse(np.array([[-1.0]]))


def test_tails_and_intervals_are_those_of_the_tables() -> None:
    assert wald.normal(1.959963985) == pytest.approx(0.05, rel=1e-6)
    assert wald.normal(-10.0) == pytest.approx(1.523970605e-23, rel=1e-5)
    assert wald.student(2.228138852, 10) == pytest.approx(0.05, rel=1e-6)
    assert wald.chi_squared(3.841458821, 1) == pytest.approx(0.05, rel=1e-6)
    assert wald.chi_squared(18.30703805, 10) == pytest.approx(0.05, rel=1e-6)
    assert wald.quantile(0.95) == pytest.approx(1.959963985, rel=1e-8)
    assert wald.student_quantile(0.95, 10) == pytest.approx(2.228138852, rel=1e-8)


def test_errors_of_combinations_follow_from_the_covariance() -> None:
    rng = np.random.default_rng(4)
    half, weights = rng.normal(size=(5, 5)), rng.normal(size=(3, 5))
    errors, covariance = wald.combined(weights, half @ half.T)
    assert np.allclose(covariance, weights @ half @ half.T @ weights.T)
    assert np.allclose(errors**2, np.diagonal(covariance))
    assert np.allclose(likelihood.inverse(half @ half.T + np.eye(5)), np.linalg.inv(half @ half.T + np.eye(5)))


def test_a_matrix_is_eliminated_once_for_its_whole_inverse(monkeypatch: pytest.MonkeyPatch) -> None:
    half = np.random.default_rng(1).normal(0, 1, (60, 40))
    matrix, eliminate = half.T @ half, elimination._eliminate
    one_by_one = [elimination.solved(matrix, unit) for unit in np.eye(40)]
    eliminated: list[int] = []

    def counted(rest: F64, x: F64) -> int:
        eliminated.append(len(x))
        return eliminate(rest, x)

    monkeypatch.setattr(elimination, "_eliminate", counted)
    assert likelihood.inverse(matrix).tobytes() == np.stack(one_by_one).tobytes()
    assert eliminated == [40]


def test_exact_products_are_of_what_is_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    covariance, units = rng.normal(0, 1, (30, 30)), np.diag(rng.normal(0, 1, 30))
    units[0] = rng.normal(0, 1, 30)  # the intercept moves with every unit
    dense = [[math.fsum(row * covariance[:, j]) for j in range(30)] for row in units]
    expected = np.array([[math.fsum(row * other) for other in units] for row in np.array(dense)])
    added: list[int] = []

    def fsum(values: list[float]) -> float:
        added.append(len(values))
        return sum(values)

    monkeypatch.setattr(math, "fsum", fsum)
    wald.combined(units, covariance)
    assert sum(added) == 2 * 30 * (30 + 29)
    monkeypatch.undo()
    assert wald.combined(units, covariance)[1].tobytes() == expected.tobytes()
