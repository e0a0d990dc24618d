"""The culprit search, as a rule alone: who is suspected, excluded and readmitted after sums that did not open."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.tasks.culprit_search import Search
from cipherward.tasks.culprit_sets import Explained, explain, most_culprits, most_telling

Spoils = Callable[[set[int]], bool]
SEED = b"seed"


class Schedule:
    """Training sums of one study with some liars: who is away, who releases and when they lie is drawn."""

    def __init__(
        self, n: int, seed: int, n_liars: int = 1, often: float = 1.0, missing: float = 0.0, thin: float = 0.0
    ) -> None:
        self.chance = np.random.default_rng(seed)
        self.n, self.often, self.missing, self.thin = n, often, missing, thin
        self.minimum = int(self.chance.integers(2, n + 1))
        self.liars = {int(i) + 1 for i in self.chance.choice(n, n_liars, replace=False)}
        self.spoilers: set[int] = set()
        self.search, self.number, self.seed = Search(), 0, seed.to_bytes(32, "big")

    def some(self) -> set[int]:
        there = {i for i in range(1, self.n + 1) if self.chance.random() >= self.missing}
        return there if len(there) >= self.minimum else set(range(1, self.n + 1))

    def sum(self, spoils: Spoils | None = None) -> bool:
        """One training sum, and whether it opened."""
        search, there = self.search, self.some()
        summed = there & set(search.group or search.eligible(self.n))
        if len(summed) < self.minimum:
            summed = set(search.eligible(self.n)) & self.some()
        if len(summed) < self.minimum:
            summed = set(search.eligible(self.n))
        # With only just enough releases a false one spoils the sum as well.
        releasers = self.some() if self.chance.random() < self.thin else set[int]()
        self.number += 1
        lying = {i for i in sorted(self.liars & (summed | releasers)) if self.chance.random() < self.often}
        if spoils(summed) if spoils else lying:
            self.spoilers |= lying
            self.search = search.after_failed(self.number, summed, self.seed, self.n, self.minimum, releasers=releasers)
            return False
        self.search = search.after_opened(self.seed, self.n, self.minimum)
        return True

    @property
    def excluded(self) -> set[int]:
        return {exclusion.hospital for exclusion in self.search.excluded}


def check_groups(schedule: Schedule) -> None:
    """Groups are disjoint, large enough, of hospitals that may contribute, and all of these where they suffice for two."""
    search, eligible = schedule.search, schedule.search.eligible(schedule.n)
    grouped = [i for group in search.groups for i in group]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) <= set(eligible)
    assert all(len(group) >= schedule.minimum for group in search.groups)
    assert len(search.groups) <= search.explained.size + 1
    if search.groups and len(eligible) >= 2 * schedule.minimum:
        assert len(search.groups) >= 2
        assert sorted(grouped) == list(eligible)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(4, 24), st.integers(0, 2**32), st.floats(0.05, 1.0), st.floats(0.0, 0.4), st.sampled_from([0.0, 0.3])
)
def test_no_schedule_of_one_liar_excludes_an_honest_hospital(
    n: int, seed: int, often: float, missing: float, thin: float
) -> None:
    schedule = Schedule(n, seed, 1, often, missing, thin)
    for _ in range(60):
        schedule.sum()
        check_groups(schedule)
        assert schedule.excluded <= schedule.liars
        assert schedule.search.contradictions == ()
        assert schedule.search.readmitted == ()
        assert schedule.liars <= {*schedule.search.suspects, *schedule.excluded} or not schedule.search.failed


@settings(max_examples=100, deadline=None)
@given(st.integers(6, 40), st.integers(0, 2**32))
def test_a_liar_that_always_lies_is_excluded_within_three_rounds_for_each_halving(n: int, seed: int) -> None:
    schedule = Schedule(n, seed)
    schedule.minimum = min(schedule.minimum, n // 2)
    halvings, opened = (n - 1).bit_length(), list[bool]()
    while not schedule.search.excluded:
        opened.append(schedule.sum())
        assert len(opened) <= 1 + 3 * halvings
    assert opened.count(False) <= 1 + halvings


@settings(max_examples=100, deadline=None)
@given(st.integers(8, 50), st.integers(0, 2**32), st.data())
def test_two_liars_that_always_lie_are_both_excluded_within_a_hundred_rounds_and_nobody_else(
    n: int, seed: int, data: st.DataObject
) -> None:
    schedule = Schedule(n, seed, n_liars=2)
    schedule.minimum = data.draw(st.integers(4, n // 2))
    while schedule.excluded != schedule.liars:
        schedule.sum()
        check_groups(schedule)
        assert schedule.excluded <= schedule.liars
        assert schedule.number <= 100
    assert schedule.sum()
    assert schedule.search.group == ()


@settings(max_examples=150, deadline=None)
@given(st.integers(6, 24), st.integers(0, 2**32), st.integers(1, 3), st.floats(0.05, 1.0), st.floats(0.0, 0.3))
def test_nobody_honest_is_excluded_once_as_many_are_needed_to_explain_the_failures_as_really_lied(
    n: int, seed: int, n_liars: int, often: float, missing: float
) -> None:
    schedule = Schedule(n, seed, n_liars, often, missing)
    for _ in range(60):
        before = schedule.excluded
        schedule.sum()
        check_groups(schedule)
        assert schedule.search.explained.size <= len(schedule.spoilers)
        if schedule.search.explained.size == len(schedule.spoilers):
            assert schedule.excluded <= schedule.spoilers
        assert schedule.search.contradictions == ()
        back = before - schedule.excluded
        newest = {item.hospital: item.sums for item in schedule.search.readmitted[-len(back) or None :]} if back else {}
        assert set(newest) == back
        assert all(sums[-1] == schedule.number for sums in newest.values())


def framing(liars: set[int], victim: int) -> Spoils:
    return lambda summed: victim in summed and len(liars & summed) == 1


def test_an_honest_hospital_that_two_framed_is_readmitted_with_their_next_lie() -> None:
    """They spoil sums that hold it and one of the two, until it is out. Then it is over, or they stop."""
    framed = 0
    for seed in range(40):
        schedule = Schedule(10, seed, n_liars=2)
        schedule.minimum = 5
        victim = min(set(range(1, 11)) - schedule.liars)
        schedule.sum()
        while victim not in schedule.excluded and schedule.number < 60:
            schedule.sum(framing(schedule.liars, victim))
        if victim not in schedule.excluded:
            continue
        framed += 1
        # As long as they behave, they have won.
        assert schedule.sum(lambda summed: False)
        assert victim in schedule.excluded
        assert not schedule.sum()
        assert victim not in schedule.excluded
        assert [item.hospital for item in schedule.search.readmitted] == [victim]
        assert schedule.search.readmitted[0].sums == (schedule.number,)
        while schedule.excluded != schedule.liars:
            schedule.sum()
            assert victim not in schedule.excluded
            assert schedule.number < 150
    assert framed >= 5


def test_more_culprits_than_are_looked_for_are_reported_and_the_search_begins_anew() -> None:
    search = Search()
    for number, group in enumerate([range(2, 5), range(5, 8), range(8, 11), range(11, 14)]):
        assert search.contradictions == ()
        search = search.after_failed(number, group, SEED, 20, 5)
    (found,) = search.contradictions
    assert (found.sums, found.culprits, found.possible) == ((0, 1, 2, 3), 3, tuple(range(2, 14)))
    assert (search.failed, search.group, search.suspects) == ((), (), ())
    assert search.after_failed(4, (14, 15), SEED, 20, 5).suspects == (14, 15)


def test_exclusions_stand_when_more_culprits_turn_up_than_are_looked_for() -> None:
    search = Search()
    for hospital in (1, 2, 3):
        search = search.after_failed(hospital, (hospital,), SEED, 20, 5)
    before = search.excluded
    assert [exclusion.hospital for exclusion in before] == [1, 2, 3]
    search = search.after_failed(4, (4, 5), SEED, 20, 5)
    assert search.contradictions
    assert search.excluded == before
    search = search.after_failed(5, (4,), SEED, 20, 5)
    assert [exclusion.hospital for exclusion in search.excluded] == [1, 2, 3, 4]


def test_with_too_few_for_two_groups_nobody_is_excluded_and_suspects_are_named() -> None:
    search = Search().after_failed(1, (1, 2, 3, 4), SEED, 5, 4).after_failed(2, (2, 3, 4, 5), SEED, 5, 4)
    assert (search.group, search.excluded, search.suspects) == ((), (), (2, 3, 4))


def test_nobody_is_excluded_where_too_few_would_be_left_for_a_sum() -> None:
    search = Search()
    for number in range(3):
        search = search.after_failed(number, (number + 1,), SEED, 4, 2)
    assert [exclusion.hospital for exclusion in search.excluded] == []
    assert search.suspects == (1, 2, 3)


def test_three_groups_are_drawn_for_two_culprits_where_there_are_enough() -> None:
    search = Search().after_failed(1, range(1, 7), SEED, 12, 4).after_failed(2, range(7, 13), SEED, 12, 4)
    assert search.explained.size == 2
    assert [len(group) for group in search._drawn(SEED, 12, 4).groups] == [4, 4, 4]


def test_everybody_works_out_the_same_and_facts_are_json_that_say_the_same_after_a_round_trip() -> None:
    def moved() -> Search:
        schedule = Schedule(12, 5, n_liars=2)
        schedule.minimum = 4
        for _ in range(8):
            schedule.sum()
        return schedule.search

    assert moved() == moved()
    assert json.loads(json.dumps(moved().facts()))[1] == [list(group) for group in moved().groups]


# explanations


FAILED = st.lists(st.sets(st.integers(1, 9), min_size=1), max_size=8)


@settings(max_examples=500, deadline=None)
@given(FAILED)
def test_the_smallest_explanations_are_those_that_trying_all_sets_finds(failed: list[set[int]]) -> None:
    for size in range(4):
        found = [set(them) for them in itertools.combinations(range(1, 10), size) if all(s & set(them) for s in failed)]
        if found:
            some, every = set.union(*found), set.intersection(*found)
            expected = Explained(size, len(found), tuple(sorted(some)), tuple(sorted(every)))
            assert explain(failed, 9) == expected
            return
    assert explain(failed, 9) is None


def test_the_most_telling_groups_leave_the_fewest_explanations() -> None:
    failed = [{1, 2, 3, 4}, {5, 6, 7, 8}]
    together, apart = ((1, 2, 3, 4), (5, 6, 7, 8)), ((1, 2, 5, 6), (3, 4, 7, 8))
    assert most_telling(failed, 2, [together, apart]) == apart
    assert most_telling(failed, 2, [apart, together]) == apart


@pytest.mark.parametrize(("n_hospitals", "most"), [(3, 3), (100, 3), (101, 2), (10_000, 2), (10_001, 1)])
def test_how_many_culprits_are_looked_for_falls_with_the_size_of_the_roster(n_hospitals: int, most: int) -> None:
    assert most_culprits(n_hospitals) == most


def test_with_thousands_of_hospitals_two_culprits_are_still_told_apart() -> None:
    everyone = range(1, 5001)
    failed = [everyone, everyone[::2], everyone[1::2], everyone[:2500], everyone[2500:]]
    found = explain(failed, 5000)
    assert found is not None
    assert found.size == 2
    assert found.count == 2 * 1250**2
