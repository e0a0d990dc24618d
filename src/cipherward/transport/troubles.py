"""Which letters do not pass although the connection stands: a server can answer and still store and hand out nothing.

Without a majority of a cluster's servers, with a full disk, or with a full mailbox, a connection looks as always. What
does not pass is noted here when it fails, and taken out only when the server has stored or handed out something again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """Why these letters do not pass, and since when (Unix seconds)."""

    reason: str
    since: float


class Troubles:
    """By what does not pass, such as "letters to clinic-1". `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._found: dict[str, Trouble] = {}

    @property
    def found(self) -> Mapping[str, Trouble]:
        return dict(self._found)

    def add(self, what: str, reason: str) -> None:
        """It failed, again: the time is that of the first failure."""
        before = self._found.get(what)
        self._found[what] = Trouble(reason, before.since if before else self._clock())

    def end(self, what: str) -> None:
        """It passes, or nobody tries any more."""
        self._found.pop(what, None)
