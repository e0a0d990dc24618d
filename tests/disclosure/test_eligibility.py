"""Rules 1 to 3: whose contributions may be opened together, what is remembered, and what a ledger lets its hospital name."""

from __future__ import annotations

import pytest
from tests.disclosure.people import NO, YES, block, register, says

from cipherward.disclosure.blocks import ALONE, Blocks, Split, split
from cipherward.disclosure.eligibility import eligible, refusals
from cipherward.disclosure.inference import groups, readable
from cipherward.disclosure.missing import Effect, Setting
from cipherward.disclosure.standing import Binding, Memory, Statement, of_scheme, widened

ONE, TWO = block("abcd"), block("efg")
BOTH = Blocks([ONE, TWO])
NEW = Memory()


def rules_of(statements: tuple[Statement, ...], blocks: Blocks = BOTH, memory: Memory = NEW) -> list[int]:
    return [refusal.rule for refusal in refusals(statements, blocks, memory)]


def after_first_sum(*statements: Statement) -> Memory:
    return NEW.opened(b"first", statements, BOTH)


def test_whole_blocks_stand_in_a_sum_alone_or_together() -> None:
    assert rules_of(says(ONE, "abcd")) == []
    assert rules_of(says(ONE, "abcd") + says(TWO, "efg")) == []


def test_a_block_in_part_is_refused_by_voters_of_other_blocks_too() -> None:
    first = says(ONE, "abcd") + says(TWO, "efg")
    assert rules_of(says(ONE, "abcd") + says(TWO, "ef"), memory=after_first_sum(*first)) == [1]


def test_the_first_sum_waits_for_all_but_for_those_whose_signed_yes_was_shown() -> None:
    here = says(ONE, "abc")
    assert rules_of(here) == [2]
    assert rules_of(here, memory=NEW.shown(frozenset({register("d")}))) == []
    assert rules_of(says(ONE, "ab"), memory=NEW.shown(frozenset({register("c"), register("d")}))) == [3]
    assert rules_of(here, memory=after_first_sum(*says(ONE, "abc"), *says(ONE, "d", YES))) == []


def test_who_said_yes_never_counts() -> None:
    assert rules_of(says(ONE, "abc") + says(ONE, "d", YES)) == []
    assert rules_of(says(ONE, "ab") + says(ONE, "cd", YES)) == [3]
    assert rules_of(says(ONE, "abcd", YES)) == []


def test_a_member_that_spoiled_a_sum_is_one_of_the_corrupt_ones_that_its_block_reckons_with() -> None:
    memory = after_first_sum(*says(TWO, "efg")).spoiled(frozenset({register("g")}))
    assert rules_of(says(TWO, "ef"), memory=memory) == []
    assert rules_of(says(TWO, "e") + says(TWO, "f", YES), memory=memory) == [3]
    assert rules_of(says(TWO, "e", has_rows=False) + says(TWO, "f"), memory=memory) == [1]
    assert rules_of(says(ONE, "abc"), memory=memory) == [2]


def test_a_cohort_that_too_few_members_have_keeps_their_block_out() -> None:
    assert rules_of(says(ONE, "abc") + says(ONE, "d", has_rows=False)) == []
    assert rules_of(says(ONE, "ab") + says(ONE, "cd", has_rows=False)) == [1]
    assert rules_of(says(ONE, "abc", has_rows=False) + says(ONE, "d", YES)) == [1]
    assert rules_of(says(ONE, "abcd", YES, has_rows=False)) == []


@pytest.mark.parametrize(
    "said",
    [
        Statement(register("x"), ALONE, NO),
        Statement(register("x"), b"a block of another study", NO),
        Statement(register("x"), TWO.digest, NO),
        Statement(register("a/q"), ONE.digest, NO),
    ],
)
def test_a_header_that_names_a_place_where_its_register_has_none_is_refused(said: Statement) -> None:
    assert rules_of((*says(TWO, "efg"), said)) != []


def test_a_loner_that_agreed_stands_by_itself() -> None:
    assert rules_of((*says(ONE, "abcd"), Statement(register("x"), ALONE, YES))) == []


def test_a_hospital_stands_in_a_sum_once() -> None:
    assert 1 in rules_of((*says(ONE, "abcd"), Statement(register("a/q"), ALONE, YES)))


def test_another_block_than_before_is_refused_also_while_the_earlier_sum_is_withheld() -> None:
    other = block("aefg")
    blocks = Blocks([other])
    for memory in (NEW.opened(b"1", says(ONE, "abcd"), BOTH), NEW.voted(b"1", says(ONE, "abcd"))):
        assert rules_of(says(other, "aefg"), blocks, memory) == [1]
    voided = NEW.voted(b"1", says(ONE, "abcd")).voided(b"1")
    assert rules_of(says(other, "aefg"), blocks, voided) == []


