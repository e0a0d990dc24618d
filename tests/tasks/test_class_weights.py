"""Rows that count by their outcome: the fits are scikit-learn's weighted ones, wherever and however they are made."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests import simulator
from tests.learning.test_outcome_classes import CLASSES, GRADES, rows

from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, StudyError
from cipherward.learning import class_weights, linear, linear_outputs, models, newton, sgd
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.outcomes import model_words
from cipherward.runs.prediction import predict_rows
from cipherward.runs.verify import verify_sums
from cipherward.study import Model, Training
from cipherward.tasks import yardsticks
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.rows import TRAIN

RARE = {"class_weights": "balanced"}
THREE = {
    "outcome": "outcome",
    "outcome_type": "multiclass",
    "classes": ["0", "1", "2"],
}


def binary(n: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, (n, 3)).astype(np.float32)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-(x @ np.array([1.0, -1.0, 0.5]) - 2.5)))).astype(np.int8)
    return x, y


def fitted(outcome: Outcome, x: Any, y: Any) -> Any:
    outputs = outcome.outputs
    start = linear_outputs.zeros(x.shape[1], outputs).vector
    steps = [*newton.fitted(start, x, y, 30, newton.default_ridge(len(y)), outcome.steps)]
    assert len(steps) <= 10  # a study's default; Fisher scoring needs a few more than Newton's five
    return steps[-1]


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    utils = pytest.importorskip("sklearn.utils.class_weight", reason="scikit-learn is not installed")
    y = np.repeat([0, 1, 2], [700, 60, 9])
    expected = utils.compute_class_weight("balanced", classes=np.arange(3), y=y)
    assert class_weights.balanced((700, 60, 9)) == pytest.approx(expected, rel=1e-12)


def test_the_largest_weight_is_that_of_a_row_and_at_least_one() -> None:
    assert BINARY.weighed((0.5, 7.0)).largest_weight == 7.0
    assert BINARY.weighed((0.5, 0.25)).largest_weight == BINARY.largest_weight == 1.0


def test_no_class_counts_for_more_than_a_bound_whatever_noise_makes_of_its_count() -> None:
    assert class_weights.balanced((10_000, -4))[1] == class_weights.MOST


def test_a_weighted_fit_of_a_binary_outcome_is_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = binary(3_000, 1)
    weights = class_weights.balanced(np.bincount(y).tolist())
    found = fitted(BINARY.weighed(weights), x, y)
    expected = sklearn.LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=2_000).fit(
        x.astype(np.float64), y
    )
    assert np.allclose(found, [*expected.coef_[0], *expected.intercept_], atol=5e-4)
    assert not np.allclose(found, fitted(BINARY, x, y), atol=0.1)


def test_a_weighted_fit_of_several_classes_is_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    x, y = rows(3_000, 5, 1)
    weights = (0.5, 1.0, 4.0, 2.0)
    found = fitted(CLASSES.weighed(weights), x, y)
    model = sklearn.LogisticRegression(tol=1e-10, max_iter=2_000, class_weight=dict(enumerate(weights)))
    expected = model.fit(x.astype(np.float64), y)
    assert np.allclose(found[:-4].reshape(4, 5), expected.coef_, atol=5e-4)


def test_second_derivatives_of_weighted_rows_do_not_depend_on_their_outcomes() -> None:
    """Otherwise the first step would tell counts of patients by two categories and the outcome."""
    x, y = rows(300, 3, 4)
    for outcome in (BINARY, CLASSES, GRADES):
        k = len(outcome.classes)
        steps = outcome.weighed((0.5, 3.0, 1.5, 7.0)[:k]).steps
        weights = np.linspace(-1.0, 1.0, len(linear_outputs.zeros(3, outcome.outputs).vector), dtype=np.float32)
        one, other = (steps.sums_at(weights, x, labels % k) for labels in (y, y[::-1]))
        assert np.array_equal(one.curvature, other.curvature)
        assert not np.allclose(one.gradient, other.gradient)


@pytest.mark.parametrize("outcome", [BINARY, CLASSES, GRADES], ids=["binary", "classes", "grades"])
def test_a_weighted_fit_ends_where_the_weighted_loss_has_no_slope(outcome: Outcome) -> None:
    x, y = rows(900, 3, 6)
    weighed = outcome.weighed((0.5, 3.0, 1.5, 7.0)[: len(outcome.classes)])
    labels = y % len(outcome.classes)
    found = fitted(weighed, x, labels)
    module = linear_outputs.zeros(3, outcome.outputs)
    slope = linear_outputs.gradient(module.outputs, weighed.slopes(module.logits(found, x), labels), x) / len(y)
    pulled = np.append(found[: -module.outputs.size], np.zeros(module.outputs.size)) / len(y)
    assert np.abs(slope + pulled).max() < 2e-4


@pytest.mark.parametrize("outcome", [BINARY, CLASSES, GRADES], ids=["binary", "classes", "grades"])
def test_the_loss_is_the_same_in_numpy_and_torch_and_its_slope_is_its_derivative(outcome: Outcome) -> None:
    import torch

    weighed = outcome.weighed((0.5, 3.0, 1.5, 7.0)[: len(outcome.classes)])
    rng = np.random.default_rng(2)
    size = outcome.outputs.size
    outputs = rng.normal(0.0, 1.0, (40, size))[:, 0 if size == 1 else slice(None)]
    labels = rng.integers(0, len(outcome.classes), 40)
    given = torch.tensor(outputs, requires_grad=True)
    targets = torch.from_numpy(weighed.targets(labels)).to(torch.float64)
    total = weighed.torch_loss(given, targets, "sum")
    expected = float(weighed.losses(outputs, labels).sum())
    assert total.item() == pytest.approx(expected, rel=1e-9)
    assert weighed.torch_loss(given, targets, "mean").item() == pytest.approx(expected / 40, rel=1e-9)
    total.backward()  # type: ignore[no-untyped-call]
    assert given.grad is not None
    assert np.allclose(given.grad.numpy(), weighed.slopes(outputs, labels), atol=1e-9)
    if outcome is not GRADES:  # whose validation loss is that of a grade's own probability
        found = weighed.validation_loss(weighed.scores(outputs), labels) * weighed.largest_weight
        assert found == pytest.approx(expected, rel=1e-6)


def test_compiled_kernels_and_torch_take_the_same_weighted_steps() -> None:
    x, y = binary(400, 3)
    settings = Training(local_epochs=2, batch_size=16, learning_rate=0.1, momentum=0.5)
    weighed = BINARY.weighed((0.6, 4.0))
    compiled = models.build(Model(), 3, 0)
    from cipherward.learning import networks

    assert isinstance(compiled, linear.Linear)
    start = compiled.vector
    by_kernel = sgd.train(compiled, start, x, y, settings, seed=5, outcome=weighed)
    by_torch = sgd.train(networks.linear(compiled), start, x, y, settings, seed=5, outcome=weighed)
    assert np.allclose(by_kernel, by_torch, atol=1e-5)
    alike = sgd.train(compiled, start, x, y, settings, seed=5, outcome=BINARY.weighed((1.0, 1.0)))
    assert np.array_equal(alike, sgd.train(compiled, start, x, y, settings, seed=5))


def test_a_study_that_does_not_say_it_is_the_same_document() -> None:
    assert "class_weights" not in simulator.study(4).canonical()
    stated = simulator.study(4, training={"class_weights": [1.0, 5.0]})
    assert stated.training.class_weights == (1.0, 5.0)
    assert stated.digest() != simulator.study(4).digest()
    assert "rows count by their outcome (1, 5)" in model_words(stated)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"training": {"class_weights": [1.0]}}, "2 numbers are wanted, one for each of 'another value', '1'"),
        ({"data": THREE, "model": {"kind": "linear"}, "training": {"class_weights": [1.0, 2.0]}}, "3 numbers"),
        ({"task": "describe", "training": RARE}, "task 'describe' weighs no rows"),
        ({"task": "points", "model": {"kind": "points"}, "training": RARE}, "task 'points' weighs no rows"),
        (
            {
                "data": {"outcome_type": "counts", "outcome_maximum": 9.0},
                "model": {"kind": "linear"},
                "training": RARE,
            },
            "no classes to weigh",
        ),
    ],
)
def test_where_it_does_not_fit_it_is_refused_by_name(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=r"training\.class_weights") as refused:
        make_task(simulator.study(4, **sections))
    assert said in str(refused.value)


@pytest.mark.parametrize("value", ["heavy", [0.0, 1.0], [1.0, 1e6], []])
def test_a_weight_outside_its_bounds_is_refused(value: Any) -> None:
    with pytest.raises(StudyError, match="class_weights"):
        make_task(simulator.study(4, training={"class_weights": value}))


@pytest.mark.parametrize(
    "sections",
    [
        {"training": {"rounds": 10, "batch_size": 0, "learning_rate": 0.05, **RARE}},
        {"training": {"rounds": 3, **RARE}},
        {"training": {"rounds": 3, **RARE}, "model": {"kind": "mlp", "hidden": [4]}},
    ],
    ids=["newton", "sgd", "network"],
)
def test_a_whole_study_weighs_rows_alike_in_every_arm_and_says_what_its_scores_are_not(
    tmp_path: Path, sections: dict[str, Any]
) -> None:
    tables = tmp_path / "tables"
    simulator.write_tables(tables, 4, rows=300)
    for path in tables.iterdir():
        table = pl.read_csv(path)
        kept = (pl.col("outcome") == 0) | (pl.int_range(pl.len()) % 5 == 0)
        table.filter(kept).write_csv(path)
    from cipherward.simulation.simulate import run_study

    result = run_study(simulator.study(4, **sections), base=tables, out=tmp_path / "run", device="cpu")
    found = result.summary
    assert found["class_weights"][1] > 2.0 > found["class_weights"][0]
    assert any("no risk" in said for said in found["warnings"])
    assert all(line.holds for line in verify_sums(result.path))
    if "model" not in sections:
        assert found["auroc_federated_exact"] == pytest.approx(found["auroc_centralised"], abs=0.02)
    predicted = predict_rows(result.path, tables / "clinic-1.csv")
    share = pl.concat([pl.read_csv(path) for path in tables.iterdir()])["outcome"].to_numpy().mean()
    assert predicted.scores.mean() > 1.3 * share  # what the caution says
    assert "no risk" in predicted.caution


def test_several_classes_are_weighed_by_their_opened_counts(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path, 4, rows=200)
    for path in tables.iterdir():
        table = pl.read_csv(path)
        table = table.with_columns(
            outcome=pl.when(pl.int_range(pl.len()) % 9 == 0).then(2).otherwise(pl.col("outcome"))
        )
        table.write_csv(path)
    chosen = simulator.study(
        4, data=THREE, model={"kind": "linear"}, training={"rounds": 10, "batch_size": 0, "learning_rate": 0.05, **RARE}
    )
    hospitals = load_hospitals(chosen, None, tables)
    scaling, _ = yardsticks.prepare(chosen, hospitals, "cpu")
    assert isinstance(scaling, Preprocessor)
    labels = np.concatenate([each.outcome[each.split == TRAIN] for each in hospitals])
    counts = np.bincount(labels, minlength=3)
    assert scaling.class_rows == tuple(counts)
    assert Preprocessor.from_json(scaling.to_json()) == scaling
    assert yardsticks.outcome_at(chosen, scaling).class_weights == class_weights.balanced(counts.tolist())
    with pytest.raises(DataError, match="how many training rows each class has"):
        yardsticks.outcome_at(chosen, dataclasses.replace(scaling, class_rows=()))


@pytest.mark.parametrize(
    ("kind", "type_of_outcome"),
    [
        pytest.param({"kind": "linear"}, "multiclass", id="newton-classes"),
        pytest.param({"kind": "mlp", "hidden": [4]}, "ordinal", id="network-grades"),
        pytest.param({"kind": "linear"}, "ordinal", id="newton-grades", marks=pytest.mark.thorough),
        pytest.param({"kind": "mlp", "hidden": [4]}, "multiclass", id="network-classes"),
    ],
)
def test_a_whole_study_of_classes_or_grades_weighs_them_and_is_verified(
    tmp_path: Path, kind: dict[str, Any], type_of_outcome: str
) -> None:
    from cipherward.simulation.simulate import run_study

    tables = simulator.write_tables(tmp_path / "tables", 4, rows=200)
    for path in tables.iterdir():
        table = pl.read_csv(path)
        third = pl.when(pl.int_range(pl.len()) % 9 == 0).then(2).otherwise(pl.col("outcome"))
        table.with_columns(outcome=third).write_csv(path)
    training = {"rounds": 5, "batch_size": 0, "learning_rate": 0.05, **RARE}
    data = THREE | {"outcome_type": type_of_outcome}
    study = simulator.study(4, data=data, model=kind, training=training)
    result = run_study(study, base=tables, out=tmp_path / "run", device="cpu")
    found = result.summary["class_weights"]
    assert len(found) == 3
    assert found[2] > 2.0
    assert all(line.holds for line in verify_sums(result.path))
