"""Tagged digests: one purpose, one list of parts, one value."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.crypto.hashing import DIGEST_BYTES, digest

PARTS = st.lists(st.binary(max_size=20), max_size=5)


@settings(deadline=None)
@given(label=st.sampled_from(["payload", "header", "manifest"]), parts=PARTS)
def test_a_digest_is_sha256_of_the_documented_bytes(label: str, parts: list[bytes]) -> None:
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    expected = hashlib.sha256(b"cipherward/v1/" + label.encode() + b"\x00" + framed).digest()
    assert digest(label, *parts) == expected
    assert len(expected) == DIGEST_BYTES


@settings(deadline=None)
@given(left=PARTS, right=PARTS)
def test_parts_cannot_run_into_each_other(left: list[bytes], right: list[bytes]) -> None:
    assert (digest("payload", *left) == digest("payload", *right)) == (left == right)


def test_moving_a_byte_from_one_part_to_the_next_changes_the_digest() -> None:
    splits = {digest("x", b"abcd"[:i], b"abcd"[i:]) for i in range(5)}
    assert len(splits | {digest("x", b"abcd"), digest("x", b"abcd", b"")}) == 6


@settings(deadline=None)
@given(parts=PARTS)
def test_two_purposes_never_share_a_digest(parts: list[bytes]) -> None:
    labels = ["payload", "payloa", "payload2", "Payload", "header", ""]
    assert len({digest(label, *parts) for label in labels}) == len(labels)


def test_a_memoryview_is_hashed_like_its_bytes() -> None:
    assert digest("message", memoryview(b"abc")) == digest("message", b"abc")
