"""An outbox: letters that are durable before their first byte leaves, in the order in which they were put.

A small letter is in a slot of one file that has its full size from the start: a put overwrites a free slot in place, so
that the letter is durable after one flush of its own bytes. A slot holds a letter when its digest is right; one that a
power failure cut short does not. Any other letter is in a file of its own, `<number>.<nonce>.<size>.letter`; how far its
upload has come is in `<number>.<nonce>.sent`. A letter's id covers a random nonce, so that the same bytes put twice are
two letters.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import FileIO
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files

MAX_LETTER_BYTES = 1 << 30
NONCE_BYTES = 16
_STALE_SECONDS = 3600

N_SLOTS = 8
SLOT_BYTES = 128 << 10
_KEPT = 32 << 10
"""Bytes up to which a letter stays in memory until it is delivered, too."""
_STARTS = range(0, N_SLOTS * SLOT_BYTES, SLOT_BYTES)
_HEAD = struct.Struct(">4sQ16sI32s")  # magic, number, nonce, size, SHA-256 over what is before it and the letter
_MAGIC = b"CWS1"
LARGEST = SLOT_BYTES - _HEAD.size
"""Bytes of the largest letter that fits into a slot."""


@dataclass(frozen=True)
class Waiting:
    """A letter that has not been delivered yet: `size` bytes from `offset` on in the file `path`. `data`: the same bytes, where
    they are small and still in memory."""

    number: int
    nonce: bytes
    size: int
    path: Path
    offset: int = 0
    data: bytes | None = field(default=None, repr=False, compare=False)

    def pieces(self, size: int, first: int = 0) -> Iterator[bytes]:
        """The letter's bytes in pieces of `size` bytes, from piece `first` on; one empty piece for an empty letter.

        Raises:
            StorageError: unreadable.
        """
        if self.data is not None:
            for start in range(first * size, max(self.size, 1), size):
                yield self.data[start : start + size]
            return
        with _storage(self.path.parent), self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + first * size)
            for start in range(first * size, max(self.size, 1), size):
                yield file.read(min(size, self.size - start))


@dataclass(frozen=True)
class Progress:
    """`chunks` are acknowledged; `sequence` is the place of the last of them in the server's stream."""

    chunks: int = 0
    sequence: int = 0


class Outbox:
    """Letters waiting in `folder`, at most `max_letters` and `max_bytes` of them. Safe to use from several threads. What is there
    is read once: of one folder, one object at a time puts and delivers.

    Raises:
        StorageError: from every method, when the folder cannot be read or written.
    """

    def __init__(self, folder: Path, *, max_bytes: int = 8 << 30, max_letters: int = 10_000) -> None:
        self.folder = folder
        self.max_bytes, self.max_letters = max_bytes, max_letters
        self.on_put: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._slots = Slots(folder / "small.slots")
        self._known: list[Waiting] | None = None
        self._marked: set[bytes] = set()
        with _storage(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".*.tmp"):
                if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                    left.unlink(missing_ok=True)

    def put(self, data: bytes | bytearray | memoryview) -> int:
        """Make `data` durable, then wake the sender. Returns the letter's number in this outbox.

        Raises:
            StorageError: letter too large, outbox full, disk full; nothing was half written.
        """
        size = memoryview(data).nbytes
        if size > MAX_LETTER_BYTES:
            raise StorageError(
                f"a letter of {size} bytes is too large to send", hint=f"at most {MAX_LETTER_BYTES} bytes in one letter"
            )
        with self._lock:
            waiting = self._letters()
            if len(waiting) >= self.max_letters or size + sum(letter.size for letter in waiting) > self.max_bytes:
                raise StorageError(
                    f"the outbox {self.folder} is full: {len(waiting)} letters wait for the connection",
                    hint="check the connection to the server; letters leave the outbox as they are delivered",
                )
            number = 1 + (waiting[-1].number if waiting else 0)
            waiting.append(self._write(number, os.urandom(NONCE_BYTES), size, data))
        self.on_put()
        return number

    def pending(self) -> list[Waiting]:
        """The letters that wait, oldest first; one that a power failure cut short was never put."""
        known = self._known
        if known is None:
            with self._lock:
                known = self._letters()
        return known.copy()

    def _letters(self) -> list[Waiting]:
        if self._known is None:
            self._known = sorted(self._read(), key=lambda letter: letter.number)
        return self._known

    def _read(self) -> Iterator[Waiting]:
        with _storage(self.folder):
            for path in self.folder.glob("[0-9]*.letter"):
                number, nonce, size, _ = path.name.split(".")
                if path.stat().st_size == int(size):
                    yield Waiting(int(number), bytes.fromhex(nonce), int(size), path)
            for slot in self._slots.waiting():
                yield Waiting(slot.number, slot.nonce, slot.size, self._slots.path, slot.offset)

    def progress(self, letter: Waiting) -> Progress:
        """How far the upload of `letter` has come; a note that is not as it was written counts as none, which only
        repeats chunks: one that said too much would lose the letter."""
        try:
            text = self._note(letter).read_bytes().decode("ascii")
            progress = Progress(*map(int, text.split()[:2]))
            return progress if text == _noted(letter, progress) else Progress()
        except (OSError, ValueError):
            return Progress()

    def mark(self, letter: Waiting, progress: Progress) -> None:
        """Note acknowledged chunks. Not synced: what a power failure forgets is sent again and dropped as a repeat."""
        with _storage(self.folder):
            self._marked.add(letter.nonce)
            self._note(letter).write_text(_noted(letter, progress), "ascii")

    def done(self, letter: Waiting) -> None:
        """The server has all of it: forget the letter. Not synced: a forgotten removal only repeats the letter."""
        with self._lock, _storage(self.folder):
            if letter.path == self._slots.path:
                self._slots.clear(letter.offset)
            else:
                letter.path.unlink(missing_ok=True)
            if letter.data is None or letter.nonce in self._marked:
                self._note(letter).unlink(missing_ok=True)
                self._marked.discard(letter.nonce)
            self._known = [other for other in self._letters() if other.nonce != letter.nonce]

    def _note(self, letter: Waiting) -> Path:
        return self.folder / f"{letter.number:010d}.{letter.nonce.hex()}.sent"

    def _write(self, number: int, nonce: bytes, size: int, data: bytes | bytearray | memoryview) -> Waiting:
        with _storage(self.folder):
            offset = self._slots.put(number, nonce, data)
            if offset is not None:
                return Waiting(number, nonce, size, self._slots.path, offset, bytes(data) if size <= _KEPT else None)
            path = self.folder / f"{number:010d}.{nonce.hex()}.{size}.letter"
            self._write_file(path.name, data)
            return Waiting(number, nonce, size, path)

    def _write_file(self, name: str, data: bytes | bytearray | memoryview) -> None:
        temporary = self.folder / f".{name}.tmp"
        try:
            with files.create(temporary, anew=True, buffering=0) as file:
                files.write_whole(file.fileno(), data)
                # Renamed first, so that one commit of the disk holds the content and the name.
                if os.name == "posix":
                    temporary.rename(self.folder / name)
                files.sync(file.fileno())
            if os.name != "posix":  # where an open file keeps its name
                temporary.rename(self.folder / name)
            files.sync_folders([self.folder])
        except OSError:
            for path in (temporary, self.folder / name):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise


