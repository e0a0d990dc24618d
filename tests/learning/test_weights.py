from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.learning.weights import dominates, row_class


@given(st.integers(1, 2**50))
def test_a_class_is_a_power_of_two_within_a_factor_of_the_root_of_two(n: int) -> None:
    found = row_class(n)
    assert found & (found - 1) == 0
    assert found * found <= 2 * n * n
    assert n * n <= 2 * found * found


def test_small_numbers_and_none() -> None:
    assert [row_class(n) for n in (0, 1, 2, 3, 5, 6, 11, 12)] == [0, 1, 2, 4, 4, 8, 8, 16]
    with pytest.raises(ValueError, match="negative"):
        row_class(-1)


def test_many_numbers_share_a_class() -> None:
    shared = [n for n in range(1, 20_000) if row_class(n) == 8_192]
    assert len(shared) == math.floor(8_192 * math.sqrt(2)) - math.ceil(8_192 / math.sqrt(2)) + 1


def test_a_hospital_dominates_when_its_class_outweighs_all_the_others_together() -> None:
    small = [row_class(n) for n in (300, 400, 250, 350)]
    assert dominates(row_class(40_000), small)
    assert not any(dominates(one, [one, *small]) for one in small)
