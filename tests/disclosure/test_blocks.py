"""Rules 2 and 4: foundings, splits, and keys that follow keys."""

from __future__ import annotations

import dataclasses

from tests.disclosure.people import block, register

from cipherward.disclosure.blocks import (
    Block,
    Blocks,
    Split,
    contested,
    default_blocks,
    listing_problem,
    split,
    split_problem,
)
from cipherward.disclosure.succession import Lineage, Succession, problem, refusal


def test_a_block_is_named_by_its_members_whatever_their_order() -> None:
    one, other = block("abcd"), Block(tuple(register(x) for x in "dcba"), 3)
    assert one.digest == other.digest
    assert one.digest != block("abce").digest
    assert one.digest != block(["a", "b", "c", "d/q"]).digest
    assert one.digest != block("abcd", least=4).digest


def test_the_digest_of_a_founding_is_the_same_in_every_version() -> None:
    assert block("abcd").digest.hex() == "67de8b91260f8612223b1b8bf1ebee1fb9c3893edcb1a24bce9e6a4d4d885a4b"


def test_as_many_blocks_are_founded_as_fit() -> None:
    names = "abcdefghijk"
    sizes = {n: [len(b.members) for b in default_blocks([register(x) for x in names[:n]], 3)] for n in range(2, 12)}
    assert sizes[2] == []
    assert sizes[5] == [5]
    assert sizes[6] == [3, 3]
    assert sizes[11] == [3, 4, 4]


def test_a_block_that_exists_stays_as_it_is_and_newcomers_make_their_own() -> None:
    old = block("abc")
    found = default_blocks([register(x) for x in "abcdefg"], 3, [old])
    assert found[0] == old
    assert [m.hospital for m in found[1].members] == [b"d", b"e", b"f", b"g"]


def test_members_of_a_block_that_is_not_whole_in_a_study_found_no_other_one() -> None:
    assert default_blocks([register(x) for x in "abcde"], 3, [block("abcx")]) == ()


def parts_of(whole: Block, *names: str) -> tuple[Block, ...]:
    return split(whole, ([register(x) for x in part] for part in names))


def test_a_block_splits_into_large_parts_that_all_have_signed() -> None:
    whole, everybody = block("abcdef"), frozenset(x.encode() for x in "abcdef")
    assert split_problem(Split(whole, parts_of(whole, "abc", "def"), everybody)) is None
    for parts, signers in (
        (parts_of(whole, "ab", "cdef"), everybody),
        (parts_of(whole, "abc", "de"), everybody),
        (parts_of(whole, "abcdef"), everybody),
        (parts_of(whole, "abcd", "cdef"), everybody),
        (parts_of(whole, "abc", "def"), everybody - {b"f"}),
        ((block("abc"), block("def")), everybody),
        (tuple(dataclasses.replace(p, least=2) for p in parts_of(whole, "abc", "def")), everybody),
    ):
        refusal = split_problem(Split(whole, parts, signers))
        assert refusal is not None
        assert refusal.rule == 2


def test_a_part_of_a_part_descends_from_the_whole_and_nothing_descends_from_a_split_that_is_not_signed() -> None:
    whole = block("abcdefghi")
    first = Split(whole, parts_of(whole, "abc", "defghi"), frozenset(x.encode() for x in "abcdefghi"))
    second = Split(first.parts[1], parts_of(first.parts[1], "def", "ghi"), frozenset(x.encode() for x in "defghi"))
    last = second.parts[0].digest
    assert Blocks([second.parts[0]], [first, second]).descends(last, whole.digest)
    unsigned = dataclasses.replace(first, signers=frozenset())
    blocks = Blocks([second.parts[0]], [unsigned, second])
    assert not blocks.descends(last, whole.digest)
    assert not Blocks([whole], [first]).descends(whole.digest, first.parts[0].digest), "blocks never merge"


def test_a_study_lists_sound_blocks_only() -> None:
    assert listing_problem(Blocks([block("abcdef")]), 3) is None
    assert listing_problem(Blocks([block("abc"), block("cdef")]), 3) is not None
    assert listing_problem(Blocks([block("abc")]), 4) is not None, "fewer than the study asks for"
    assert listing_problem(Blocks([block("abcd", 5)]), 3) is not None, "fewer than the block asks for"
    whole = block("abcdef")
    assert listing_problem(Blocks(parts_of(whole, "abc", "def")), 3) is not None, "no split is shown"


def test_two_foundings_over_different_hospitals_both_wait() -> None:
    one, two = block("abcd"), block("aefg")
    assert set(contested(register("a"), [one, two])) == {one, two}
    assert contested(register("b"), [one, two]) == ()
    assert contested(register("a"), [one, one]) == ()


def test_a_new_key_follows_an_old_one_that_signed_it_or_that_every_block_mate_vouches_for() -> None:
    home = [block("abc")]
    assert problem(Succession(b"a", b"A", frozenset({b"a"})), home) is None
    assert problem(Succession(b"a", b"A", frozenset({b"b", b"c"})), home) is None
    for signers in (frozenset({b"b"}), frozenset({b"A"}), frozenset({b"b", b"x"}), frozenset[bytes]()):
        assert problem(Succession(b"a", b"A", signers), home) is not None
    assert problem(Succession(b"x", b"X", frozenset()), []) is not None, "nobody vouches for who has no block"


def test_a_successor_stands_where_its_first_key_stood() -> None:
    lineage = Lineage([Succession(b"a", b"A", frozenset()), Succession(b"A", b"B", frozenset())])
    assert lineage.first(b"B") == b"a"
    assert lineage.register(register("B")) == register("a")
    assert Lineage([Succession(b"a", b"b", frozenset()), Succession(b"b", b"a", frozenset())]).first(b"b") == b"a"


def follows(old: str, new: str, signers: str) -> Succession:
    return Succession(old.encode(), new.encode(), frozenset(x.encode() for x in signers))


def test_successions_hold_in_their_order_and_a_key_that_was_followed_vouches_for_nobody() -> None:
    home = [block("abc")]
    assert refusal([follows("a", "A", "bc"), follows("A", "Z", "A")], home) is None
    assert refusal([follows("b", "B", "b"), follows("a", "A", "Bc")], home) is None
    assert refusal([follows("a", "A", "bc"), follows("b", "B", "Ac")], home) is None
    for wrong in (
        [follows("b", "B", "b"), follows("a", "A", "bc")],  # b was followed
        [follows("a", "A", "bc"), follows("A", "Z", "a")],  # so was a
        [follows("A", "Z", "A"), follows("a", "A", "bc")],  # nobody vouched for A yet
        [follows("a", "A", "bc"), follows("a", "Z", "bc")],  # two successors
        [follows("a", "b", "abc")],  # somebody else's key
        [follows("a", "A", "bc"), follows("b", "A", "bc")],  # one key for two hospitals
        [follows("a", "A", "bA")],  # its own word
    ):
        found = refusal(wrong, home)
        assert found is not None, wrong
        assert found.rule == 4


def test_mates_are_those_of_every_block_in_which_the_old_key_stands() -> None:
    home = [block("abc"), block(["a/q", "d", "e"])]
    assert refusal([follows("a", "A", "bc")], home) is not None
    assert refusal([follows("a", "A", "bcde")], home) is None
