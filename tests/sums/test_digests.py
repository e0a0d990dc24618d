"""Digests of shares by hospital: canonical bytes, and the same answers as a plain mapping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.crypto import wire
from cipherward.errors import WireError
from cipherward.sums.digests import Digests

LISTED = st.dictionaries(st.integers(1, 300), st.binary(min_size=32, max_size=32))


@given(LISTED, st.integers(-1, 310))
def test_each_hospital_has_the_digest_that_was_listed_for_it(listed: dict[int, bytes], asked: int) -> None:
    digests = Digests.of(listed)
    assert digests.holders == tuple(sorted(listed))
    assert {i: digests.get(i) for i in listed} == listed
    assert digests.get(asked) == listed.get(asked)
    assert wire.decode(Digests, wire.encode(digests)) == digests


@given(st.binary(max_size=6), st.binary(max_size=99))
def test_bytes_that_are_accepted_are_those_of_some_list(hospitals: bytes, digests: bytes) -> None:
    try:
        found = Digests(hospitals, digests)
    except WireError:
        return
    assert Digests.of({i: found.get(i) or b"" for i in found.holders}) == found


@pytest.mark.parametrize("hospitals", [b"\0", b"\1\0", b"\0" * (1 << 17) + b"\1"])
def test_a_list_with_spare_bytes_or_of_more_hospitals_than_there_can_be_is_refused(hospitals: bytes) -> None:
    with pytest.raises(WireError, match="as many bytes"):
        Digests(hospitals, bytes(32 * int.from_bytes(hospitals, "little").bit_count()))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_one_digest_for_each_hospital_and_no_byte_more(size: int) -> None:
    with pytest.raises(WireError, match="one digest"):
        Digests(b"\4", bytes(size))


@pytest.mark.parametrize("nobody", [0, (1 << 20) + 1, 1 << 62])
def test_nobody_outside_a_roster_is_listed(nobody: int) -> None:
    with pytest.raises(WireError, match="nobody"):
        Digests.of({nobody: bytes(32)})
