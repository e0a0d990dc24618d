"""An outbox: letters that are durable before their first byte leaves, in the order in which they were put.

A letter is one file, `<number>.<nonce>.<size>.letter`; how far its upload has come is in `<number>.sent`. A letter's id
covers a random nonce, so that the same bytes put twice are two letters.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cipherward.errors import StorageError

MAX_LETTER_BYTES = 1 << 30
NONCE_BYTES = 16
_STALE_SECONDS = 3600
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


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
        self._unsynced = ""
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
            waiting = self.pending()
            if len(waiting) >= self.max_letters or size + sum(letter.size for letter in waiting) > self.max_bytes:
                raise StorageError(
                    f"the outbox {self.folder} is full: {len(waiting)} letters wait for the connection",
                    hint="check the connection to the server; letters leave the outbox as they are delivered",
                )
            number = 1 + max((letter.number for letter in waiting), default=0)
            self._write(f"{number:010d}.{os.urandom(NONCE_BYTES).hex()}.{size}.letter", data)
        self.on_put()
        return number

    def pending(self) -> list[Waiting]:
        """The letters that wait, oldest first; one that a power failure cut short was never put."""
        letters = []
        with _storage(self.folder):
            for path in self.folder.glob("[0-9]*.letter"):
                number, nonce, size, _ = path.name.split(".")
                try:
                    whole = path.name != self._unsynced and path.stat().st_size == int(size)
                except FileNotFoundError:  # delivered meanwhile
                    continue
                if whole:
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
        """The server has all of it: forget the letter. Not synced: a forgotten removal only repeats the letter."""
        with _storage(self.folder):
            letter.path.unlink(missing_ok=True)
            self._note(letter).unlink(missing_ok=True)

    def _note(self, letter: Waiting) -> Path:
        return self.folder / f"{letter.number:010d}.{letter.nonce.hex()}.sent"

    def _write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        temporary = self.folder / f".{name}.tmp"
        try:
            with _storage(self.folder), os.fdopen(os.open(temporary, _NEW, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                # Renamed first, so that one commit of the disk holds the content and the name.
                self._unsynced = name
                temporary.rename(self.folder / name)
                os.fsync(file.fileno())
                descriptor = os.open(self.folder, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except StorageError:
            for path in (temporary, self.folder / name):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise
        finally:
            self._unsynced = ""


@contextlib.contextmanager
def _storage(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a file name that no outbox has written"
        raise StorageError(
            f"cannot use the outbox {folder}: {reason or error}", hint="free space and check the folder's permissions"
        ) from None
