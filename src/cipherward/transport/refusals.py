"""Alarms about connections that the server refused, few enough to be read: a port scan is one thing, not a thousand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from cipherward.consortium.homes.home import Home

PERIOD_SECONDS = 60.0
_HANDSHAKE = "TLS handshake error"


class RefusalAlarms:
    """A failed TLS handshake is an alarm at once; more of them are counted, and told once a minute while they go on.

    Everything else that the server refuses comes from somebody with a certificate: one alarm each.
    """

    def __init__(self, home: Home, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._since: float | None = None
        self._count = 0
        self._last = ""

    def take(self, lines: Iterable[str]) -> None:
        """Lines of the server's log that are new; call it often, with nothing too."""
        self._tell_count()
        for line in lines:
            if _HANDSHAKE not in line:
                self._home.alarm("refused by the server", {"line": line})
            elif self._since is None:
                self._home.alarm("refused by the server", {"line": line})
                self._since = self._clock()
            else:
                self._count, self._last = self._count + 1, line

    def _tell_count(self) -> None:
        now = self._clock()
        if self._since is None or now < self._since + PERIOD_SECONDS:
            return
        if not self._count:
            self._since = None  # quiet again: the next one is told at once
            return
        facts = {"failed_handshakes": self._count, "seconds": round(now - self._since), "line": self._last}
        self._home.alarm("refused by the server", facts)
        self._since, self._count = now, 0