def _noted(letter: Waiting, progress: Progress) -> str:
    said = f"{progress.chunks} {progress.sequence}"
    return f"{said} {zlib.crc32(letter.nonce + said.encode()):08x}\n"


@contextlib.contextmanager
def _storage(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a file name that no outbox has written"
        raise StorageError(
            f"cannot use the outbox {folder}: {reason or error}", hint="free space and check the folder's permissions"
        ) from None


@dataclass(frozen=True)
class _Slot:
    """A letter in its slot; `offset` is where its bytes begin in the file."""

    number: int
    nonce: bytes
    size: int
    offset: int


class Slots:
    """The slots of the file `path`, which the first `put` makes. Every method raises OSError when the disk fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken: set[int] | None = None

    def put(self, number: int, nonce: bytes, data: bytes | bytearray | memoryview) -> int | None:
        """Make a letter durable; where its bytes begin. None: it is too large, or no slot is free."""
        size = memoryview(data).nbytes
        if size > LARGEST:
            return None
        if not self.path.exists():
            self._make()
        taken = self._known()
        start = next((at for at in _STARTS if at not in taken), None)
        if start is None:
            return None
        head = _MAGIC + number.to_bytes(8, "big") + nonce + size.to_bytes(4, "big")
        with files.opened(self.path, os.O_WRONLY) as file:
            try:
                os.lseek(file, start, os.SEEK_SET)
                files.write_whole(file, b"".join((head, _digest(head, data), data)))
                files.flush(file)
            except OSError:
                _free(file, start)
                raise
        taken.add(start)
        return start + _HEAD.size

    def waiting(self) -> Iterator[_Slot]:
        """The letters in the slots, as they are on the disk, in no order."""
        if not self.path.exists():
            return
        with self.path.open("rb", buffering=0) as file:
            for start in _STARTS:
                head = _read(file, start, _HEAD.size)
                if _is_good(file, start, head):
                    _, number, nonce, size, _ = _HEAD.unpack(head)
                    yield _Slot(number, nonce, size, start + _HEAD.size)

    def clear(self, offset: int) -> None:
        """Free the slot of a letter; not flushed."""
        taken = self._known()
        with files.opened(self.path, os.O_WRONLY) as file:
            _free(file, offset - _HEAD.size)
        taken.discard(offset - _HEAD.size)

    def _known(self) -> set[int]:
        if self._taken is None:
            self._taken = {slot.offset - _HEAD.size for slot in self.waiting()}
        return self._taken

    def _make(self) -> None:
        # Real zeros: blocks that are only reserved would be entered into the file system at every first use.
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            with files.create(temporary) as file:
                file.write(bytes(N_SLOTS * SLOT_BYTES))
                file.flush()
                files.sync(file.fileno())
            temporary.rename(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        files.sync_folders([self.path.parent])


def _free(file: int, start: int) -> None:
    os.lseek(file, start, os.SEEK_SET)
    files.write_whole(file, bytes(len(_MAGIC)))


def _is_good(file: FileIO, start: int, head: bytes) -> bool:
    if head[:4] != _MAGIC or len(head) < _HEAD.size:
        return False
    _, _, _, size, mark = _HEAD.unpack(head)
    data = _read(file, start + _HEAD.size, min(size, LARGEST))
    return len(data) == size and bool(_digest(head[:-32], data) == mark)


def _read(file: FileIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _digest(head: bytes, data: bytes | bytearray | memoryview) -> bytes:
    state = sha256(head)
    state.update(data)
    return state.digest()
