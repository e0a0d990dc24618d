from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests import simulator

from cipherward.errors import DataError, ProtocolError
from cipherward.learning import metrics
from cipherward.learning.outcome_binary import BINARY
from cipherward.study import Study
from cipherward.tasks import measurement
from cipherward.tasks.lanes import Layout

Floats = NDArray[np.float64]
Drawn = tuple[Floats, NDArray[np.int8]]


def sigmoid(z: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(z, -700, 700)))
    return found


def calibrated(rng: np.random.Generator, logit: Floats, stretch: float = 1.0) -> Drawn:
    return sigmoid(stretch * logit), (rng.random(len(logit)) < sigmoid(logit)).astype(np.int8)


def separated(rng: np.random.Generator, n: int) -> Drawn:
    y = (rng.random(n) < 0.4).astype(np.int8)
    return sigmoid(np.where(y == 1, 5.0, -5.0) + rng.normal(0, 2, n)), y


SHAPES: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
    "readmission: between 0.05 and 0.3": lambda r, n: calibrated(r, r.normal(-2.1, 0.4, n)),
    "rare outcome": lambda r, n: calibrated(r, r.normal(-4.6, 1.0, n)),
    "skewed": lambda r, n: calibrated(r, -3.5 + r.exponential(0.8, n)),
    "well separated": separated,
    "overconfident": lambda r, n: calibrated(r, r.normal(-0.5, 1, n), stretch=20.0),
    "heavy tails": lambda r, n: calibrated(r, r.standard_cauchy(n), stretch=3.0),
    "underconfident": lambda r, n: calibrated(r, r.normal(0, 1, n), stretch=0.3),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_metrics_from_bins_are_those_of_the_scores(shape: str) -> None:
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    for seed in range(5):
        scores, labels = SHAPES[shape](np.random.default_rng(seed), 20_000)
        binned = metrics.from_counts(metrics.local_counts(scores, labels, 1_024))
        assert abs(binned.auroc - roc_auc_score(labels, scores)) < 1e-3
        assert abs(binned.auprc - average_precision_score(labels, scores)) < 2e-3
        assert binned.brier == pytest.approx(brier_score_loss(labels, scores), abs=2**-20)
        clipped = np.clip(scores, metrics.CLIP, 1 - metrics.CLIP)
        assert binned.log_loss == pytest.approx(log_loss(labels, clipped), abs=2**-20)
        assert (binned.n, binned.n_positive) == (20_000, int(labels.sum()))


@given(st.integers(0, 2**32), st.integers(2, 60), st.integers(2, 12))
def test_exact_metrics_agree_with_scikit_learn_with_and_without_ties(seed: int, n: int, n_distinct: int) -> None:
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    rng = np.random.default_rng(seed)
    scores = rng.choice(np.concatenate([[0.0, 1.0], rng.random(n_distinct)]), n)
    labels = rng.integers(0, 2, n)
    labels[:2] = 0, 1
    found = metrics.exact(scores, labels)
    assert found.auroc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert found.auprc == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert found.brier == pytest.approx(brier_score_loss(labels, scores), abs=1e-12)
    clipped = np.clip(scores, metrics.CLIP, 1 - metrics.CLIP)
    assert found.log_loss == pytest.approx(log_loss(labels, clipped, labels=[0, 1]), abs=1e-12)


