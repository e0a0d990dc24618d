"""One object as bytes: a header, then chunks under AES-256-GCM, as in the STREAM construction (eprint 2015/189).

The header binds name and length, and every chunk is authenticated with it. The nonce holds the chunk's place and whether it is
the last one, so a chunk that is flipped, cut off, added, reordered or taken from another object does not open. A data key
encrypts one object only.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cipherward.errors import AuditError, StorageError

CHUNK = 1 << 20
"""Bytes of plaintext in a chunk; the last one has what is left."""
KEY_BYTES = 32
HEADER_BYTES = 48
TAG_BYTES = 16
MAX_BYTES = 1 << 40
_MAGIC = b"CWV1"


@dataclass(frozen=True)
class Header:
    """`name`: 32 bytes; `length` of the plaintext in bytes."""

    name: bytes
    length: int

    def encode(self) -> bytes:
        """48 bytes."""
        return _MAGIC + self.name + self.length.to_bytes(8, "big") + CHUNK.to_bytes(4, "big")

    @property
    def n_chunks(self) -> int:
        """At least one: an empty object has one empty chunk."""
        return max(1, -(-self.length // CHUNK))

    @property
    def size(self) -> int:
        """Bytes of the whole object."""
        return HEADER_BYTES + self.length + TAG_BYTES * self.n_chunks


def name_of(naming_key: bytes, label: bytes, content: Iterable[bytes | memoryview]) -> bytes:
    """An object's name: HMAC-SHA256 over its label and its content; 32 bytes."""
    state = hmac.new(naming_key, len(label).to_bytes(8, "big") + label, "sha256")
    for part in content:
        state.update(part)
    return state.digest()


def pieces(data: bytes | memoryview) -> Iterator[memoryview]:
    """`data` in chunks, at least one."""
    view = memoryview(data)
    for start in range(0, max(len(view), 1), CHUNK):
        yield view[start : start + CHUNK]


def read_pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file's content in chunks, at least one.

    Raises:
        OSError: unreadable.
    """
    part = file.read(CHUNK)
    yield part
    while len(part) == CHUNK and (part := file.read(CHUNK)):
        yield part


def seal(data_key: bytes, header: Header, content: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The object's bytes, in parts. `content`: in chunks of `CHUNK` bytes, as long as the header says.

    Raises:
        StorageError: the content has another length, as a file that was changed meanwhile.
    """
    bound = header.encode()
    cipher, last, seen = AESGCM(data_key), header.n_chunks - 1, 0
    yield bound
    for number, part in enumerate(content):
        seen += len(part)
        if number > last or (number < last and len(part) != CHUNK):
            raise _changed()
        yield cipher.encrypt(_nonce(number, number == last), part, bound)
    if seen != header.length:
        raise _changed()


def unseal(data_key: bytes, header: Header, file: BinaryIO) -> Iterator[bytes]:
    """The plaintext in chunks, each authentic in its place; all of it is there only when the iterator ends.

    Raises:
        AuditError: what is stored is not the object that was put there.
        OSError: unreadable.
    """
    bound = header.encode()
    if _exactly(file, HEADER_BYTES) != bound:
        raise AuditError("its header is another object's, or damaged")
    cipher, last = AESGCM(data_key), header.n_chunks - 1
    for number in range(header.n_chunks):
        size = CHUNK if number < last else header.length - last * CHUNK
        stored = _exactly(file, size + TAG_BYTES)
        if len(stored) != size + TAG_BYTES:
            raise AuditError(f"it is cut short in chunk {number + 1} of {header.n_chunks}")
        try:
            yield cipher.decrypt(_nonce(number, number == last), stored, bound)
        except InvalidTag:
            raise AuditError(f"chunk {number + 1} of {header.n_chunks} is not the one that was stored") from None
    if file.read(1):
        raise AuditError("there are bytes after its end")


def _changed() -> StorageError:
    return StorageError("the content has another length than was announced", hint="a file changed meanwhile: repeat it")


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _exactly(file: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer at the end of the file: a stream may give less than asked."""
    found = file.read(size)
    while len(found) < size and (more := file.read(size - len(found))):
        found += more
    return found
