"""Figures of subgroups from histograms are those of their rows, and prediction sets hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cipherward.learning import clinical, intervals, metrics, worth

BINS = 2048


def cohort(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = 1.0 / (1.0 + np.exp(-rng.normal(-1.0, 1.3, n)))
    return chance, (rng.random(n) < chance).astype(np.int8)


def test_the_figures_of_some_rows_are_those_of_their_scores() -> None:
    scores, labels = cohort(4000, 1)
    found = worth.facts(worth.counted(scores, labels, BINS), threshold=0.3)
    exact = metrics.exact(scores, labels)
    assert found["rows"] == 4000
    assert found["positive"] == int(labels.sum())
    assert found["auroc"] == pytest.approx(exact.auroc, abs=1e-3)
    assert found["brier"] == pytest.approx(exact.brier, abs=1e-6)
    assert found["slope"] == pytest.approx(1.0, abs=3 * found["slope_error"])
    over = scores >= 0.3
    assert found["sensitivity"] == pytest.approx(float(over[labels == 1].mean()), abs=0.01)
    assert found["specificity"] == pytest.approx(float((~over)[labels == 0].mean()), abs=0.01)
    hits, alarms = float((over & (labels == 1)).mean()), float((over & (labels == 0)).mean())
    assert found["net_benefit"] == pytest.approx(hits - alarms * 0.3 / 0.7, abs=0.005)


def test_of_few_rows_nothing_but_their_number_is_said() -> None:
    scores, labels = cohort(40, 2)
    labels[:] = 0
    labels[:9] = 1
    assert worth.facts(worth.counted(scores, labels, BINS), 0.3, 0.5) == {"rows": 40}


@pytest.mark.parametrize("coverage", [0.6, 0.8, 0.9])
def test_prediction_sets_hold_the_outcome_as_often_as_they_promise(coverage: float) -> None:
    """Over many draws of validation rows: the bound that one of them gives may be off, their mean is not."""
    held, test = [], worth.counted(*cohort(20_000, 0), BINS)
    for seed in range(1, 60):
        validation = worth.counted(*cohort(300, seed), BINS)
        bound = worth.strangeness(validation.negative, validation.positive, coverage)
        held.append(worth.facts(test, bound=bound)["coverage"])
    assert np.mean(held) == pytest.approx(coverage, abs=0.012)


def test_a_bound_is_the_quantile_of_the_strangest_outcomes() -> None:
    scores, labels = cohort(500, 3)
    counts = worth.counted(scores, labels, BINS)
    own = np.sort(np.where(labels == 1, 1.0 - scores, scores))
    assert worth.strangeness(counts.negative, counts.positive, 0.9) == pytest.approx(
        own[math.ceil(501 * 0.9) - 1], abs=0.01
    )
    few = worth.counted(scores[:5], labels[:5], BINS)
    assert worth.strangeness(few.negative, few.positive, 0.9) == math.inf
    risk = worth.risks(BINS)
    assert all(bool(every.all()) for every in worth.sets_of(risk, math.inf))


def test_a_group_that_is_served_worse_is_told_from_one_that_is_not() -> None:
    scores, labels = cohort(6000, 4)
    everybody = worth.facts(worth.counted(scores, labels, BINS), 0.3, 0.5)
    assert worth.worse(everybody, everybody) == []
    rng = np.random.default_rng(5)
    blind = worth.facts(worth.counted(rng.permutation(scores), labels, BINS), 0.3, 0.5)
    assert "tells outcomes apart less well" in worth.worse(blind, everybody)
    assert "misses more outcomes" in worth.worse(blind, everybody)
    low = 1.0 / (1.0 + np.exp(-(np.log(scores / (1.0 - scores)) - 1.0)))
    assert "risks too low" in worth.worse(worth.facts(worth.counted(low, labels, BINS), 0.3, 0.5), everybody)


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    low, high = intervals.wilson_interval(15, 148)  # Newcombe 1998, Statistics in Medicine 17:857-872, table I
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605)
    assert intervals.wilson_interval(0, 20)[0] == 0.0
    assert intervals.wilson_interval(20, 20)[1] == 1.0
    with pytest.raises(ValueError, match="not more hits"):
        intervals.wilson_interval(3, 2)


def test_a_threshold_is_one_of_the_decision_curve() -> None:
    counts = worth.counted(*cohort(3000, 6), BINS)
    risk = worth.risks(BINS)
    curve = {each.threshold: each for each in clinical.decisions(risk, counts.negative, counts.positive)}
    assert clinical.decision(risk, counts.negative, counts.positive, 0.5) == curve[0.5]
    assert clinical.decision(risk, counts.negative, counts.positive, 0.9999) is None


def test_a_threshold_for_alerts_lies_between_two_scores_that_occur() -> None:
    negative, positive = np.zeros(64, np.int64), np.zeros(64, np.int64)
    negative[[10, 30]], positive[50] = (60, 30), 10
    risk = worth.risks(64)
    assert worth.alert_threshold(negative, positive, 0.1) == pytest.approx((risk[30] + risk[50]) / 2, abs=1e-6)
    assert worth.alert_threshold(negative, positive, 0.9) == pytest.approx((risk[10] + risk[30]) / 2, abs=1e-6)
    assert worth.alert_threshold(negative * 0, positive, 0.1) is None
