"""Measured numbers and counts: the fits are those of pooled models in scikit-learn, the metrics its metrics."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.errors import DataError, ProtocolError
from cipherward.learning import linear_outputs, newton
from cipherward.learning.outcome_continuous import Continuous, ContinuousMetrics
from cipherward.learning.outcome_counts import CountedOutcome, CountMetrics
from cipherward.study import Data, Training

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

LOW, HIGH, MOST = 40.0, 260.0, 80.0


def measured(mean: float = 0.36, stddev: float = 0.08) -> Continuous:
    data = Data(source="files", outcome="y", outcome_type="continuous", outcome_minimum=LOW, outcome_maximum=HIGH)
    return Continuous(data).scaled((mean, stddev))


def counted(mean: float = 0.05) -> CountedOutcome:
    data = Data(source="files", outcome="y", outcome_type="counts", outcome_maximum=MOST)
    return CountedOutcome(data).scaled((mean, 0.01))


def rows(kind: str, n: int, d: int, seed: int) -> tuple[F32, F64]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, (n, d)).astype(np.float32)
    line = x.astype(np.float64) @ rng.normal(0.0, 0.4, d)
    if kind == "counts":
        return x, np.minimum(rng.poisson(np.exp(1.0 + line)), MOST).astype(np.float64)
    return x, np.clip(120.0 + 15.0 * line + rng.normal(0.0, 10.0, n), LOW, HIGH)


def fit(outcome: Continuous, x: F32, y: F64, most: int = 25) -> list[F32]:
    start = linear_outputs.zeros(x.shape[1], outcome.outputs).vector
    return list(newton.fitted(start, x, y, most, newton.default_ridge(len(y)), outcome.steps))


def predicted(outcome: Continuous, weights: F32, x: F32) -> F64:
    return outcome.scores(linear_outputs.zeros(x.shape[1], outcome.outputs).logits(weights, x))


def test_a_measured_number_is_fitted_in_one_step_as_by_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = rows("continuous", 2_000, 6, 1)
    outcome = measured()
    (found,) = fit(outcome, x, y)
    expected = sklearn.Ridge(alpha=1.0).fit(x.astype(np.float64), y)
    assert np.allclose(found[:-1] * outcome.stddev, expected.coef_, rtol=1e-4, atol=1e-4)
    assert outcome.mean + outcome.stddev * float(found[-1]) == pytest.approx(expected.intercept_, rel=1e-5)


def test_counts_are_fitted_as_by_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = rows("counts", 3_000, 5, 2)
    outcome = counted(float(y.mean()) / MOST)
    found = fit(outcome, x, y)
    assert len(found) <= 8
    alpha = outcome.base / len(y)  # losses here are in parts of the unit
    expected = sklearn.PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=1_000).fit(x.astype(np.float64), y)
    assert np.allclose(found[-1][:-1], expected.coef_, atol=1e-4)
    assert math.log(outcome.base) + float(found[-1][-1]) == pytest.approx(expected.intercept_, abs=1e-4)


@pytest.mark.parametrize("kind", ["continuous", "counts"])
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_a_steps_sums_are_the_derivatives_of_the_loss_and_no_row_exceeds_its_room(kind: str, seed: int) -> None:
    outcome = counted() if kind == "counts" else measured()
    x, y = rows(kind, 40, 3, seed)
    model = linear_outputs.zeros(3, outcome.outputs)
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.0, 0.3, 4).astype(np.float32)

    def slope(at: F32) -> F64:
        return linear_outputs.gradient(outcome.outputs, outcome.slopes(model.logits(at, x), y), x)

    sums = outcome.steps.sums_at(weights, x, y)
    gradient, matrix = outcome.steps.full(sums.gradient, sums.curvature, 3)
    assert np.allclose(gradient, slope(weights), rtol=1e-4, atol=1e-3)
    along, step = rng.normal(0.0, 1.0, 4), 2.0**-7
    up, down = ((weights + sign * step * along).astype(np.float32) for sign in (1, -1))
    if isinstance(outcome, CountedOutcome):  # where the loss goes on as a line, steps keep the curvature of its end
        assume(max(model.logits(at, x).max() for at in (up, down)) < outcome.most)
    numeric = (slope(up) - slope(down)) / (2 * step)
    assert np.allclose(matrix @ along, numeric, atol=2e-2 * (1.0 + np.abs(numeric).max()))
    wild = rng.normal(0.0, 30.0, 4).astype(np.float32)
    first, second = outcome.steps.reach(np.abs(x).max(axis=0).astype(np.float64))
    one = outcome.steps.sums_at(wild, x[:1], y[:1])
    assert (np.abs(one.gradient) <= first * (1 + 1e-12)).all()
    assert (np.abs(one.curvature) <= second * (1 + 1e-12)).all()
    assert 0.0 <= one.loss <= outcome.steps.most_loss


@pytest.mark.parametrize("kind", ["continuous", "counts"])
def test_slopes_are_those_of_the_loss_and_of_torch(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    outcome = counted() if kind == "counts" else measured()
    _, y = rows(kind, 60, 2, 3)
    outputs = np.random.default_rng(3).normal(0.0, 2.0, 60)
    given = torch.tensor(outputs, requires_grad=True)
    torch.autograd.backward(outcome.torch_loss(given, torch.tensor(outcome.targets(y)).double(), "sum"))
    assert np.allclose(outcome.slopes(outputs, y), given.grad.numpy(), atol=1e-4)
    moved = (outcome.losses(outputs + 1e-5, y) - outcome.losses(outputs - 1e-5, y)) / 2e-5
    assert np.allclose(outcome.slopes(outputs, y), moved, rtol=1e-4, atol=1e-4)


def test_metrics_of_numbers_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    x, y = rows("continuous", 1_500, 4, 4)
    outcome = measured()
    scores = predicted(outcome, fit(outcome, x, y)[-1], x)
    found = outcome.exact(scores, y)
    assert isinstance(found, ContinuousMetrics)
    assert found.r2 == pytest.approx(metrics.r2_score(y, scores))
    assert found.mse == pytest.approx(metrics.mean_squared_error(y, scores))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(y, scores))
    slope, intercept = np.polyfit(scores, y, 1)
    assert found.slope == pytest.approx(slope)
    assert found.intercept == pytest.approx(intercept, abs=1e-6)


def test_metrics_of_counts_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    x, y = rows("counts", 1_500, 4, 5)
    outcome = counted(float(y.mean()) / MOST)
    scores = predicted(outcome, fit(outcome, x, y)[-1], x)
    found = outcome.exact(scores, y)
    assert isinstance(found, CountMetrics)
    assert found.deviance == pytest.approx(metrics.mean_poisson_deviance(y, scores))
    assert found.d2 == pytest.approx(metrics.d2_tweedie_score(y, scores, power=1))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(y, scores))


@pytest.mark.parametrize("kind", ["continuous", "counts"])
def test_summed_counts_of_hospitals_give_the_metrics_of_all_rows(kind: str) -> None:
    x, y = rows(kind, 1_200, 4, 6)
    outcome = counted(float(y.mean()) / MOST) if kind == "counts" else measured()
    scores = predicted(outcome, fit(outcome, x, y)[-1], x)
    each = [outcome.local_counts(scores[part], y[part], 2_048, 1, 0) for part in np.array_split(np.arange(1_200), 4)]
    total = {name: np.sum([one[name] for one in each], axis=0) for name in each[0]}
    assert [(one.name, one.size) for one in outcome.counted(2_048)] == [(name, len(v)) for name, v in total.items()]
    assert all(int(total[one.name].max()) < 2**one.bits for one in outcome.counted(2_048))
    found, exact = outcome.from_counts(total), outcome.exact(scores, y)
    assert found.headline == pytest.approx(exact.headline, abs=1e-5)
    assert found.mae == pytest.approx(exact.mae, abs=1e-4)
    assert exact.slope is not None
    assert found.slope == pytest.approx(exact.slope, abs=2e-3)
    assert all(abs(row.n - 120) <= 12 for row in found.calibration)
    assert sum(row.n for row in found.calibration) == 1_200


def test_no_bin_holds_few_rows_of_a_hospital() -> None:
    x, y = rows("continuous", 300, 3, 7)
    outcome = measured()
    scores = predicted(outcome, fit(outcome, x, y)[-1], x)
    found = outcome.local_counts(scores, y, 2_048, 10, 10)["test/rows"]
    assert found[found > 0].min() >= 10
    few = outcome.local_counts(scores[:9], y[:9], 2_048, 10, 10)
    assert not any(part.any() for part in few.values())


@pytest.mark.parametrize("kind", ["continuous", "counts"])
def test_what_no_rows_give_is_refused(kind: str) -> None:
    x, y = rows(kind, 200, 2, 8)
    outcome = counted() if kind == "counts" else measured()
    scores = predicted(outcome, np.zeros(3, np.float32), x)
    honest = outcome.local_counts(scores, y, 64, 1, 0)
    assert outcome.from_counts(honest).slope is None  # one prediction for all
    for name, change in (("test/rows", -1), ("test/outcomes", 2**50), ("test/errors", 2**50)):
        with pytest.raises(ProtocolError):
            outcome.from_counts(honest | {name: honest[name] + change})
    with pytest.raises(DataError, match="the same"):
        outcome.exact(scores, np.full(200, 50.0))
    with pytest.raises(DataError, match="no rows"):
        outcome.exact(scores[:0], y[:0])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.array([1.5]), "whole"),
        (np.array([MOST + 1]), "outside"),
        (np.array([-1.0]), "outside"),
        (np.array([np.nan]), "finite"),
    ],
)
def test_labels_that_are_no_counts_in_the_range_cannot_be_trained_on(labels: F64, said: str) -> None:
    assert said in counted().check(labels)
    assert not counted().check(np.array([0.0, 3.0, MOST]))


def test_noise_on_a_small_mean_leaves_a_unit_in_which_counts_can_be_learned() -> None:
    x, y = rows("counts", 400, 2, 10)
    data = Data(source="files", outcome="y", outcome_type="counts", outcome_maximum=MOST)
    outcome = CountedOutcome(data).scaled((1e-5, 0.15))
    assert outcome.base == pytest.approx(0.15 * MOST)
    weights = linear_outputs.train(
        linear_outputs.zeros(2, outcome.outputs),
        np.zeros(3, np.float32),
        x,
        y,
        Training(local_epochs=40, batch_size=16),
        1,
        outcome,
    )
    best = outcome.exact(predicted(outcome, fit(outcome, x, y)[-1], x), y).headline
    assert outcome.exact(predicted(outcome, weights, x), y).headline == pytest.approx(best, abs=0.02)


def test_metrics_come_back_from_a_result() -> None:
    for kind in ("continuous", "counts"):
        outcome: Any = counted() if kind == "counts" else measured()
        x, y = rows(kind, 200, 2, 9)
        found = outcome.exact(predicted(outcome, fit(outcome, x, y)[-1], x), y)
        assert outcome.read(json.loads(json.dumps(dataclasses.asdict(found)))) == found
        with pytest.raises(ValueError, match="no metrics"):
            outcome.read({"n": 3})