@pytest.mark.parametrize("centre", [-4.0, -2.0, 0.0, 3.0])
@pytest.mark.parametrize("spread", [0.5, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("stretch", [0.3, 1.0, 3.0])
def test_binned_auroc_is_within_a_thousandth_for_any_centre_spread_and_confidence(
    centre: float, spread: float, stretch: float
) -> None:
    rng = np.random.default_rng(0)
    scores, labels = calibrated(rng, rng.normal(centre, spread, 10_000), stretch)
    with_bins = metrics.from_counts(metrics.local_counts(scores, labels, 1_024))
    assert abs(with_bins.auroc - metrics.exact(scores, labels).auroc) < 1e-3


@given(st.integers(0, 2**32), st.integers(2, 500), st.floats(-10, 10), st.floats(0, 30), st.integers(64, 300))
def test_binned_auroc_is_off_by_at_most_half_the_pairs_that_share_a_bin(
    seed: int, n: int, centre: float, spread: float, bins: int
) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = calibrated(rng, rng.normal(centre, spread, n))
    labels[:2] = 0, 1
    counts = metrics.local_counts(scores, labels, bins)
    found, exact = metrics.from_counts(counts), metrics.exact(scores, labels)
    sharing = int((counts["positive"] * counts["negative"]).sum()) / (found.n_positive * (n - found.n_positive))
    assert abs(found.auroc - exact.auroc) <= sharing / 2 + 1e-12


def measured(bits: int) -> Study:
    return simulator.study(3, evaluation={"bins": 64}, aggregation={"bits": bits})


@pytest.mark.parametrize("bits", [16, 24])
@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=20)
def test_hospitals_counts_summed_as_lanes_are_the_counts_of_the_pooled_rows(bits: int, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = SHAPES["skewed"](rng, 700)
    layout = Layout(measurement.segments(measured(bits), BINARY)[:-1], bits)
    hospital = rng.integers(0, n, len(labels))
    sums = np.zeros(layout.n_lanes, dtype=np.int64)
    for index in range(n):
        mine = hospital == index
        sums += layout.encode(metrics.local_counts(scores[mine], labels[mine], 64, prefix="test/"))
    pooled = metrics.local_counts(scores, labels, 64, prefix="test/")
    opened = layout.decode(sums, n)
    assert opened.keys() == pooled.keys()
    assert all(np.array_equal(opened[name], pooled[name]) for name in pooled)


def test_no_overflow_at_eight_million_rows_in_one_bin() -> None:
    for bits in (16, 24):
        layout = Layout(measurement.segments(measured(bits), BINARY)[:-1], bits)
        rows = 2**23
        counts = metrics.local_counts(np.full(1, 0.0), np.ones(1, np.int8), 64, prefix="test/")
        layout.decode(layout.encode({name: value * rows for name, value in counts.items()}).astype(np.int64), 1)


def test_scores_of_exactly_zero_and_one_fall_in_the_outer_bins() -> None:
    counts = metrics.local_counts(np.array([0.0, 1.0, 5e-324, 1 - 2**-53]), np.array([0, 1, 0, 1]), 64)
    assert counts["negative"][0] == 2
    assert counts["positive"][-1] == 2


def test_a_hospital_with_one_class_or_no_rows_still_contributes() -> None:
    none = metrics.local_counts(np.zeros(0), np.zeros(0, np.int8), 64)
    assert [int(value.sum()) for value in none.values()] == [0, 0, 0, 0]
    assert int(metrics.local_counts(np.full(3, 0.2), np.zeros(3, np.int8), 64)["positive"].sum()) == 0


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_class_over_all_hospitals_is_an_error_that_says_so(outcome: int) -> None:
    scores, labels = np.array([0.2, 0.4]), np.full(2, outcome)
    with pytest.raises(DataError, match=f"all 2 evaluation rows have the outcome {outcome}"):
        metrics.exact(scores, labels)
    with pytest.raises(DataError, match="need both classes"):
        metrics.from_counts(metrics.local_counts(scores, labels, 64))
    with pytest.raises(DataError, match="no rows"):
        metrics.exact(scores[:0], labels[:0])


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([0.5, math.nan], [0, 1]), ([0.5, 1.5], [0, 1]), ([-0.1, 0.5], [0, 1]), ([0.5, 0.5], [0, 2]), ([0.5], [0, 1])],
)
def test_scores_and_labels_that_are_none_are_refused(scores: list[float], labels: list[int]) -> None:
    with pytest.raises(DataError):
        metrics.local_counts(np.array(scores), np.array(labels), 64)


@pytest.mark.parametrize("name", ["negative", "positive", "brier", "log_loss"])
def test_counts_that_no_scores_give_are_refused(name: str) -> None:
    honest = metrics.local_counts(np.array([0.2, 0.4, 0.9]), np.array([0, 1, 1]), 64)
    metrics.from_counts(honest)
    with pytest.raises(ProtocolError):
        metrics.from_counts(honest | {name: honest[name] - 2**40})
    with pytest.raises(ProtocolError):
        metrics.from_counts(honest | {name: honest[name] + 2**40})


def test_metrics_in_brief_are_all_but_the_curves() -> None:
    rng = np.random.default_rng(5)
    counts = BINARY.local_counts(*calibrated(rng, rng.normal(-1.0, 1.0, 400)), 256, 1, 0)
    whole, brief = BINARY.from_counts(counts), BINARY.in_brief(counts)
    assert whole.calibration_line
    assert whole.decisions
    assert len(whole.roc) > 2
    assert brief == whole.without_curves()
    assert (brief.auroc, brief.roc, brief.decisions, brief.calibration_line) == (whole.auroc, (), (), None)


def test_a_calibrated_model_has_observed_rates_near_its_predictions_in_every_tenth() -> None:
    scores, labels = SHAPES["readmission: between 0.05 and 0.3"](np.random.default_rng(0), 100_000)
    for found in (metrics.exact(scores, labels), metrics.from_counts(metrics.local_counts(scores, labels, 1_024))):
        assert len(found.calibration) == 10
        assert sum(row.n for row in found.calibration) == 100_000
        for row in found.calibration:
            assert 8_000 < row.n < 12_000
            assert abs(row.mean_predicted - row.observed_rate) < 4 * math.sqrt(0.15 / row.n)


def test_binned_and_exact_calibration_predict_the_same_risk() -> None:
    scores, labels = SHAPES["skewed"](np.random.default_rng(1), 50_000)
    binned = metrics.from_counts(metrics.local_counts(scores, labels, 1_024)).calibration
    for ours, theirs in zip(binned, metrics.exact(scores, labels).calibration, strict=True):
        assert ours.mean_predicted == pytest.approx(theirs.mean_predicted, rel=0.05)


@pytest.mark.parametrize("n", [5, 20_000])
def test_the_roc_rises_from_corner_to_corner_and_has_the_area_of_auroc(n: int) -> None:
    rng = np.random.default_rng(3)
    scores, labels = calibrated(rng, np.append(rng.normal(0, 1, n), [-50.0, 50.0]))
    for found in (metrics.exact(scores, labels), metrics.from_counts(metrics.local_counts(scores, labels, 4_096))):
        curve = np.array(found.roc)
        assert found.roc[0] == (0.0, 0.0)
        assert found.roc[-1] == (1.0, 1.0)
        assert len(curve) <= 1_025
        assert (np.diff(curve, axis=0) >= 0).all()
        assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(found.auroc, abs=2e-3)
