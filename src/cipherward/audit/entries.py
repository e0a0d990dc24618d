"""One entry of the log: a JSON object in its only form (RFC 8785, with integers and text only), on one line.

`n`: its number; `at`: when, by the author's clock; `event`: what; `after`: the beginning of the hash of the entry before it, so that a
reader who has no checkpoint between two entries still knows which was touched; `files`: SHA-256 by path, of what the entry is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cipherward.errors import AuditError

FIRST = ""
"""In the place of `after` in the first entry."""
AFTER_DIGITS = 32
MAX_BYTES = 1 << 20
_MAX_INTEGER = 1 << 53
OWN = frozenset({"n", "after", "at", "event", "files"})
"""What facts cannot be called."""


def _refuse(text: str) -> None:
    raise ValueError(text)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)
_CONSTANTS = (b"true", b"false", b"null")


@dataclass(frozen=True)
class Event:
    """What happened, before it has its place. `facts`: text, integers, lists and objects of them; never data of a table."""

    event: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """An entry that was read. `line`: its bytes, without the end of the line."""

    line: bytes = field(repr=False)
    number: int
    at: str
    event: str
    after: str
    files: Mapping[str, str]
    facts: Mapping[str, Any]


def write(event: Event, number: int, at: float, after: str) -> bytes:
    """The line of an event that happened at `at` (Unix seconds), as entry `number`.

    Raises:
        TypeError, ValueError: facts that the form has no place for (a mistake of the caller).
    """
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if OWN & event.facts.keys():
        raise ValueError(f"facts cannot be called {', '.join(sorted(OWN & event.facts.keys()))}")
    found = {**event.facts, "n": number, "after": after, "at": stamp, "event": event.event}
    if event.files:
        found["files"] = dict(event.files)
    _check(found)
    return canonical(found)


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of somebody who knows nothing of entries: other values than integers become text, and names that an entry has itself get
    another one."""
    return {
        f"{key}_" if key in OWN else key: value if type(value) is int and abs(value) < _MAX_INTEGER else str(value)
        for key, value in facts.items()
    }


def canonical(value: Any) -> bytes:
    """The only form of a JSON value of text, integers, lists, and objects with ASCII keys."""
    return _ENCODER.encode(value).encode()


def read(line: bytes) -> Entry:
    """An entry from its line.

    Raises:
        AuditError: not an entry in its only form.
    """
    try:
        if len(line) > MAX_BYTES:
            raise ValueError
        found = _DECODER.decode(line.decode())
        if not isinstance(found, dict) or canonical(found) != line:
            raise ValueError
        if not line.isascii() or any(word in line for word in _CONSTANTS):
            _check(found)  # which takes as long as all the rest
        texts = [found[name] for name in ("at", "event", "after")]
        files = found.get("files", {})
        if not all(isinstance(text, str) for text in (*texts, *files, *files.values())):
            raise ValueError
        number = found["n"]
        if not isinstance(number, int):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise AuditError("not an entry of an audit log in its only form") from None
    at, event, after = texts
    return Entry(line, number, at, event, after, files, {key: value for key, value in found.items() if key not in OWN})


def _check(value: Any) -> None:
    if isinstance(value, dict):
        for key, inside in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise TypeError("an entry's keys are ASCII text")
            _check(inside)
    elif isinstance(value, (list, tuple)):
        for inside in value:
            _check(inside)
    elif isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(f"{type(value).__name__} has no place in an entry")
    elif isinstance(value, int) and abs(value) >= _MAX_INTEGER:
        raise ValueError("an integer too large for an entry")
