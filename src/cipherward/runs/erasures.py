"""What was erased of a run in its vault: `erasures/`, one file for each erasure, which the audit log covers as any other file.

The vault's catalogue has the tombstones; whoever opens it for the run writes those down that no file here has. So it does not matter
who erased, and a crash between an erasure and its note heals itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cipherward.errors import StorageError
from cipherward.parties.days import LAST_SECOND
from cipherward.store import files
from cipherward.vault.catalogue import Tombstone

FOLDER = "erasures"
_MOST = 500
"""Objects in one note, so that its audit entry stays short."""


@dataclass(frozen=True)
class _Note:
    """One file. `at`: milliseconds of Unix time; `objects`: names in the vault (hex) by path."""

    at: int
    reason: str
    objects: dict[str, str]


@dataclass(frozen=True)
class Erased:
    """An object that was erased. `tombstone`: its name in the vault, in hex; `at`: milliseconds of Unix time."""

    path: str
    tombstone: str
    reason: str
    at: int

    @property
    def words(self) -> str:
        day = datetime.fromtimestamp(self.at / 1000, UTC)
        return f"erased on {day:%Y-%m-%d}: {self.reason} (tombstone {self.tombstone[:12]})"


def of(stones: Iterable[Tombstone], study: str) -> dict[str, Erased]:
    """The newest tombstone of each file of a study (digest in hex), by the file's path."""
    ordered = sorted((s for s in stones if s.label.study == study), key=lambda stone: stone.erased)
    return {s.label.path: Erased(s.label.path, s.name.hex(), s.reason, s.erased) for s in ordered}


def note(run: Path, stones: Iterable[Tombstone], study: str) -> int:
    """Write down what no file here has yet; how many objects. `study`: digest in hex.

    Raises:
        StorageError: the folder cannot be used.
    """
    known = {name for found in _notes(run) for name in found.objects.values()}
    new = [stone for stone in stones if stone.label.study == study and stone.name.hex() not in known]
    groups: dict[tuple[int, str], list[Tombstone]] = {}
    for stone in sorted(new, key=lambda stone: (stone.erased, stone.label.sum, stone.label.path)):
        groups.setdefault((stone.erased, stone.reason), []).append(stone)
    for (at, reason), group in groups.items():
        for start in range(0, len(group), _MOST):
            part = group[start : start + _MOST]
            found = _Note(at, reason, {one.label.path: one.name.hex() for one in part})
            name = f"{at:013d}-{part[0].name.hex()[:12]}.json"
            files.write(run / FOLDER / name, (json.dumps(asdict(found), indent=1) + "\n").encode())
    return len(new)


def read(run: Path) -> dict[str, Erased]:
    """What the notes in a run's folder say, by path.

    Raises:
        StorageError: a note is damaged.
    """
    return {
        path: Erased(path, name, found.reason, found.at)
        for found in _notes(run)
        for path, name in found.objects.items()
    }


def facts_of(data: bytes) -> dict[str, Any]:
    """What the audit log says of a note: why, and which files. Raises ValueError: it is none."""
    found = _parsed(data)
    return {"reason": found.reason, "objects": len(found.objects), "erased": sorted(found.objects)}


def _notes(run: Path) -> list[_Note]:
    notes = []
    for path in sorted((run / FOLDER).glob("[0-9]*.json")):
        try:
            notes.append(_parsed(files.read(path)))
        except ValueError:
            raise StorageError(f"{path} is damaged", hint="restore it from a backup") from None
    return notes


def _parsed(data: bytes) -> _Note:
    found = files.json_object(data)
    objects = found.get("objects")
    if not isinstance(objects, dict) or not all(isinstance(name, str) for name in objects.values()):
        raise ValueError("no objects")
    at = found.get("at")
    if not isinstance(at, int) or not 0 <= at <= 1000 * LAST_SECOND:
        raise ValueError("no time")
    return _Note(at, str(found.get("reason"))[:500], objects)