def test_who_was_in_a_block_does_not_stand_alone_later() -> None:
    # a and b are liars; c said no. With d read by itself, the sum of the block says what c has.
    memory = after_first_sum(*says(ONE, "abcd"))
    assert rules_of((*says(TWO, "efg"), Statement(register("d"), ALONE, YES)), memory=memory) == [1]


def test_who_stood_alone_may_join_a_block_also_while_that_sum_is_withheld() -> None:
    alone, joins = Statement(register("a"), ALONE, YES), Statement(register("a"), ONE.digest, YES)
    for memory in (NEW.voted(b"1", (alone,)), NEW.opened(b"1", (alone,), BOTH)):
        assert memory.contradiction(joins, BOTH) is None


def test_a_yes_is_not_taken_back() -> None:
    memory = after_first_sum(*says(ONE, "abc"), *says(ONE, "d", YES))
    assert rules_of(says(ONE, "abcd"), memory=memory) == [3]
    assert widened(YES, NO) is YES
    assert of_scheme(NO, hides_single_updates=False) is YES
    assert of_scheme(NO, hides_single_updates=True) is NO


def test_the_parts_of_a_block_may_be_named_after_it_and_not_the_whole_after_a_part() -> None:
    whole = block("abcdef")
    parts = split(whole, ([register(x) for x in "abc"], [register(x) for x in "def"]))
    signed = Split(whole, parts, frozenset(x.encode() for x in "abcdef"))
    blocks = Blocks(parts, [signed])
    memory = NEW.opened(b"1", says(whole, "abcdef"), blocks)
    assert rules_of(says(parts[0], "abc"), blocks, memory) == []
    later = memory.opened(b"2", says(parts[0], "abc"), blocks)
    assert rules_of(says(whole, "abcdef"), Blocks([whole], [signed]), later) == [1, 1, 1]


WHOLE = block("abcdefg")


def in_parts(*names: str) -> Split:
    return Split(WHOLE, split(WHOLE, ([register(x) for x in part] for part in names)), frozenset())


def rule_for_signing(mine: Binding, parts: Split, memory: Memory) -> int:
    refusal = mine.signing_problem(parts, memory)
    return refusal.rule if refusal else 0


def test_a_split_is_signed_only_where_each_part_hides_its_members() -> None:
    # With d and e read by themselves, the sum of the whole less that of its other part would be f.
    memory = NEW.opened(b"1", says(WHOLE, "abcfg") + says(WHOLE, "de", YES), Blocks([WHOLE]))
    mine = Binding(register("a")).named(WHOLE.digest, b"1").opened(b"1")
    assert rule_for_signing(mine, in_parts("abcg", "def"), memory) == 2
    assert rule_for_signing(mine, in_parts("abcg", "def"), NEW) == 0
    all_yes = memory.shown(frozenset({register("f")}))
    assert rule_for_signing(mine, in_parts("abcg", "def"), all_yes) == 0, "nobody of d, e, f is protected any more"
    proved = NEW.spoiled(frozenset({register("d")}))
    assert rule_for_signing(mine, in_parts("abcg", "def"), proved) == 0, (
        "d was one of the liars that a block reckons with"
    )
    in_the_other = NEW.spoiled(frozenset({register("g")})).shown(frozenset({register("f")}))
    assert rule_for_signing(mine, in_parts("abcg", "def"), in_the_other) == 2, (
        "a liar of another part hides nobody here"
    )


def test_a_split_is_signed_once_and_after_the_sums_of_the_whole() -> None:
    mine = Binding(register("a")).named(WHOLE.digest, b"1")
    assert rule_for_signing(mine, in_parts("abc", "defg"), NEW) == 2, "a sum of the whole may still be opened"
    mine = mine.opened(b"1")
    assert rule_for_signing(mine, in_parts("ab", "cdefg"), NEW) == 2
    bound = mine.signed(in_parts("abc", "defg"))
    assert rule_for_signing(bound, in_parts("abcg", "def"), NEW) == 2, "with both splits, g would be what is left over"
    assert bound.problem(WHOLE.digest, Blocks([WHOLE])) is not None
    part = in_parts("abc", "defg").parts[0]
    assert bound.problem(part.digest, Blocks([part])) is None


