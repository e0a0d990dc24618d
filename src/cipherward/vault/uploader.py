"""Carries a queue into a vault, in a thread beside the work: a store that is slow or away holds nothing up."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from cipherward.errors import CipherwardError
from cipherward.vault.queue import Behind, Item, Queue
from cipherward.vault.writer import Writer

_BATCH = 64
"""Objects in one segment of the catalogue, at most."""
_AT_ONCE = 32
"""Objects between two looks at whether the end has come."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class Uploader:
    """Starts at once, and ends with `close`, or with the process.

    Args:
        open_writer: opens the vault; called in the thread, and again after a failure.
        afterwards: called when a batch is stored, such as to erase what is kept no longer.
        on_trouble: told each kind of failure once, in words without credentials.
        look_every: seconds after which `afterwards` is called at the latest, though nothing came; None: never.
    """

    def __init__(
        self,
        queue: Queue,
        open_writer: Callable[[], Writer],
        *,
        afterwards: Callable[[Writer], None] = lambda writer: None,
        on_trouble: Callable[[str], None] = lambda reason: None,
        look_every: float | None = None,
    ) -> None:
        self._queue, self._open, self._afterwards, self._on_trouble = queue, open_writer, afterwards, on_trouble
        self._writer: Writer | None = None
        self._look_every = look_every
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._pause = _FIRST_PAUSE
        self.reason = ""
        self._thread = threading.Thread(target=self._run, name="vault", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was put into the queue."""
        self._wake.set()

    def behind(self) -> Behind:
        """What waits still, and why."""
        items = self._queue.items()
        return Behind(len(items), sum(item.size for item in items), self.reason if items else "")

    def close(self, wait: float) -> Behind:
        """End, after waiting at most `wait` seconds for the queue; a store that fails is not waited for. What is left stays in
        the queue."""
        end = time.monotonic() + wait
        self.wake()
        while self._queue.items() and not self.reason and time.monotonic() < end:
            time.sleep(0.02)
        self._stopped.set()
        self.wake()
        self._thread.join(timeout=min(max(end - time.monotonic(), 0.1), 5.0))
        return self.behind()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                while not self._stopped.is_set() and (items := self._queue.items()):
                    self._carry(items[:_BATCH])
                    self.reason, self._pause = "", _FIRST_PAUSE
                if not self._wake.wait(self._look_every):
                    self._carry([])
            except CipherwardError as error:
                self._fail(error.message)
            except Exception as error:  # a client's own mistake must not end the thread
                self._fail(f"unexpected {type(error).__name__}")

    def _fail(self, reason: str) -> None:
        if reason != self.reason:
            self.reason = reason
            with contextlib.suppress(CipherwardError):
                self._on_trouble(reason)
        self._stopped.wait(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _carry(self, items: list[Item]) -> None:
        if self._writer is None:
            self._writer = self._open()
        writer = self._writer
        there = [(item.label, item.content) for item in items if item.content is not None and item.content.exists()]
        for start in range(0, len(there), _AT_ONCE):
            if self._stopped.is_set():
                return
            writer.add_all(there[start : start + _AT_ONCE])
        try:
            writer.commit()
            for item in items:
                if item.content is None:
                    writer.read_all()
                    of_kind = writer.catalogue.of(study=item.label.study, kind=item.label.kind)
                    writer.erase([entry for entry in of_kind if item.is_about(entry.label)], item.reason)
        except BaseException:
            self._writer = None  # nobody knows how far that came: the next one reads it
            raise
        for item in items:
            self._queue.done(item)
        self._afterwards(writer)
