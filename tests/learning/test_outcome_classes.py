"""Several classes, and grades in order: the fits are those of pooled models in scikit-learn, the metrics its metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import class_metrics, linear_outputs, newton
from cipherward.learning.outcome_multiclass import Multiclass, softmax
from cipherward.learning.outcome_ordinal import Ordinal
from cipherward.study import Data

NAMES = ("mild", "moderate", "severe", "worst")
CLASSES = Multiclass(Data(source="files", outcome="y", outcome_type="multiclass", classes=NAMES))
GRADES = Ordinal(Data(source="files", outcome="y", outcome_type="ordinal", classes=NAMES))
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I8 = NDArray[np.int8]


def rows(n: int, d: int, seed: int) -> tuple[F32, I8]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, (n, d)).astype(np.float32)
    chance = softmax(x.astype(np.float64) @ rng.normal(0.0, 1.0, (d, 4)) + rng.normal(0.0, 0.5, 4))
    return x, (rng.random(n)[:, None] > np.cumsum(chance, axis=1)[:, :-1]).sum(axis=1).astype(np.int8)


def graded(n: int, d: int, seed: int) -> tuple[F32, I8]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, (n, d)).astype(np.float32)
    latent = x.astype(np.float64) @ rng.normal(0.0, 1.0, d) + rng.logistic(size=n)
    return x, (latent[:, None] > np.array([-1.0, 0.3, 1.8])).sum(axis=1).astype(np.int8)


def fit(outcome: Multiclass, x: F32, y: I8) -> F32:
    start = linear_outputs.zeros(x.shape[1], outcome.outputs).vector
    *_, last = newton.fitted(start, x, y, 25, newton.default_ridge(len(y)), outcome.steps)
    return last


def test_several_classes_are_fitted_as_by_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = rows(3_000, 5, 1)
    expected = sklearn.LogisticRegression(C=1.0, tol=1e-10, max_iter=2_000).fit(x.astype(np.float64), y)
    found = fit(CLASSES, x, y)
    assert np.allclose(found[:-4].reshape(4, 5), expected.coef_, atol=1e-4)
    assert np.allclose(found[-4:] - found[-4:].mean(), expected.intercept_ - expected.intercept_.mean(), atol=1e-4)


def test_grades_are_fitted_as_stacked_logistic_regressions_by_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = graded(3_000, 5, 2)
    far = 1e3  # so large an input makes the ridge on a threshold's weight nothing
    stacked = np.vstack([np.hstack([x, np.tile(far * np.eye(3)[k], (len(y), 1))]) for k in range(3)])
    above = np.concatenate([(y > k).astype(int) for k in range(3)])
    model = sklearn.LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000, fit_intercept=False, solver="newton-cholesky")
    expected = model.fit(stacked, above).coef_[0]
    found = fit(GRADES, x, y)
    assert np.allclose(found[:5], expected[:5], atol=1e-4)
    assert np.allclose(found[5:], expected[5:] * far, atol=1e-4)
    assert (np.diff(found[5:]) < 0).all()


@pytest.mark.parametrize("outcome", [CLASSES, GRADES], ids=["classes", "grades"])
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_a_steps_sums_are_the_derivatives_of_the_loss(outcome: Multiclass, seed: int) -> None:
    x, y = rows(60, 3, seed)
    model = linear_outputs.zeros(3, outcome.outputs)
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.0, 0.5, len(model.vector)).astype(np.float32)

    def slope(at: F32) -> F64:
        return linear_outputs.gradient(outcome.outputs, outcome.slopes(model.logits(at, x), y), x)

    sums = outcome.steps.sums_at(weights, x, y)
    gradient, matrix = outcome.steps.full(sums.gradient, sums.curvature, 3)
    assert np.allclose(gradient, slope(weights), atol=1e-4)
    along = rng.normal(0.0, 1.0, len(weights))
    if not outcome.outputs.is_shared:
        along[-4:] -= along[-4:].mean()  # all biases alike: no direction of the loss
    step = 2.0**-6
    up, down = ((weights + sign * step * along).astype(np.float32) for sign in (1, -1))
    numeric = (slope(up) - slope(down)) / (2 * step)
    assert np.allclose(matrix @ along, numeric, atol=2e-2 * (1.0 + np.abs(numeric).max()))
    first, second = outcome.steps.reach(np.abs(x).max(axis=0).astype(np.float64))
    one = outcome.steps.sums_at(weights, x[:1], y[:1])
    assert (np.abs(one.gradient) <= first + 1e-12).all()
    assert (np.abs(one.curvature) <= second + 1e-12).all()
    assert (len(one.gradient), len(one.curvature)) == outcome.steps.sizes(3)


@pytest.mark.parametrize("outcome", [CLASSES, GRADES], ids=["classes", "grades"])
def test_slopes_are_those_of_the_loss_and_of_torch(outcome: Multiclass) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(3)
    outputs, labels = rng.normal(0.0, 2.0, (50, outcome.outputs.size)), rng.integers(0, 4, 50).astype(np.int8)
    given = torch.tensor(outputs, requires_grad=True)
    loss = outcome.torch_loss(given, torch.tensor(outcome.targets(labels)), "sum")
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(outcome.losses(outputs, labels).sum())
    assert np.allclose(outcome.slopes(outputs, labels), given.grad.numpy(), atol=1e-9)


def test_thresholds_out_of_order_still_give_probabilities() -> None:
    found = GRADES.scores(np.array([[0.0, 2.0, -1.0], [3.0, 2.0, 1.0]]))
    assert (found >= 0.0).all()
    assert np.allclose(found.sum(axis=1), 1.0)
    assert GRADES.chosen(found).tolist() == [0, 3]


def test_metrics_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    x, y = graded(2_000, 4, 4)
    weights = fit(GRADES, x, y)
    scores = GRADES.scores(linear_outputs.zeros(4, GRADES.outputs).logits(weights, x))
    found, chosen = GRADES.exact(scores, y), GRADES.chosen(scores)
    assert found.kappa == pytest.approx(metrics.cohen_kappa_score(y, chosen, weights="quadratic"))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(y, chosen))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, chosen))
    assert found.log_loss == pytest.approx(metrics.log_loss(y, scores))
    assert found.macro_auroc == pytest.approx(metrics.roc_auc_score(y, scores, multi_class="ovr", average="macro"))
    assert np.array(found.confusion)[:, :4].tolist() == metrics.confusion_matrix(y, chosen).tolist()


@pytest.mark.parametrize("outcome", [CLASSES, GRADES], ids=["classes", "grades"])
def test_summed_counts_of_hospitals_give_the_metrics_of_all_rows(outcome: Multiclass) -> None:
    x, y = rows(1_500, 4, 5)
    weights = fit(outcome, x, y)
    scores = outcome.scores(linear_outputs.zeros(4, outcome.outputs).logits(weights, x))
    each = [outcome.local_counts(scores[part], y[part], 4_096, 1, 0) for part in np.array_split(np.arange(1_500), 4)]
    total = {name: np.sum([one[name] for one in each], axis=0) for name in each[0]}
    assert [(one.name, one.size) for one in outcome.counted(4_096)] == [(name, len(v)) for name, v in total.items()]
    found, exact = outcome.from_counts(total), outcome.exact(scores, y)
    assert found.headline == pytest.approx(exact.headline, abs=2e-3)
    assert (found.accuracy, found.confusion) == (exact.accuracy, exact.confusion)
    assert found.log_loss == pytest.approx(exact.log_loss, abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 300), st.sampled_from([2, 5, 10]))
def test_no_cell_of_a_hospitals_confusion_matrix_and_nothing_left_beside_it_is_small(
    seed: int, n: int, least: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, n, p=[0.6, 0.3, 0.08, 0.02])
    predicted = np.where(rng.random(n) < 0.7, labels, rng.integers(0, 4, n)).astype(np.int64)
    table = class_metrics._confusion(labels, predicted, 4, least)
    assert table.sum(axis=1).tolist() == np.bincount(labels, minlength=4).tolist()
    told, rest = table[:, :4], table[:, 4]
    assert not ((told > 0) & (told < least)).any()
    own = table.sum(axis=1)
    assert ((rest == 0) | (rest >= least) | (rest == own)).all()


def test_counts_that_no_predictions_give_are_refused() -> None:
    x, y = rows(300, 2, 6)
    scores = CLASSES.scores(x[:, [0, 1, 0, 1]].astype(np.float64))
    honest = CLASSES.local_counts(scores, y, 64, 1, 0)
    CLASSES.from_counts(honest)
    for name, change in (
        ("test/sums", 10_000),
        ("test/0/negative", 1),
        ("test/confusion", -1),
        ("test/log_loss", -(10**9)),
    ):
        with pytest.raises(ProtocolError):
            CLASSES.from_counts(honest | {name: honest[name] + change})


def test_metrics_come_back_from_a_result() -> None:
    import dataclasses
    import json

    x, y = rows(300, 2, 7)
    for outcome in (CLASSES, GRADES):
        found = outcome.exact(outcome.scores(x[:, [0, 1, 0, 1][: outcome.outputs.size]].astype(np.float64)), y)
        assert outcome.read(json.loads(json.dumps(dataclasses.asdict(found)))) == found
    with pytest.raises(ValueError, match="no metrics"):
        GRADES.read({"n": 3})
