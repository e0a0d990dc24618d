"""Locks between processes, which the operating system lets go of when a process ends, however it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from cipherward.errors import StorageError


class HeldError(StorageError):
    """Another process has the lock."""


@contextlib.contextmanager
def lock(path: Path, *, wait: float = -1) -> Iterator[None]:
    """Hold the lock file `path`, which stays there; `wait` in seconds, for ever below 0.

    Raises:
        HeldError: somebody else has it.
        StorageError: it cannot be made.
    """
    held = FileLock(path, timeout=wait, thread_local=False)
    try:
        held.acquire(poll_interval=0.05)
    except Timeout:
        raise HeldError(f"{path} is locked by another process", hint="wait for it, or stop it") from None
    except (OSError, NotImplementedError) as error:
        raise StorageError(
            f"cannot lock {path}: {getattr(error, 'strerror', None) or error}", hint="check the folder's permissions"
        ) from None
    try:
        yield
    finally:
        held.release()
