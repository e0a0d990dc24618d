"""Standardised differences and tests from counts and moments are those of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from cipherward.learning import comparing


def test_a_difference_of_means_is_welchs_test_of_the_rows() -> None:
    from scipy import stats

    rng = np.random.default_rng(1)
    first, second = rng.normal(10.0, 2.0, 80), rng.normal(10.6, 3.0, 45)
    both = [(len(each), float(each.mean()), float(each.std(ddof=1))) for each in (first, second)]
    found = comparing.of_means(both[0], both[1])
    assert found["p_value"] == pytest.approx(stats.ttest_ind(second, first, equal_var=False).pvalue, rel=1e-4)
    pooled = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2.0)
    assert found["difference"] == pytest.approx((second.mean() - first.mean()) / pooled)
    noisy = comparing.of_means(both[0], both[1], noise=(0.5, 0.5))
    assert (noisy["p_value"] or 0.0) > (found["p_value"] or 1.0)


def test_noise_on_means_that_are_alike_makes_no_more_findings_than_the_level_says() -> None:
    rng, found = np.random.default_rng(2), 0
    for _ in range(2000):
        each = [(400, float(rng.normal(0.0, 0.05) + rng.normal(0.0, 0.2)), 1.0) for _ in range(2)]
        found += (comparing.of_means(each[0], each[1], noise=(0.2, 0.2))["p_value"] or 1.0) < 0.05
    assert found / 2000 == pytest.approx(0.05, abs=0.02)


def test_a_table_of_categories_is_pearsons_test() -> None:
    from scipy import stats

    counts = np.array([[30, 50, 20, 0], [40, 25, 30, 0]], dtype=np.int64)
    found = comparing.of_categories(counts)
    assert found["p_value"] == pytest.approx(stats.chi2_contingency(counts[:, :3], correction=False).pvalue, rel=1e-4)
    assert comparing.of_categories(counts, is_exact=False)["p_value"] is None


def test_of_two_categories_the_difference_is_the_one_of_two_shares() -> None:
    """Austin 2009: (p1 - p0) / sqrt of the mean of both variances."""
    found = comparing.of_categories(np.array([[60, 40], [45, 55]], dtype=np.int64))["difference"]
    assert found == pytest.approx(0.15 / np.sqrt((0.6 * 0.4 + 0.45 * 0.55) / 2.0))


def test_where_nothing_follows_nothing_is_said() -> None:
    none = {"difference": None, "p_value": None}
    assert comparing.of_categories(np.array([[5, 0], [7, 0]], dtype=np.int64)) == none
    assert comparing.of_categories(np.array([[0, 0], [7, 3]], dtype=np.int64)) == none
    assert comparing.of_categories(np.array([[9, 0], [0, 4]], dtype=np.int64)) == none
    assert comparing.of_means((5, 1.0, 0.0), (6, 1.0, 0.0)) == none
    assert comparing.of_means((1, 1.0, 0.0), (6, 2.0, 1.0))["p_value"] is None
