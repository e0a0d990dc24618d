"""A run's way into a vault that is far away, from a process of its own: neither the store's latency nor the work of its client holds the
run up, and what is not stored when the run ends is stored afterwards.

The queue on the disk is all that the two share. Only one process carries a run's queue at a time, since it writes one chain.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files, locks
from cipherward.vault.queue import Behind, Queue
from cipherward.vault.uploader import Uploader

_LOCK, _ENDED, _TROUBLE = "carrier.lock", "ended", "trouble"
_LOOK, _SHORT = 0.2, 0.5
"""Seconds between two looks at the queue; for which the end of a run waits for the last objects."""
_START = "import sys; from cipherward.runs.archive import carry; carry(sys.argv[1])"
_NICE = 10


class Apart:
    """As an `Uploader`, whose work is done by a process of its own. `folder`: of the run's queue and what belongs to it."""

    def __init__(self, run: Path, folder: Path, queue: Queue) -> None:
        self._folder, self._queue = folder, queue
        for name in (_ENDED, _TROUBLE):
            files.remove(folder / name)
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-c", _START, str(run.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt is for the run
            )
        except OSError as error:
            raise StorageError(f"cannot start a process for the vault: {error.strerror or error}") from None

    def wake(self) -> None:
        """It looks by itself."""

    def behind(self) -> Behind:
        """What waits still, and why."""
        items = self._queue.items()
        return Behind(len(items), sum(item.size for item in items), trouble(self._folder) if items else "")

    def close(self, wait: float) -> Behind:
        """The run has ended: the process ends when everything is stored, or when the store fails."""
        files.write(self._folder / _ENDED, b"")
        end = time.monotonic() + min(wait, _SHORT)
        while self._queue.items() and self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        return self.behind()


def trouble(folder: Path) -> str:
    """What the store last failed with."""
    path = folder / _TROUBLE
    return files.read(path).decode("utf-8", "replace") if path.exists() else ""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold while a run's queue is carried; waits for whoever does it already. Raises StorageError."""
    with locks.lock(folder / _LOCK):
        yield


def serve(folder: Path, queue: Queue, uploader: Uploader) -> None:
    """In the process of its own, until the run has ended and everything is stored, or the store fails then, or nobody is there."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    parent = os.getppid()
    said = ""
    while True:
        items = queue.items()
        if items:
            uploader.wake()
        if uploader.reason != said:
            said = uploader.reason
            files.write(folder / _TROUBLE, said.encode(), durable=False)
        has_ended = (folder / _ENDED).exists() or os.getppid() != parent
        if has_ended and (not items or uploader.reason):
            break
        time.sleep(_LOOK)
    uploader.close(0.0)
