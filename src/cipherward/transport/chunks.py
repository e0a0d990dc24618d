"""How a letter travels: numbered chunks, each with the same 64-byte label, put together again in order.

    label: magic (4) | nonce (16) | letter id (32) | index (4, big-endian) | letter size (8, big-endian)
    body:  CHUNK_BYTES bytes, the last chunk the rest; a letter of 0 bytes has one empty chunk

The id is SHA-256 over a tag, the mailbox, the nonce, the size and the content, so that a chunk has one place in one
letter of one mailbox: a chunk that a member copies into another mailbox never completes a letter there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cipherward.errors import WireError
from cipherward.store.outbox import MAX_LETTER_BYTES, NONCE_BYTES

CHUNK_BYTES = 900_000  # with label and headers below the server's default max_payload of 1 MiB
_MAGIC = b"CWL1"
_LABEL = struct.Struct(f">4s{NONCE_BYTES}s32sIQ")
LABEL_BYTES = _LABEL.size


@dataclass(frozen=True)
class Label:
    """Which part of which letter a chunk is."""

    nonce: bytes
    letter: bytes
    index: int
    size: int

    @property
    def count(self) -> int:
        """Number of chunks of the letter."""
        return n_chunks(self.size)

    @property
    def message_id(self) -> str:
        """Exactly-once id of the chunk."""
        return f"{self.letter.hex()}-{self.index}"


def n_chunks(size: int) -> int:
    """Chunks of a letter of `size` bytes."""
    return max(1, -(-size // CHUNK_BYTES))


def hasher(mailbox: str, nonce: bytes, size: int) -> hashlib._Hash:
    """SHA-256 state to be updated with the letter's `size` bytes; its digest is the letter's id."""
    name = mailbox.encode()
    return hashlib.sha256(b"cipherward/v1/letter\x00" + bytes([len(name)]) + name + nonce + size.to_bytes(8, "big"))


def letter_id(mailbox: str, nonce: bytes, size: int, pieces: Iterable[bytes | memoryview]) -> bytes:
    """The id (32 bytes) of the letter of `size` bytes that consists of `pieces`."""
    state = hasher(mailbox, nonce, size)
    for piece in pieces:
        state.update(piece)
    return state.digest()


def encode(label: Label, body: bytes) -> bytes:
    """One message."""
    return _LABEL.pack(_MAGIC, label.nonce, label.letter, label.index, label.size) + body


def decode(data: bytes, max_letter_bytes: int = MAX_LETTER_BYTES) -> tuple[Label, memoryview]:
    """Label and body of one message.

    Raises:
        WireError: not a chunk, a letter that is too large, or a length that contradicts the label.
    """
    if len(data) < LABEL_BYTES:
        raise WireError(f"a chunk has at least {LABEL_BYTES} bytes, this one {len(data)}")
    magic, nonce, letter, index, size = _LABEL.unpack_from(data)
    if magic != _MAGIC:
        raise WireError("not a chunk of a letter")
    if size > max_letter_bytes:
        raise WireError(f"a letter of {size} bytes is larger than {max_letter_bytes}")
    label = Label(nonce, letter, index, size)
    if index >= label.count:
        raise WireError(f"chunk {index} of a letter of {label.count}")
    expected = min(CHUNK_BYTES, size - index * CHUNK_BYTES)
    if len(data) - LABEL_BYTES != expected:
        raise WireError(f"chunk {index} has {len(data) - LABEL_BYTES} bytes, not {expected}")
    return label, memoryview(data)[LABEL_BYTES:]
