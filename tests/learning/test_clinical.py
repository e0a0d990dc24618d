"""Thresholds and calibration from counts are what the rows themselves give."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.learning import clinical, metrics
from cipherward.learning.intervals import auroc_interval

F64 = NDArray[np.float64]


def rows(seed: int, n: int = 4000) -> tuple[F64, NDArray[np.int64]]:
    """Scores that are too extreme: the outcome follows half of their logit, less 0.3."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1.0, 1.5, n)
    labels = rng.random(n) < 1.0 / (1.0 + np.exp(-(0.5 * logit - 0.3)))
    return 1.0 / (1.0 + np.exp(-logit)), labels.astype(np.int64)


def measured(scores: F64, labels: NDArray[np.int64], bins: int = 2048) -> metrics.Metrics:
    return metrics.from_counts(metrics.local_counts(scores, labels, bins))


def test_thresholds_are_those_of_the_rows() -> None:
    scores, labels = rows(1)
    found = measured(scores, labels, 65_536)
    assert found.auroc_interval == auroc_interval(found.auroc, int(labels.sum()), int((1 - labels).sum()))
    assert len(found.decisions) >= 15
    for each in found.decisions:
        over = scores >= each.threshold
        odds = each.threshold / (1 - each.threshold)
        hits, alarms = int((over & (labels == 1)).sum()), int((over & (labels == 0)).sum())
        assert abs(each.above - hits - alarms) <= 2  # a row in the bin of the threshold
        assert each.sensitivity == pytest.approx(hits / labels.sum(), abs=2e-3)
        assert each.specificity == pytest.approx(1 - alarms / (1 - labels).sum(), abs=2e-3)
        assert each.positive_predictive_value == pytest.approx(hits / (hits + alarms), abs=0.02)
        assert each.net_benefit == pytest.approx((hits - alarms * odds) / len(labels), abs=0.02)
        rate = labels.mean()
        assert each.net_benefit_of_all == pytest.approx(rate - (1 - rate) * odds)


def test_nothing_is_said_of_a_threshold_with_few_rows_on_one_side() -> None:
    scores, labels = rows(2, 300)
    for each in measured(scores, labels).decisions:
        assert 10 <= each.above <= 290
    assert measured(np.full(40, 0.3), np.arange(40) % 2).decisions == ()


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_line_finds_risks_that_are_too_extreme(seed: int) -> None:
    scores, labels = rows(seed, 20_000)
    line = measured(scores, labels).calibration_line
    assert line is not None
    assert abs(line.slope - 0.5) < 4 * line.slope_error
    assert abs(line.intercept + 0.3) < 4 * line.intercept_error
    assert line.slope_error == pytest.approx(0.0125, rel=0.2)


def test_the_line_is_where_its_equations_hold() -> None:
    scores, labels = rows(5)
    line = measured(scores, labels, 65_536).calibration_line
    assert line is not None
    logit = np.log(scores) - np.log1p(-scores)
    chance = 1.0 / (1.0 + np.exp(-(line.intercept + line.slope * logit)))
    assert abs((labels - chance).mean()) < 1e-4
    assert abs(((labels - chance) * logit).mean()) < 2e-3
    large = 1.0 / (1.0 + np.exp(-(line.in_the_large + logit)))
    assert abs((labels - large).mean()) < 1e-3


def test_there_is_no_line_where_nothing_varies_or_the_outcomes_are_parted() -> None:
    half = np.arange(40) % 2
    assert measured(np.full(40, 0.3), half).calibration_line is None
    assert clinical.calibration_line(np.array([0.2, 0.8]), np.array([20, 0]), np.array([0, 20])) is None
