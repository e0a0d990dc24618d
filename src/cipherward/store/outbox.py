"""An outbox: letters that are durable before their first byte leaves, in the order in which they were put.

A letter is one file, `<number>.<nonce>.<size>.letter`; how far its upload has come is in `<number>.sent`. A letter's id
covers a random nonce, so that the same bytes put twice are two letters.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files

MAX_LETTER_BYTES = 1 << 30
NONCE_BYTES = 16


@dataclass(frozen=True)
class Waiting:
    """A letter that has not been delivered yet."""

    number: int
    nonce: bytes
    size: int
    path: Path


@dataclass(frozen=True)
class Progress:
    """`chunks` are acknowledged; `sequence` is the place of the last of them in the server's stream."""

    chunks: int = 0
    sequence: int = 0


class Outbox:
    """Letters waiting in `folder`, at most `max_letters` and `max_bytes` of them. Safe to use from several threads.

    Raises:
        StorageError: from every method, when the folder cannot be read or written.
    """

    def __init__(self, folder: Path, *, max_bytes: int = 8 << 30, max_letters: int = 10_000) -> None:
        self.folder = folder
        self.max_bytes, self.max_letters = max_bytes, max_letters
        self.on_put: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        with _storage(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".*.tmp"):
                left.unlink()

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
            waiting = self.pending()
            if len(waiting) >= self.max_letters or size + sum(letter.size for letter in waiting) > self.max_bytes:
                raise StorageError(
                    f"the outbox {self.folder} is full: {len(waiting)} letters wait for the connection",
                    hint="check the connection to the server; letters leave the outbox as they are delivered",
                )
            number = 1 + max((letter.number for letter in waiting), default=0)
            name = f"{number:010d}.{os.urandom(NONCE_BYTES).hex()}.{size}.letter"
            files.write(self.folder / name, bytes(data) if isinstance(data, memoryview) else data, private=True)
            self._sync()
        self.on_put()
        return number

    def pending(self) -> list[Waiting]:
        """The letters that wait, oldest first."""
        letters = []
        with _storage(self.folder):
            for path in self.folder.glob("[0-9]*.letter"):
                number, nonce, size, _ = path.name.split(".")
                letters.append(Waiting(int(number), bytes.fromhex(nonce), int(size), path))
        return sorted(letters, key=lambda letter: letter.number)

    def progress(self, letter: Waiting) -> Progress:
        """How far the upload of `letter` has come; unreadable notes count as none, which only repeats chunks."""
        try:
            chunks, sequence = self._note(letter).read_text().split()
            return Progress(int(chunks), int(sequence))
        except (OSError, ValueError):
            return Progress()

    def mark(self, letter: Waiting, progress: Progress) -> None:
        """Note acknowledged chunks. Not synced: what a power failure forgets is sent again and dropped as a repeat."""
        with _storage(self.folder):
            self._note(letter).write_text(f"{progress.chunks} {progress.sequence}\n")

    def done(self, letter: Waiting) -> None:
        """The server has all of it: forget the letter."""
        with _storage(self.folder):
            letter.path.unlink(missing_ok=True)
            self._note(letter).unlink(missing_ok=True)
            self._sync()

    def _note(self, letter: Waiting) -> Path:
        return self.folder / f"{letter.number:010d}.{letter.nonce.hex()}.sent"

    def _sync(self) -> None:
        with _storage(self.folder):
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _storage(folder: Path):  # type: ignore[no-untyped-def]
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a file name that no outbox has written"
        raise StorageError(
            f"cannot use the outbox {folder}: {reason or error}", hint="free space and check the folder's permissions"
        ) from None
