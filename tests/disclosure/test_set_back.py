"""Why a rule on headers is not enough where a ledger was set back: four ways past it, and what closes each.

Hospital a was in block {a, b, c, d}; its ledger is older than that, and it is asked for {a, e, f, g}. The voters of the
second block have refused if one of them knows better. docs/security.md, "All sums together", has the numbers.
"""

from __future__ import annotations

from tests.disclosure.histories import History, Planted
from tests.disclosure.people import block, register, says

from cipherward.disclosure.blocks import Blocks
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.inference import groups
from cipherward.disclosure.standing import Binding, Memory

FIRST, SECOND = block("abcd"), block("aefg")
BOTH = Blocks([FIRST, SECOND])
FORGOT = Binding(register("a"))
SEEN = Memory().opened(b"1", says(FIRST, "abcd"), BOTH)
VOTED = Memory().voted(b"1", says(FIRST, "abcd"))


def takes(memory: Memory) -> bool:
    return not refusals(says(SECOND, "aefg"), BOTH, memory)


def test_a_hospital_that_forgot_its_block_names_another_one_and_is_then_apart_from_the_first() -> None:
    assert FORGOT.problem(SECOND.digest, BOTH) is None
    assert frozenset("a") in groups(["abcd", "aefg"])


def test_who_has_seen_the_first_opening_refuses() -> None:
    assert not takes(SEEN)


def test_who_has_forgotten_it_with_the_same_backup_does_not() -> None:
    assert takes(Memory())


def test_who_knows_openings_only_does_not_while_the_first_one_is_certified_and_withheld() -> None:
    assert not takes(VOTED), "a manifest counts from the vote"
    assert takes(Memory(VOTED.blocks, VOTED.agreed, VOTED.founded)), "an opening that nobody has shown"


def test_nobody_who_votes_on_the_second_needs_to_have_heard_of_the_first() -> None:
    # e, f and g were never in a study with b, c and d: only a could know, so a takes no part until it does.
    rebuilt = FORGOT.named(FIRST.digest, b"1").opened(b"1")
    assert takes(Memory())
    assert rebuilt.problem(SECOND.digest, BOTH) is not None


def test_ledgers_set_back_unnoticed_break_histories_and_noticed_ones_do_not() -> None:
    seeds = range(400)
    unnoticed = Planted(restores=True, noticed=False, no_memory=True)
    assert any(History(seed, unnoticed).play(40).broken() for seed in seeds)
    assert not any(History(seed, Planted(restores=True)).play(40).broken() for seed in seeds[:100])


def test_a_forgotten_vote_gives_one_attempt_both_certificates_whatever_else_is_remembered() -> None:
    # Hospitals that had consented voted void too; the block's members were free for another block, and then it was opened.
    history = History(234, Planted(restores=True, noticed=False, ideal_memory=True, successors=False)).play(40)
    assert history.broken()
    both = [attempt for attempt in history.attempts if attempt.is_void and attempt.opened]
    assert both
    assert not History(234, Planted(restores=True, successors=False)).play(40).broken()
