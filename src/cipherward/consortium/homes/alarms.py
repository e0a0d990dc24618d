"""The alarms of a home, in a file of their own: one entry for the same thing of the same party, however often it comes.

A log turns over, and what one party does a thousand times would push out what another did once. Here every kind of alarm
has one entry: who, what, first, last, how often, and whether people have seen it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files, locks

MOST = 400
"""Entries that are kept; those that people have seen go first, then those that came last the longest ago."""
_WHO = ("hospital", "member", "who")
_TEXT = 500


@dataclass(frozen=True)
class Alarm:
    """`times`: how often; `seen`: people have acknowledged all of them; times are ISO 8601, UTC."""

    event: str
    who: str
    study: str
    reason: str
    hint: str
    first: str
    last: str
    times: int = 1
    seen: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        return self.event, self.who, self.study


class Alarms:
    """Raises StorageError from every method when the folder cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "alarms.json"
        self._lock = folder / "alarms.lock"

    def all(self) -> list[Alarm]:
        """Every entry, newest last; a damaged file counts as none, and is written anew with the next alarm."""
        if not self._path.exists():
            return []
        try:
            listed = files.json_object(files.read(self._path))["alarms"]
            return [Alarm(**entry) for entry in listed]
        except (ValueError, KeyError, TypeError):
            return []

    def add(self, event: str, facts: Mapping[str, object], now: str) -> Alarm:
        """Note an alarm; its entry, with how often it has come since people last looked."""
        who = next((str(facts[name]) for name in _WHO if facts.get(name)), "")
        study, reason = (
            str(facts.get("study") or facts.get("digest") or ""),
            str(facts.get("reason") or facts.get("line") or ""),
        )
        entry = Alarm(event, who, study, reason[:_TEXT], str(facts.get("hint") or "")[:_TEXT], now, now)
        with locks.lock(self._lock, wait=10):
            known = {alarm.key: alarm for alarm in self.all()}
            before = known.pop(entry.key, None)
            if before and not before.seen:
                entry = replace(entry, first=before.first, times=before.times + 1)
            known[entry.key] = entry
            self._write(list(known.values()))
        return entry

    def acknowledge(self) -> int:
        """People have seen every alarm that is there; how many were new to them."""
        with locks.lock(self._lock, wait=10):
            known = self.all()
            self._write([replace(alarm, seen=True) for alarm in known])
        return sum(not alarm.seen for alarm in known)

    def _write(self, alarms: list[Alarm]) -> None:
        excess = len(alarms) - MOST
        if excess > 0:
            gone = sorted(alarms, key=lambda alarm: (not alarm.seen, alarm.last))[:excess]
            alarms = [alarm for alarm in alarms if alarm not in gone]
        document = {"alarms": [asdict(alarm) for alarm in alarms]}
        files.write(self._path, (json.dumps(document, indent=1) + "\n").encode())


def open_alarms(folder: Path) -> list[Alarm]:
    """The alarms that nobody has acknowledged, oldest first; none where they cannot be read."""
    try:
        return [alarm for alarm in Alarms(folder).all() if not alarm.seen]
    except StorageError:
        return []
