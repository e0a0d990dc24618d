"""Small letters in one file that has its full size from the start.

A put overwrites a free slot in place: the folder and the file's size stay as they are, so that a letter is durable
after one flush of its own bytes. A slot holds a letter when its digest is right; one that a power failure cut short
does not.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

N_SLOTS = 8
SLOT_BYTES = 128 << 10
_HEAD = struct.Struct(">4sQ16sI32s")  # magic, number, nonce, size, SHA-256 over what is before it and the letter
_MAGIC = b"CWS1"
LARGEST = SLOT_BYTES - _HEAD.size
"""Bytes of the largest letter that fits into a slot."""

_flush: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True)
class Slot:
    """A letter in its slot; `offset` is where its bytes begin in the file."""

    number: int
    nonce: bytes
    size: int
    offset: int


class Slots:
    """The slots of the file `path`, which the first `put` makes. Every method raises OSError when the disk fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._good: dict[int, bytes] = {}  # heads whose letters have been checked, by offset

    def put(self, number: int, nonce: bytes, data: bytes | bytearray | memoryview) -> bool:
        """Make a letter durable; False: it is too large, or no slot is free."""
        size = memoryview(data).nbytes
        if size > LARGEST:
            return False
        if not self.path.exists():
            self._make()
        with self._file() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # puts only: who reads must not wait for the disk
            start = self._free(descriptor)
            if start is None:
                return False
            head = _MAGIC + number.to_bytes(8, "big") + nonce + size.to_bytes(4, "big")
            try:
                os.pwrite(descriptor, b"".join((head, _digest(head, data), data)), start)
                _flush(descriptor)
            except OSError:
                self._clear(descriptor, start)
                raise
        return True

    def waiting(self) -> Iterator[Slot]:
        """The letters in the slots, in no order."""
        if not self.path.exists():
            return
        with self._file() as descriptor:
            for start in range(0, N_SLOTS * SLOT_BYTES, SLOT_BYTES):
                head = os.pread(descriptor, _HEAD.size, start)
                if head[:4] == _MAGIC and len(head) == _HEAD.size and self._is_good(descriptor, start, head):
                    _, number, nonce, size, _ = _HEAD.unpack(head)
                    yield Slot(number, nonce, size, start + _HEAD.size)

    def clear(self, offset: int) -> None:
        """Free the slot of a letter; not flushed."""
        with self._file() as descriptor:
            self._clear(descriptor, offset - _HEAD.size)

    def _make(self) -> None:
        # Real zeros: blocks that are only reserved would be entered into the file system at every first use.
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(bytes(N_SLOTS * SLOT_BYTES))
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _free(self, descriptor: int) -> int | None:
        starts = range(0, N_SLOTS * SLOT_BYTES, SLOT_BYTES)
        heads = ((start, os.pread(descriptor, _HEAD.size, start)) for start in starts)
        return next((start for start, head in heads if not self._is_good(descriptor, start, head)), None)

    def _is_good(self, descriptor: int, start: int, head: bytes) -> bool:
        if head[:4] != _MAGIC or len(head) < _HEAD.size:
            return False
        if self._good.get(start) != head:
            _, _, _, size, mark = _HEAD.unpack(head)
            data = os.pread(descriptor, min(size, LARGEST), start + _HEAD.size)
            if len(data) != size or _digest(head[:-32], data) != mark:
                return False
            self._good[start] = head
        return True

    def _clear(self, descriptor: int, start: int) -> None:
        self._good.pop(start, None)
        os.pwrite(descriptor, bytes(len(_MAGIC)), start)

    @contextmanager
    def _file(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _digest(head: bytes, data: bytes | bytearray | memoryview) -> bytes:
    state = sha256(head)
    state.update(data)
    return state.digest()
