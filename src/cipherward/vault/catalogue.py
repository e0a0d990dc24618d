"""What is in a vault: chains of segments, one chain for each writer, so that several can write to one vault at once.

A segment lists what was stored and what was erased since the one before it, whose digest it holds. A reader that remembers the
last segment it saw notices when a provider hands out an older vault.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cipherward.crypto.hashing import DIGEST_BYTES, digest
from cipherward.errors import AuditError, StorageError
from cipherward.store import files

FIRST = bytes(DIGEST_BYTES)
"""What the first segment of a chain holds as the digest of the one before."""


@dataclass(frozen=True)
class Label:
    """What an object is. `study`: digest in hex, empty where it belongs to none; `path`: its file in the run folder; `sum`:
    the sum it belongs to, counted from 1, or 0."""

    kind: str
    study: str
    path: str
    sum: int = 0


@dataclass(frozen=True)
class Entry:
    """One object: its name in the store, its label, bytes of plaintext, and when it was stored (milliseconds of Unix time)."""

    name: bytes
    label: Label
    size: int
    stored: int


@dataclass(frozen=True)
class Tombstone:
    """An object that was erased: its data key is destroyed. `erased`: when, in milliseconds of Unix time."""

    name: bytes
    label: Label
    erased: int
    reason: str


@dataclass(frozen=True)
class Segment:
    """`chain`: 16 bytes; `previous`: digest of the segment before; `software`: the version that wrote it."""

    chain: bytes
    number: int
    previous: bytes
    software: str
    entries: tuple[Entry, ...]
    tombstones: tuple[Tombstone, ...]


@dataclass(frozen=True)
class Head:
    """The last segment of a chain: how many there are, and its digest."""

    number: int = 0
    digest: bytes = FIRST


def head_of(number: int, plaintext: bytes) -> Head:
    """The head that a chain has when this segment is its last."""
    return Head(number, digest("vault-segment", plaintext))


@dataclass
class Catalogue:
    """All chains together. `entries` and `tombstones` by name; what has a tombstone is no entry any more."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    tombstones: dict[bytes, Tombstone] = field(default_factory=dict)
    heads: dict[bytes, Head] = field(default_factory=dict)
    places: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """Which chain and segment lists an object: there its data key is."""
    keys: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    """Data keys by the names of their objects; secret."""

    def add(self, segment: Segment, head: Head) -> None:
        """Take in the next segment of its chain."""
        for entry in segment.entries:
            self.entries[entry.name] = entry
            self.places[entry.name] = segment.chain, segment.number
        self.tombstones |= {stone.name: stone for stone in segment.tombstones}
        self.heads[segment.chain] = head

    def settle(self) -> None:
        """What was erased, in whichever chain, is no entry."""
        for name in self.tombstones:
            self.entries.pop(name, None)

    def newest(self) -> dict[tuple[str, str], Entry]:
        """The last stored object of each study and path."""
        ordered = sorted(self.entries.values(), key=lambda entry: (entry.stored, self.places[entry.name][1]))
        return {(entry.label.study, entry.label.path): entry for entry in ordered}

    def of(self, *, study: str = "", kind: str = "", path: str = "") -> list[Entry]:
        """Entries by the first digits of the study's digest, by kind, by path; in the order of their labels."""
        found = (
            entry
            for entry in self.entries.values()
            if entry.label.study.startswith(study)
            and (not kind or entry.label.kind == kind)
            and (not path or entry.label.path == path)
        )
        return sorted(found, key=lambda entry: (entry.label.study, entry.label.path, entry.stored))


class Memory:
    """The heads that were seen of a vault, in a file outside of it. Without a file, nothing is remembered."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def known(self, vault: bytes) -> dict[bytes, Head]:
        """Raises StorageError: damaged."""
        if self.path is None or not self.path.exists():
            return {}
        try:
            chains = files.json_object(files.read(self.path)).get(vault.hex(), {})
            return {bytes.fromhex(chain): Head(int(n), bytes.fromhex(mark)) for chain, (n, mark) in chains.items()}
        except (ValueError, TypeError, AttributeError):
            raise StorageError(
                f"{self.path} is damaged: nobody can say whether the vault is the newest",
                hint="restore it; or remove it, and an older vault is not noticed once",
            ) from None

    def keep(self, vault: bytes, heads: Mapping[bytes, Head]) -> None:
        """Remember these heads as well; a chain never goes back."""
        if self.path is None:
            return
        known = self.known(vault)
        found = {
            c: max(h, known.get(c, Head()), key=lambda head: head.number) for c, h in (known | dict(heads)).items()
        }
        document = files.json_object(files.read(self.path)) if self.path.exists() else {}
        document[vault.hex()] = {chain.hex(): [head.number, head.digest.hex()] for chain, head in found.items()}
        files.write(self.path, (json.dumps(document, indent=2) + "\n").encode(), private=True)


def follow(before: Head, segment: Segment) -> None:
    """Raises AuditError unless the segment is the one after `before`."""
    if segment.number != before.number + 1 or segment.previous != before.digest:
        raise AuditError(
            f"segment {segment.number} of chain {segment.chain.hex()[:8]} does not follow the one before it"
        )


def check_remembered(known: Mapping[bytes, Head], seen: Iterable[tuple[bytes, Head]]) -> list[str]:
    """What is missing or other than it was, in words. `seen`: every head that each chain has had, in order."""
    has = set(seen)
    return [
        f"chain {chain.hex()[:8]} had {head.number} segment(s) when it was last seen, and is older or another one now"
        for chain, head in known.items()
        if (chain, head) not in has
    ]