def test_the_coordinator_sums_every_whole_block_and_leaves_the_others_out() -> None:
    memory = after_first_sum(*says(ONE, "abcd"), *says(TWO, "efg"))
    loner = Statement(register("x"), ALONE, YES)
    here = (*says(ONE, "abc"), *says(TWO, "efg"), loner)
    assert eligible(here, BOTH, memory) == {*says(TWO, "efg"), loner}
    assert refusals(eligible(here, BOTH, memory), BOTH, memory) == ()


# the hospital's own ledger


def test_a_hospital_is_bound_by_its_first_header_until_all_of_them_are_void() -> None:
    other = Blocks([block("aefg"), ONE])
    mine = Binding(register("a")).named(ONE.digest, b"1").named(ONE.digest, b"2")
    assert mine.problem(ONE.digest, other) is None
    assert mine.problem(block("aefg").digest, other) is not None
    assert mine.voided(b"1").problem(block("aefg").digest, other) is not None
    assert mine.voided(b"1").voided(b"2").problem(block("aefg").digest, other) is None


def test_a_block_that_was_opened_once_binds_for_good() -> None:
    mine = Binding(register("a")).named(ONE.digest, b"1").opened(b"1").named(ONE.digest, b"2").voided(b"2")
    assert mine.problem(block("aefg").digest, Blocks([block("aefg")])) is not None


def test_an_opening_in_which_a_register_named_no_block_binds_it_to_none() -> None:
    mine = Binding(register("a")).named(ONE.digest, b"1").opened(b"2")
    assert not mine.is_founded
    assert not mine.voided(b"1").is_bound


def test_no_one_stands_alone_without_agreement_and_no_agreement_is_narrowed() -> None:
    mine = Binding(register("x"))
    assert mine.problem(ALONE, BOTH) is not None
    wide = mine.widen(YES).widen(NO)
    assert wide.problem(ALONE, BOTH) is None
    assert wide.named(ONE.digest, b"1").problem(ALONE, BOTH) is not None, "it is in a block"


# what people are told


def setting(answers: dict[str, int], *, threshold: int = 4, least: int = 3) -> Setting:
    found = {register(name): YES if answer else NO for name, answer in answers.items()}
    blocks = Blocks([b for b in (ONE, TWO) if all(m in found for m in b.members)])
    return Setting(found, blocks, threshold, least)


def test_where_nobody_agreed_a_missing_hospital_stops_its_block_only() -> None:
    table = {line.hospital: line for line in setting(dict.fromkeys("abcdefg", 0)).table()}
    assert table[b"a"].before is Effect.WITHOUT_BLOCK
    assert table[b"a"].after is Effect.GOES_ON
    assert setting(dict.fromkeys("abcd", 0), threshold=3).without({b"a"}) is Effect.WAITS
    assert setting(dict.fromkeys("abcdefg", 0)).without({b"a", b"e"}) is Effect.WAITS


def test_who_agreed_may_be_missing() -> None:
    some = setting({"a": 0, "b": 0, "c": 0, "d": 1}, threshold=3)
    assert some.without({b"d"}) is Effect.GOES_ON
    assert some.without({b"a"}) is Effect.WAITS
    assert some.can_start()
    assert not setting({"a": 0, "b": 0, "c": 1, "d": 1}, threshold=3).can_start(), "two that said no are not three"


def test_a_quorum_opens_for_those_who_dealt_and_vanished() -> None:
    all_no = setting(dict.fromkeys("abcd", 0), threshold=3)
    assert all_no.after_dealing({b"a"}) is Effect.GOES_ON
    assert all_no.after_dealing({b"a", b"b"}) is Effect.WAITS


def test_status_can_say_who_is_waited_for() -> None:
    some = setting({"a": 0, "b": 0, "c": 0, "d": 1}, threshold=3)
    assert some.waited_for(says(ONE, "ab"), NEW) == {register("c"), register("d")}
    memory = after_first_sum(*says(ONE, "abc"), *says(ONE, "d", YES))
    assert some.waited_for(says(ONE, "ab"), memory) == {register("c")}


# what follows from sums


def test_sums_over_whole_blocks_tell_nobody_apart() -> None:
    assert set(groups(["abcd", "abcdefg", "efg"])) == {frozenset("abcd"), frozenset("efg")}
    assert set(readable(["abcd", "abcdefg"])) == {frozenset("abcd"), frozenset("efg")}


def test_three_sums_that_share_no_difference_can_still_single_out() -> None:
    assert frozenset("c") in readable(["abc", "ab"])
    assert frozenset("g") in readable(["abcdefg", "abc", "def"])
    assert readable(["ab", "bc"]) == ()
    assert frozenset("c") in readable(["ab", "bc"], known=["a"])
