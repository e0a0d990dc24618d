from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.learning import metrics
from cipherward.learning.intervals import auroc_interval

SIZES = st.integers(1, 5_000)


@given(st.floats(0, 1), SIZES, SIZES)
def test_an_interval_lies_inside_zero_and_one_and_holds_the_estimate(auroc: float, m: int, n: int) -> None:
    low, high = auroc_interval(auroc, m, n)
    assert 0.0 <= low <= auroc + 1e-12
    assert auroc - 1e-12 <= high <= 1.0


@given(st.floats(0, 1), SIZES, SIZES)
def test_an_interval_is_mirrored_when_the_classes_are(auroc: float, m: int, n: int) -> None:
    low, high = auroc_interval(auroc, m, n)
    assert auroc_interval(1 - auroc, m, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_a_perfect_score_on_few_rows_leaves_room_for_doubt() -> None:
    low, high = auroc_interval(1.0, 10, 10)
    assert high == 1.0
    assert 0.6 < low < 0.95


def test_more_rows_give_a_narrower_interval() -> None:
    widths = [math.dist(*((end,) for end in auroc_interval(0.75, n, n))) for n in (10, 100, 1_000)]
    assert widths == sorted(widths, reverse=True)


def test_about_95_of_100_intervals_cover_the_true_value() -> None:
    rng, shift, covered, trials = np.random.default_rng(1), 1.0, 0, 1_000
    true = 0.5 * (1 + math.erf(shift / 2))
    labels = np.repeat([0, 1], [60, 25])
    for _ in range(trials):
        logits = rng.normal(size=len(labels)) + shift * labels
        low, high = auroc_interval(metrics.exact(1 / (1 + np.exp(-logits)), labels).auroc, 25, 60)
        covered += low <= true <= high
    assert 0.93 <= covered / trials <= 0.98


@pytest.mark.parametrize("case", [(0.5, 0, 3), (0.5, 3, 0), (1.5, 3, 3), (math.nan, 3, 3)])
def test_no_interval_without_both_classes_or_outside_the_scale(case: tuple[float, int, int]) -> None:
    with pytest.raises(ValueError, match="both classes"):
        auroc_interval(*case)
