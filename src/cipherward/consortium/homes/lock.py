"""One service per home: the lock that a running service holds, and whether somebody holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cipherward.consortium.homes.home import Home
from cipherward.errors import StorageError
from cipherward.store import locks

SILENT_SECONDS = 15.0
"""A service that runs and has not written its status for so long is busy, or stands still."""
_WAIT_SECONDS = 1.0  # `is_served` may have it for an instant


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the home's lock.

    Raises:
        StorageError: another service has it, or it cannot be locked.
    """
    held = locks.lock(_file(home), wait=_WAIT_SECONDS)
    try:
        held.__enter__()
    except locks.HeldError:
        raise StorageError(
            f"a service runs on {home.path} already", hint="there is one for each folder; look at its status"
        ) from None
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def is_served(home: Home) -> bool:
    """Whether a service runs on this home now, by its lock: not by what it wrote last, which outlives a kill."""
    if not _file(home).exists():
        return False
    try:
        with locks.lock(_file(home), wait=0):
            return False
    except StorageError:  # held, or not ours to open
        return True


def silence(home: Home) -> float:
    """Seconds since the service last wrote its status, by this machine's clock; infinity if it never did."""
    try:
        then = datetime.fromisoformat(str((home.read_status() or {})["time"]))
        return max((datetime.now(UTC) - then).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError, OverflowError):
        return float("inf")


def _file(home: Home) -> Path:
    return home.path / "serve.lock"
