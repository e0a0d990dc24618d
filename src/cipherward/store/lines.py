"""Files of lines that only grow: the end of one is read without what comes before."""

from __future__ import annotations

from pathlib import Path

from cipherward.store import files

_TAIL = 1 << 14


def last_line(path: Path) -> bytes:
    """The last whole line of a file, without its end; what comes before it is not read.

    Raises:
        StorageError: unreadable.
    """
    start = files.size(path) or 0
    while True:
        start = max(0, start - _TAIL)
        found = files.read(path, start).split(b"\n")[:-1]
        if len(found) > 1 or not start:
            return found[-1] if found else b""
