"""Quorum arithmetic against the table of the design, and for every number of hospitals that is allowed."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.thresholds import MAX_ALL_TO_ALL, Thresholds, derive


@pytest.mark.parametrize(
    ("n", "threshold", "corrupt", "dropouts", "min_contributors"),
    [(3, 3, 1, 0, 3), (4, 3, 1, 1, 3), (5, 4, 2, 1, 4), (10, 7, 3, 3, 5), (20, 14, 7, 6, 9), (50, 34, 17, 16, 19)],
)
def test_the_derived_numbers_are_those_of_the_design_table(
    n: int, threshold: int, corrupt: int, dropouts: int, min_contributors: int
) -> None:
    assert derive(n) == Thresholds(n, threshold, corrupt, dropouts, min_contributors)


@given(st.integers(min_value=3, max_value=200))
def test_derived_numbers_are_sound_for_every_number_of_hospitals(n: int) -> None:
    assert derive(n).problems() == ()


@given(st.integers(3, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_what_passes_satisfies_every_inequality_and_what_is_refused_breaks_one(
    n: int, t: int, f: int, d: int, m: int
) -> None:
    sound = 1 <= f < t <= n - d and 2 * t > n + f and f + 2 <= m <= n - d
    assert (Thresholds(n, t, f, d, m).problems() == ()) == sound


@given(st.integers(3, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_two_quorums_always_share_an_honest_hospital_when_the_numbers_are_sound(pair: tuple[int, int]) -> None:
    n, threshold = pair
    numbers = derive(n, threshold=threshold)
    if not numbers.problems():
        smallest_overlap = 2 * numbers.threshold - n
        assert smallest_overlap > numbers.corrupt


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_hospitals_are_refused_because_two_see_each_other_by_subtraction(n: int) -> None:
    (problem,) = derive(n).problems()
    assert "by subtraction" in problem
    assert "at least 3" in problem


def test_three_hospitals_are_warned_that_one_missing_hospital_stops_the_sum() -> None:
    (warning,) = derive(3).warnings()
    assert "no drop-out is possible" in warning
    assert derive(4).warnings() == ()


def test_more_hospitals_than_share_holders_all_to_all_are_for_simulation_only() -> None:
    assert derive(MAX_ALL_TO_ALL).warnings() == ()
    assert "simulation only" in derive(MAX_ALL_TO_ALL + 1).warnings()[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"corrupt": 0}, "corrupt must be at least 1"),
        ({"threshold": 3}, "threshold 3 must exceed corrupt 3"),
        ({"threshold": 8}, "threshold 8 cannot be reached"),
        ({"threshold": 6}, "two manifests of one sum can be certified"),
        ({"min_contributors": 4}, "one honest update must not stand alone"),
        ({"min_contributors": 8}, "min_contributors 8 cannot be reached"),
    ],
)
def test_each_broken_inequality_is_explained_with_its_numbers(change: dict[str, int], words: str) -> None:
    problems = dataclasses.replace(derive(10), **change).problems()
    assert any(words in problem for problem in problems), problems


def test_several_broken_inequalities_are_all_named_at_once() -> None:
    assert len(Thresholds(10, 2, 3, 9, 2).problems()) == 5


def test_what_a_choice_gives_is_told_in_words() -> None:
    text = derive(10).explain()
    assert "10 hospitals: 7 must agree" in text
    assert "3 missing" in text
    assert "fewer than 5" in text


def test_without_shares_nothing_is_said_to_stay_closed() -> None:
    assert "stays closed" in derive(10).explain()
    assert "stays closed" not in derive(10).explain(is_shared=False)
