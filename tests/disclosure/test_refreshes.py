"""A register goes from refresh to refresh with its block, and nowhere in between."""

from __future__ import annotations

import dataclasses
from random import Random

import pytest
from tests.disclosure.people import NO, YES, block, says

from cipherward.disclosure.blocks import Blocks
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.refreshes import Refreshes
from cipherward.disclosure.standing import Memory, Statement

BLOCK = block("abcde")
BLOCKS = Blocks([BLOCK])


def entered(names: str, answer: object = NO) -> tuple[Statement, ...]:
    return tuple(
        dataclasses.replace(said, has_entered=True) for said in says(BLOCK, names, YES if answer is YES else NO)
    )


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        (says(BLOCK, "abcde"), []),
        (entered("a") + says(BLOCK, "bcde"), [7]),
        (entered("ab") + says(BLOCK, "cde"), [7]),
        (entered("abc") + says(BLOCK, "de"), []),
        (entered("a", YES) + says(BLOCK, "bcde"), []),  # it agreed to be singled out
        (entered("ab") + entered("c", YES) + says(BLOCK, "de"), [7]),  # and who agreed does not count
    ],
)
def test_of_a_block_that_said_no_none_or_enough_have_new_patients(
    said: tuple[Statement, ...], rules: list[int]
) -> None:
    assert [refusal.rule for refusal in refusals(said, BLOCKS, Memory())] == rules


def test_a_refresh_that_was_opened_is_used_again_and_no_unused_one_before_it() -> None:
    at = Refreshes().named(0, b"a").was_opened(b"a").named(3, b"b").was_opened(b"b")
    assert [at.problem(refresh) is None for refresh in range(5)] == [True, False, False, True, True]


def test_while_a_sum_at_a_new_refresh_may_be_opened_no_other_new_one_is_read() -> None:
    at = Refreshes().named(0, b"a").was_opened(b"a").named(1, b"b")
    assert [at.problem(refresh) is None for refresh in range(3)] == [True, True, False]
    assert at.voided(b"b").problem(2) is None
    assert at.was_opened(b"b").problem(2) is None


def test_patients_have_entered_until_a_sum_with_them_was_opened() -> None:
    at = Refreshes().named(0, b"a")
    assert not at.has_entered(0, [0])  # nothing is there to be compared with
    at = at.was_opened(b"a")
    assert not at.has_entered(2, [0])
    assert at.has_entered(2, [0, 1])  # dealt at a refresh of which nothing was opened
    at = at.named(2, b"b")
    assert at.has_entered(2, [0, 1])
    assert not at.was_opened(b"b").has_entered(2, [0, 1])


def test_in_2000_histories_no_honest_member_that_said_no_changes_alone_between_two_opened_sums() -> None:
    """Four members with random new patients, studies at any refresh, sums that are withheld or void: honest ledgers and voters."""
    steps_taken = 0
    for seed in range(2_000):
        rng = Random(seed)
        members = "abcd"
        least = 3
        one = block(members, least)
        steps = {name: {0} | {r for r in range(1, 6) if rng.random() < 0.5} for name in members}
        ledgers = {name: Refreshes() for name in members}
        unresolved: list[tuple[bytes, int, bool]] = []
        opened: list[int] = []
        for number in range(12):
            refresh, context = rng.randrange(6), bytes([number])
            if not any(at.problem(refresh) for at in ledgers.values()):
                said = []
                for name in members:
                    has = ledgers[name].has_entered(refresh, {s for s in steps[name] if s <= refresh})
                    ledgers[name] = ledgers[name].named(refresh, context)
                    said += [dataclasses.replace(s, has_entered=has) for s in says(one, name)]
                may = not refusals(said, Blocks([one]), Memory())
                unresolved.append((context, refresh, may))
            rng.shuffle(unresolved)
            while unresolved and rng.random() < 0.6:
                context, refresh, may = unresolved.pop()
                is_opened = may and rng.random() < 0.7
                opened += [refresh] * is_opened
                for name in members:
                    at = ledgers[name]
                    ledgers[name] = at.was_opened(context) if is_opened else at.voided(context)
        for earlier in set(opened):
            for later in {r for r in opened if r > earlier}:
                changed = [n for n in members if any(earlier < s <= later for s in steps[n])]
                assert len(changed) == 0 or len(changed) >= least, (seed, earlier, later, steps)
                steps_taken += bool(changed)
    assert steps_taken > 100
