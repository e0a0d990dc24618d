"""One service per home: the lock that a running service holds, and whether somebody holds it."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from cipherward.consortium.homes.home import Home
from cipherward.errors import StorageError

SILENT_SECONDS = 15.0
"""A service that runs and has not written its status for so long is busy, or stands still."""
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Hold the home's lock. The operating system lets go of it when the process ends, however it ends.

    Raises:
        StorageError: another service has it.
    """
    path = home.path / "serve.lock"
    try:
        file = path.open("w")
    except OSError as error:
        raise StorageError(
            f"cannot lock {path}: {error.strerror or error}", hint="check the folder's permissions"
        ) from None
    with file:
        for attempt in range(1, _ATTEMPTS + 1):  # `is_served` may have it for an instant
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if attempt == _ATTEMPTS:
                    raise StorageError(
                        f"a service runs on {home.path} already",
                        hint="there is one for each folder; look at its status",
                    ) from None
                time.sleep(_PAUSE_SECONDS)
        yield


def is_served(home: Home) -> bool:
    """Whether a service runs on this home now, by its lock: not by what it wrote last, which outlives a kill."""
    try:
        with (home.path / "serve.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # held, or not ours to read
        return True
    return False


def silence(home: Home) -> float:
    """Seconds since the service last wrote its status, by this machine's clock; infinity if it never did."""
    try:
        then = datetime.fromisoformat(str((home.read_status() or {})["time"]))
        return max((datetime.now(UTC) - then).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError, OverflowError):
        return float("inf")
