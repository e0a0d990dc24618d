"""Rule 9: a column is asked about where at least as many hospitals of each block as have to hide each other fill it."""

from __future__ import annotations

from cipherward.disclosure.blocks import Block, Register
from cipherward.disclosure.columns import Filled, left_out, whole
from cipherward.disclosure.standing import Agreement

YES, NO = Agreement.YES, Agreement.NO
A, B, C, D, E, F = (Register(bytes([n]) * 32, "table") for n in range(6))
FIRST, SECOND = Block((A, B, C), 3), Block((D, E, F), 2)


def filled(*columns: str, answer: Agreement = NO) -> Filled:
    return Filled(answer, frozenset(columns))


def test_a_column_that_every_hospital_of_a_block_fills_is_kept() -> None:
    said = dict.fromkeys(FIRST.members, filled("age", "dose"))
    assert left_out([FIRST], said, ["age", "dose"]) == {}


def test_a_column_that_too_few_of_any_block_fill_is_left_out_with_the_numbers() -> None:
    said = dict.fromkeys(FIRST.members, filled("age", "dose")) | {
        D: filled("age"),
        E: filled("age", "dose"),
        F: filled("age"),
    }
    found = left_out([FIRST, SECOND], said, ["age", "dose"])
    assert list(found) == ["dose"]
    assert (
        str(found["dose"])
        == "1 hospital fills it in one block of hospitals; at least 2 that may not be singled out must"
    )


def test_a_hospital_that_may_be_singled_out_hides_nobody() -> None:
    said = {A: filled("age"), B: filled("age"), C: filled("age", answer=YES)}
    assert list(left_out([FIRST], said, ["age"])) == ["age"]


def test_a_block_in_which_everybody_agreed_keeps_every_column() -> None:
    said = dict.fromkeys(FIRST.members, filled(answer=YES))
    assert left_out([FIRST], said, ["age"]) == {}


def test_the_block_with_the_fewest_is_named_and_columns_keep_their_order() -> None:
    said = {A: filled("b"), B: filled("b"), C: filled(), D: filled(), E: filled(), F: filled()}
    found = left_out([FIRST, SECOND], said, ["b", "a"])
    assert list(found) == ["b", "a"]
    assert (found["b"].n_filling, found["b"].least) == (0, 2)


def test_only_blocks_all_of_whose_members_are_there_are_whole() -> None:
    assert whole([FIRST, SECOND], [A, B, C, D, E]) == (FIRST,)
