"""A store that fails as stores do: away, slow, full, without permission, in the middle of a write, for good."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from cipherward.vault.stores import Store, _in_words


class FaultyStore:
    """Carries on to a real store while `open_gate` is set; `error`: what every write says instead."""

    def __init__(self, real: Store) -> None:
        self.real = real
        self.shown = real.shown
        self.open_gate = threading.Event()
        self.open_gate.set()
        self.at_once = real.at_once
        self.error: int = 0
        self.writes_left: int | None = None
        self.written: list[str] = []

    def _may(self) -> None:
        self.open_gate.wait()
        with _in_words(f"cannot write the vault {self.shown}"):
            if self.error:
                raise OSError(self.error, os.strerror(self.error), "s3://key:hunter2@bucket")
            if self.writes_left is not None:
                self.writes_left -= 1
                if self.writes_left < 0:
                    raise ConnectionResetError(errno.ECONNRESET, "reset by token=hunter2")

    def prepare(self, folder: str) -> None:
        self._may()
        self.real.prepare(folder)

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        whole = b"".join(parts)
        try:
            self._may()
        except Exception:
            if self.writes_left is not None and self.writes_left < 0:
                self.real.write(name, [whole[: len(whole) // 2]])  # what had arrived when the connection broke
            raise
        self.real.write(name, [whole])
        self.written.append(name)

    def open(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        self.open_gate.wait()
        return self.real.open(name)

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        self.open_gate.wait()
        return self.real.read_all(names)

    def names(self, folder: str) -> list[str]:
        self.open_gate.wait()
        return self.real.names(folder)

    def remove(self, name: str) -> None:
        self._may()
        self.real.remove(name)


@contextlib.contextmanager
def closed(store: FaultyStore) -> Iterator[None]:
    """The store answers nothing, for as long as this lasts."""
    store.open_gate.clear()
    try:
        yield
    finally:
        store.open_gate.set()
