"""No honest hospital that said no is apart from its block, whatever is played; and the harness finds planted faults."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.disclosure.histories import History, Planted

from cipherward.disclosure.blocks import ALONE
from cipherward.disclosure.standing import Statement


def found(planted: Planted, seeds: range) -> Counter[str]:
    return Counter(History(seed, planted).play().broken() for seed in seeds)


def successors_in(history: History) -> list[Statement]:
    """Statements of registers whose hospital had a new key in that sum."""
    opened = [(attempt.study.keys, said) for attempt in history.attempts for said in attempt.opened]
    return [said for keys, said in opened if keys[said.register.hospital] != said.register.hospital]


def check(seeds: range, planted: Planted) -> None:
    n_opened = 0
    for seed in seeds:
        history = History(seed, planted).play()
        assert history.broken() == "", (seed, history.broken())
        n_opened += len(history.family)
        if seed % 50 == 0:
            assert history.read_alone() == [], seed
    assert n_opened > len(seeds), "most histories open nothing: they show nothing"


@pytest.mark.parametrize("seeds", [range(500), pytest.param(range(500, 2000), marks=pytest.mark.thorough)])
def test_in_2000_histories_nobody_that_said_no_is_apart_from_its_block(seeds: range) -> None:
    check(seeds, Planted())


@pytest.mark.parametrize("seeds", [range(300), pytest.param(range(300, 1000), marks=pytest.mark.thorough)])
def test_nor_in_1000_with_ledgers_that_are_set_back_and_noticed(seeds: range) -> None:
    check(seeds, Planted(restores=True))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 80_000, 5000))
def test_nor_in_80000_histories(first: int) -> None:
    check(range(first + 10_000, first + 15_000), Planted())


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 20_000, 5000))
def test_nor_in_20000_with_ledgers_that_are_set_back_and_noticed(first: int) -> None:
    check(range(first + 10_000, first + 15_000), Planted(restores=True))


def test_successors_that_nobody_has_to_confirm_are_found_out() -> None:
    assert sum(n for what, n in found(Planted(false_successors=True), range(200)).items() if what) > 2


def test_voters_that_check_their_own_block_only_are_found_out() -> None:
    assert sum(n for what, n in found(Planted(own_block_only=True), range(100)).items() if what) > 10


def test_a_founding_that_is_given_up_without_void_certificates_is_found_out() -> None:
    assert sum(n for what, n in found(Planted(no_void_certificates=True), range(200)).items() if what) > 2


@pytest.mark.parametrize("seed", [12104, 19032])
def test_splits_that_are_signed_whoever_is_left_over_are_found_out(seed: int) -> None:
    assert "is read from the sums" in History(seed, Planted(splits_anyhow=True, successors=False)).play().broken()
    assert not History(seed, Planted(successors=False)).play().broken()


def test_histories_play_what_they_are_said_to_play() -> None:
    played: Counter[str] = Counter()
    for seed in range(300):
        history = History(seed).play()
        opened = {s for members in history.family for s in members}
        parts = {part.digest for one in history.splits for part in one.parts}
        played["a sum over a part of a split"] += any(s.block in parts for s in opened)
        played["a loner"] += any(s.block == ALONE for s in opened)
        played["two registers of a hospital"] += len({s.register.name for s in opened}) > 1
        played["a liar that was proved"] += bool(history.proved)
        played["liars"] += bool(history.liars)
        played["a successor in a sum"] += bool(successors_in(history))
        played["a false successor in a document"] += any(attempt.study.usurped for attempt in history.attempts)
    assert len(played) == 7
    assert min(played.values()) > 0, played
