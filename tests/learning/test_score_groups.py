from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.learning import metrics, score_groups

scores = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(st.lists(scores, min_size=10, max_size=200), st.integers(64, 4_096))
@settings(deadline=None)
def test_no_bin_that_is_sent_holds_fewer_than_ten_rows(found: list[float], bins: int) -> None:
    grouped = score_groups.grouped(np.array(found))
    labels = np.arange(len(found)) % 2
    counts = metrics.local_counts(grouped, labels, bins)
    rows = counts["negative"] + counts["positive"]
    assert rows.sum() == len(found)
    assert rows[rows > 0].min() >= score_groups.LEAST


@given(st.lists(scores, min_size=10, max_size=200))
@settings(deadline=None)
def test_groups_keep_the_order_and_ties_and_are_short(found: list[float]) -> None:
    before = np.array(found)
    after = score_groups.grouped(before)
    order = np.argsort(before, kind="stable")
    assert (np.diff(after[order]) >= 0).all()
    for value in np.unique(before):
        assert len(np.unique(after[before == value])) == 1
    largest_tie = max(np.unique(before, return_counts=True)[1])
    assert np.unique(after, return_counts=True)[1].max() < 2 * score_groups.LEAST + 2 * largest_tie


def test_distinct_scores_are_taken_ten_by_ten_and_the_rest_joins_the_last() -> None:
    found = score_groups.grouped(np.linspace(0.1, 0.9, 27)[::-1])
    assert np.unique(found, return_counts=True)[1].tolist() == [10, 17]
    assert found[0] > found[-1]


def test_scores_do_not_depend_on_the_outcomes_and_all_equal_ones_are_one_group() -> None:
    np.testing.assert_array_equal(score_groups.grouped(np.full(30, 0.3)), np.full(30, 0.3))


def test_a_hospital_with_fewer_rows_is_not_measured() -> None:
    assert not score_groups.may_measure(9)
    assert score_groups.may_measure(10)
    with pytest.raises(ValueError, match="9 rows are too few"):
        score_groups.grouped(np.full(9, 0.5))


def test_a_hospital_with_fewer_rows_than_a_group_sends_zeros() -> None:
    few = metrics.local_counts(np.full(9, 0.3), np.arange(9) % 2, 64, group=10)
    assert all(not part.any() for part in few.values())
    enough = metrics.local_counts(np.full(10, 0.3), np.arange(10) % 2, 64, group=10)
    assert enough["negative"].sum() + enough["positive"].sum() == 10


def test_what_a_study_measures_is_in_groups_and_its_errors_are_of_the_scores_themselves() -> None:
    rng = np.random.default_rng(0)
    found, labels = rng.random(95), rng.integers(0, 2, 95)
    single, together = (metrics.local_counts(found, labels, 4_096, group=group) for group in (1, 10))
    both = together["negative"] + together["positive"]
    assert both[both > 0].min() >= 10
    assert (single["negative"] + single["positive"]).max() < 10
    assert together["brier"] == single["brier"]
    assert together["log_loss"] == single["log_loss"]
