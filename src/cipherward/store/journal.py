"""The coordinator's journal of its current sum: what it has accepted and decided, in order, durable before it answers.

A folder with one file of records, `journal`, and one file for each large record's data. A record is a 16-byte head
(its length, and a check of the head itself), a digest that also covers the record before it, and its bytes. A process
killed while it writes leaves a torn last record, which is cut off: nothing was answered to it. Anything else that does
not fit is damage. The journal is cleared when the next sum begins, so it never holds more than one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.errors import StorageError, WireError
from cipherward.store import files

LARGE = 1 << 16
"""Bytes from which a record's data goes into a file of its own."""

_HEAD = 16
_DIGEST = 32


@dataclass(frozen=True)
class Record:
    """One entry: what kind, about which hospital (0: none), and its data."""

    kind: str
    hospital: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class _Line:
    kind: str
    hospital: int
    data: bytes
    payload: bytes  # digest of the data where it is in a file of its own, or empty


class Journal:
    """Opens (or makes) the journal in `folder`; a torn last record is cut off.

    Raises:
        StorageError: from every method, when the journal is damaged, read-only or the disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "journal"
        with self._storage("open"):
            changed = files.make_folder(folder)
            if not self._path.exists():
                self._path.touch(mode=0o600)
                files.sync_folders(changed)
            content = self._path.read_bytes()
        self._ends, self._lines = self._parse(content)
        with self._storage("repair"):
            if len(content) > self._end:
                os.truncate(self._path, self._end)
            for number, path in self._payloads():
                if number >= len(self._lines) or not self._lines[number].payload:
                    path.unlink()
        self._last = self._digest_of(content)

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, kind: str, hospital: int = 0, data: bytes | memoryview = b"") -> None:
        """Add a record; it is on the disk when this returns. After a StorageError the journal must be opened anew."""
        large = len(data) >= LARGE
        if large:
            files.write(self._payload(len(self._lines)), data, private=True)
        line = _Line(kind, hospital, b"" if large else bytes(data), digest("journal-payload", data) if large else b"")
        body = wire.encode(line)
        length = len(body).to_bytes(8, "big")
        mark = digest("journal", self._last, body)
        with self._storage("write"), files.opened(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
            files.write_whole(file, b"".join((length, _check(length), mark, body)))
            files.sync(file)
        self._last = mark
        self._lines.append(line)
        self._ends.append(self._end + _HEAD + _DIGEST + len(body))

    def index(self) -> list[tuple[str, int]]:
        """Kind and hospital of every record, oldest first, without reading large data."""
        return [(line.kind, line.hospital) for line in self._lines]

    def records(self, start: int = 0) -> Iterator[Record]:
        """The records from number `start` on, oldest first; large data are read when it is their turn."""
        for number, line in enumerate(self._lines[start:], start=start):
            yield Record(line.kind, line.hospital, self._data(number, line) if line.payload else line.data)

    def drop_large(self) -> None:
        """Remove the files of large data, when nothing will read them again."""
        with self._storage("clear"):
            for _, path in self._payloads():
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget everything: the records first, then the large data."""
        with self._storage("clear"):
            with self._path.open("wb") as file:
                files.sync(file.fileno())
            self._ends, self._lines, self._last = [], [], b""
        self.drop_large()

    # bytes

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _payload(self, number: int) -> Path:
        return self._folder / f"{number:06d}.payload"

    def _payloads(self) -> list[tuple[int, Path]]:
        return [(int(path.stem), path) for path in self._folder.glob("[0-9]*.payload") if path.stem.isdecimal()]

    def _parse(self, content: bytes) -> tuple[list[int], list[_Line]]:
        ends: list[int] = []
        lines: list[_Line] = []
        start, last = 0, b""
        while start < len(content):
            head = content[start : start + _HEAD]
            length = int.from_bytes(head[:8], "big")
            body_start = start + _HEAD + _DIGEST
            if len(head) < _HEAD:
                break  # torn
            if head[8:] != _check(head[:8]):
                if not any(content[start + _HEAD :]):
                    break  # torn: the file grew, and at most a part of the head came
                raise self._damaged(f"record {len(lines)} has a damaged head")
            if body_start + length > len(content):
                break  # torn
            body = content[body_start : body_start + length]
            mark = digest("journal", last, body)
            if mark != content[start + _HEAD : body_start]:
                if body_start + length == len(content):
                    break  # torn: the last record, whose pages may reach the disk in any order
                raise self._damaged(f"record {len(lines)} does not have its digest")
            try:
                lines.append(wire.decode(_Line, body))
            except WireError as error:
                raise self._damaged(f"record {len(lines)}: {error.message}") from None
            start, last = body_start + length, mark
            ends.append(start)
        return ends, lines

    def _digest_of(self, content: bytes) -> bytes:
        """The digest of the last whole record."""
        start = self._ends[-2] if len(self._ends) > 1 else 0
        return content[start + _HEAD : start + _HEAD + _DIGEST] if self._ends else b""

    def _data(self, number: int, line: _Line) -> bytes:
        try:
            data = files.read(self._payload(number))
        except StorageError as error:
            raise self._damaged(error.message) from None
        if digest("journal-payload", data) != line.payload:
            raise self._damaged(f"{self._payload(number).name} does not have its digest")
        return data

    def _damaged(self, what: str) -> StorageError:
        return StorageError(
            f"the journal {self._path} is damaged: {what}",
            hint=f"move the folder {self._folder} away and start again: the sum is then asked for from its beginning, "
            "and hospitals answer with what they sent before",
        )

    @contextlib.contextmanager
    def _storage(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"cannot {what} the journal {self._path}: {error.strerror or error}",
                hint="free space or repair the disk, then start again: the sum goes on where it was",
            ) from None


def _check(length: bytes) -> bytes:
    return digest("journal-head", length)[:8]
