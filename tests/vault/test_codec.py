"""The bytes of one object: what was put in comes out, and nothing else does."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.errors import AuditError, StorageError
from cipherward.vault import codec

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
NAME = b"n" * 32
SMALL = 64
"""Bytes of a chunk in these tests, so that small objects have many."""


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "CHUNK", SMALL)


def sealed(content: bytes, key: bytes = KEY, name: bytes = NAME) -> bytes:
    return b"".join(codec.seal(key, codec.Header(name, len(content)), codec.pieces(content)))


def opened(data: bytes, length: int, key: bytes = KEY, name: bytes = NAME) -> bytes:
    return b"".join(codec.unseal(key, codec.Header(name, length), io.BytesIO(data)))


def parts_of(data: bytes) -> list[bytes]:
    """The header, then each chunk with its tag."""
    step = SMALL + codec.TAG_BYTES
    return [data[: codec.HEADER_BYTES]] + [data[at : at + step] for at in range(codec.HEADER_BYTES, len(data), step)]


@given(st.binary(max_size=5 * SMALL))
def test_what_was_sealed_opens_again_and_has_the_size_that_its_header_says(content: bytes) -> None:
    data = sealed(content)
    assert opened(data, len(content)) == content
    assert len(data) == codec.Header(NAME, len(content)).size


@given(st.binary(max_size=5 * SMALL), st.data())
def test_one_flipped_bit_is_found_wherever_it_is(content: bytes, data: st.DataObject) -> None:
    whole = bytearray(sealed(content))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AuditError):
        opened(bytes(whole), len(content))


@given(st.binary(max_size=5 * SMALL), st.data())
def test_an_object_that_is_cut_or_longer_is_found(content: bytes, data: st.DataObject) -> None:
    whole = sealed(content)
    end = data.draw(st.integers(0, len(whole) - 1))
    for altered in (whole[:end], whole + whole[end:], whole + b"\0"):
        with pytest.raises(AuditError):
            opened(altered, len(content))


@given(st.binary(min_size=2 * SMALL + 1, max_size=6 * SMALL), st.data())
def test_chunks_that_are_reordered_repeated_or_left_out_are_found(content: bytes, data: st.DataObject) -> None:
    header, *chunks = parts_of(sealed(content))
    first, second = sorted(data.draw(st.lists(st.integers(0, len(chunks) - 1), min_size=2, max_size=2, unique=True)))
    swapped = list(chunks)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    repeated = [*chunks[:second], chunks[first], *chunks[second + 1 :]]
    left_out = [*chunks[:first], *chunks[first + 1 :]]
    for altered in (swapped, repeated, left_out, [*chunks, chunks[-1]]):
        with pytest.raises(AuditError):
            opened(b"".join([header, *altered]), len(content))


@given(st.binary(max_size=4 * SMALL), st.binary(max_size=4 * SMALL))
def test_another_object_or_a_chunk_of_one_is_not_taken_for_this_one(content: bytes, other: bytes) -> None:
    foreign = sealed(other, OTHER_KEY, b"m" * 32)
    for altered in (foreign, sealed(content, OTHER_KEY), sealed(content, KEY, b"m" * 32)):
        with pytest.raises(AuditError):
            opened(altered, len(content))
    mine, theirs = parts_of(sealed(content)), parts_of(sealed(other, OTHER_KEY))
    with pytest.raises(AuditError):
        opened(b"".join([*mine[:-1], theirs[-1]]), len(content))


@given(st.binary(min_size=SMALL + 1, max_size=4 * SMALL), st.integers(0, 4 * SMALL))
def test_an_object_of_another_length_is_not_taken_for_this_one(content: bytes, length: int) -> None:
    if length != len(content):
        with pytest.raises(AuditError):
            opened(sealed(content), length)


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=200)), min_size=2, max_size=20, unique=True))
def test_names_differ_where_label_or_content_differ_and_say_nothing_without_the_key(
    pairs: list[tuple[bytes, bytes]],
) -> None:
    names = [codec.name_of(KEY, label, codec.pieces(content)) for label, content in pairs]
    assert len(set(names)) == len(pairs)
    assert not set(names) & {codec.name_of(OTHER_KEY, label, codec.pieces(content)) for label, content in pairs}


def test_no_nonce_comes_twice_under_one_data_key() -> None:
    nonces = [codec._nonce(number, last) for number in range(300) for last in (False, True)]
    assert len(set(nonces)) == len(nonces)
    assert {len(nonce) for nonce in nonces} == {12}


@settings(max_examples=20)
@given(st.integers(0, 5 * SMALL), st.integers(1, 90))
def test_content_of_another_length_than_announced_is_not_sealed(length: int, more: int) -> None:
    header = codec.Header(NAME, length)
    with pytest.raises(StorageError, match="another length"):
        list(codec.seal(KEY, header, codec.pieces(bytes(length + more))))


def test_a_short_chunk_before_the_last_is_not_sealed_though_the_length_is_right() -> None:
    content = bytes(range(2 * SMALL))
    parts = [content[: SMALL - 1], content[SMALL - 1 :]]
    with pytest.raises(StorageError, match="another length"):
        b"".join(codec.seal(KEY, codec.Header(NAME, len(content)), parts))


def test_a_name_tells_where_the_label_ends() -> None:
    assert codec.name_of(KEY, b"ab", [b"c"]) != codec.name_of(KEY, b"a", [b"bc"])


def test_a_file_is_read_in_the_same_chunks_as_bytes() -> None:
    for length in (0, 1, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL):
        content = bytes(range(256)) * 2
        content = content[:length]
        parts = list(codec.read_pieces(io.BytesIO(content)))
        assert parts == [bytes(part) for part in codec.pieces(content)]
        assert all(len(a) >= len(b) for a, b in pairwise(parts))
