from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.errors import WireError
from cipherward.transport import chunks
from cipherward.transport.chunks import CHUNK_BYTES, LABEL_BYTES, Label

SIZES = st.sampled_from([0, 1, 5, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 7])


def split(data: bytes, nonce: bytes, letter: bytes) -> list[bytes]:
    count = chunks.n_chunks(len(data))
    return [
        chunks.encode(Label(nonce, letter, i, len(data)), data[i * CHUNK_BYTES : (i + 1) * CHUNK_BYTES])
        for i in range(count)
    ]


@given(size=SIZES)
def test_the_chunks_of_a_letter_are_the_letter(size: int) -> None:
    data, nonce, letter = os.urandom(size), os.urandom(16), os.urandom(32)
    parts = [chunks.decode(message) for message in split(data, nonce, letter)]
    assert b"".join(body for _, body in parts) == data
    assert [label.index for label, _ in parts] == list(range(parts[0][0].count))
    assert {(label.nonce, label.letter, label.size) for label, _ in parts} == {(nonce, letter, size)}
    assert len({label.message_id for label, _ in parts}) == len(parts)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_chunk_or_a_wire_error(data: bytes) -> None:
    try:
        label, body = chunks.decode(data)
    except WireError:
        return
    assert chunks.encode(label, bytes(body)) == data


@given(magic=st.just(b"CWL1"), rest=st.binary(min_size=60, max_size=80))
def test_any_label_is_consistent_or_a_wire_error(magic: bytes, rest: bytes) -> None:
    try:
        label, body = chunks.decode(magic + rest)
    except WireError:
        return
    assert label.index < label.count
    assert label.size <= 1 << 30
    assert chunks.encode(label, bytes(body)) == magic + rest


@pytest.mark.parametrize(
    ("index", "size", "body", "reason"),
    [
        (0, (1 << 30) + 1, b"", "larger"),
        (0, (1 << 64) - 1, b"", "larger"),
        (1, 5, b"", "chunk 1 of a letter of 1"),
        ((1 << 32) - 1, 5, b"", "chunk"),
        (0, 5, b"1234", "4 bytes, not 5"),
        (0, 5, b"123456", "6 bytes, not 5"),
        (0, CHUNK_BYTES + 1, b"x", "1 bytes, not 900000"),
    ],
)
def test_a_contradictory_label_is_refused(index: int, size: int, body: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        chunks.decode(chunks.encode(Label(bytes(16), bytes(32), index, size), body))


@given(cut=st.integers(0, LABEL_BYTES - 1))
def test_a_chunk_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(WireError):
        chunks.decode(chunks.encode(Label(bytes(16), bytes(32), 0, 0), b"")[:cut])


def test_a_letters_id_depends_on_mailbox_nonce_size_and_content() -> None:
    ids = {
        chunks.letter_id("up.alpha", bytes(16), 7, [b"content"]),
        chunks.letter_id("up.beta", bytes(16), 7, [b"content"]),
        chunks.letter_id("down.alpha", bytes(16), 7, [b"content"]),
        chunks.letter_id("up.alpha", bytes(15) + b"1", 7, [b"content"]),
        chunks.letter_id("up.alpha", bytes(16), 7, [b"contend"]),
        chunks.letter_id("up.alpha", bytes(16), 8, [b"content"]),
    }
    assert len(ids) == 6
    assert chunks.letter_id("up.alpha", bytes(16), 7, [b"con", b"tent"]) in ids
