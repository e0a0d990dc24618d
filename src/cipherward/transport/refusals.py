"""What the message server refused, as few entries as there are things: a port scan is one thing, not a thousand.

Anybody on the internet can fail a TLS handshake, so single ones are news and no alarm; many in an hour are one. Whatever
else the server refuses comes from somebody with a certificate of the consortium: an alarm that names the member.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.membership import authority
from cipherward.errors import CipherwardError
from cipherward.store import files

PERIOD_SECONDS = 3600.0
MANY = 200
"""Failed handshakes within a period that people should hear of."""

_STRAY = (
    "somebody dialled this port without a certificate of the consortium; nobody got in, and more of them within the hour are "
    "counted and not shown",
    "once: nothing, a port scan or a browser; a hospital's address: there, cipherward hospital doctor says what is wrong",
)
_HANDSHAKE = "TLS handshake error"
_ADDRESS = re.compile(r"\[ERR\] \[?([0-9A-Fa-f.:]+)\]?:\d+ - cid")
_ANY_ADDRESS = re.compile(r"(?<![\w.:])\[?((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]?:\d+")
_SERIAL = re.compile("[0-9a-f]{40}")
_MEMBER = re.compile(r"(?:CN=|M_)([a-z0-9][a-z0-9-]*)")


class RefusalAlarms:
    """Sorts the lines of the server's log."""

    def __init__(self, home: CoordinatorHome, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._since: float | None = None
        self._count = 0
        self._last = ""

    def take(self, lines: Iterable[str]) -> None:
        """Lines that are new; call it often, with nothing too."""
        self._end_period()
        for line in lines:
            if _HANDSHAKE not in line:
                self._refused(line)
                continue
            if self._since is None:
                self._since = self._clock()
                self._home.log(
                    "connection refused", {"from": _from(line), "means": _STRAY[0], "hint": _STRAY[1], "line": line}
                )
            self._count, self._last = self._count + 1, line

    def _end_period(self) -> None:
        now = self._clock()
        if self._since is None or now < self._since + PERIOD_SECONDS:
            return
        facts = {"failed_handshakes": self._count, "seconds": round(now - self._since), "line": self._last}
        if self._count >= MANY:
            self._home.alarm("many failed connections", facts)
        self._since, self._count = None, 0

    def _refused(self, line: str) -> None:
        member, address = self._member(line), _ADDRESS.search(line)
        facts: dict[str, object] = {"hospital": member or (address[1] if address else ""), "line": line}
        if not member and "authentication error" in line:
            # The server knows a certificate by the list of members only: whose it was is not in its line.
            gone = [known.name for known in self._home.members.members if not known.is_active]
            who = (
                f"the service of {' or '.join(gone)}, revoked, that still runs" if gone else "one from before a renewal"
            )
            facts["hint"] = (
                f"a certificate of the consortium that counts no more dials from there, perhaps {who}: stop it"
            )
        self._home.alarm("refused by the server", facts)

    def _member(self, line: str) -> str:
        """Whom the line is about: by name, or by the serial number of a certificate that was issued to it."""
        if named := _MEMBER.search(line):
            return named.group(1)
        serials = _SERIAL.findall(line)
        for path in sorted((self._home.path / "certificates").glob("*.crt")) if serials else ():
            try:
                if any(serial in authority.subject(files.read(path)) for serial in serials):
                    return path.stem
            except CipherwardError:
                continue
        return ""


def _from(line: str) -> str:
    """The address that a line of the server's log names; `somewhere` where it names none."""
    found = _ANY_ADDRESS.search(line)
    return found[1] if found else "somewhere"
