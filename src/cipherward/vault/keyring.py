"""The data keys of a vault: for each segment of the catalogue one small file under the vault key, replaced when a key is erased.

They lie apart from what they open, so that erasing one object, or changing the vault key, touches no object.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cipherward.crypto import wire
from cipherward.errors import AuditError, WireError
from cipherward.vault.keys import Wrapping
from cipherward.vault.stores import Store

Place = tuple[bytes, int]
"""A chain and the number of a segment in it."""


@dataclass(frozen=True)
class DataKey:
    """`name`: of the object that it opens."""

    name: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class SegmentKeys:
    """`segment`: the key of the segment itself; `length` of its plaintext; `keys` of its objects that are not erased."""

    segment: bytes = field(repr=False)
    length: int
    keys: tuple[DataKey, ...]


class Keyring:
    """The files of data keys that one vault key opens."""

    def __init__(self, store: Store, generation: int, wrapping: Wrapping) -> None:
        self.folder = f"keys-{generation:06d}"
        self._store, self._wrapping = store, wrapping

    def read(self) -> dict[Place, SegmentKeys | AuditError]:
        """The keys of every segment, or why they cannot be had."""
        newest = self._newest()
        wrapped = self._store.read_all([self._path(name) for name in newest.values()])
        return {place: self._opened(name, wrapped.get(self._path(name))) for place, name in newest.items()}

    def read_one(self, place: Place) -> SegmentKeys:
        """Raises AuditError: missing or not the one that was written."""
        name = self._newest().get(place)
        if name is None:
            raise AuditError(f"the data keys of segment {place[1]} of chain {place[0].hex()[:8]} are missing")
        found = self._opened(name, self._store.read_all([self._path(name)]).get(self._path(name)))
        if isinstance(found, AuditError):
            raise found
        return found

    def write(self, place: Place, keys: SegmentKeys) -> None:
        """The keys of a segment; earlier versions are removed once this one is there."""
        stem = stem_of(*place)
        before = [name for name in self._names() if name.rpartition(".")[0] == stem]
        version = 1 + max((int(name.rpartition(".")[2]) for name in before), default=0)
        path = self._path(f"{stem}.{version:06d}")
        self._store.write(path, [self._wrapping.wrap(wire.encode(keys), path.encode())])
        self._remove(before)

    def remove_all(self) -> None:
        """After the vault key was changed: nothing is left that the old one opens."""
        self._remove(self._names())

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._store.remove(self._path(name))

    def _opened(self, name: str, wrapped: bytes | None) -> SegmentKeys | AuditError:
        path = self._path(name)
        if wrapped is None:
            return AuditError(f"{path} is missing")
        try:
            return wire.decode(SegmentKeys, self._wrapping.unwrap(wrapped, path.encode()))
        except (AuditError, WireError) as error:
            return AuditError(f"{path}: {error.message}")

    def _newest(self) -> dict[Place, str]:
        found: dict[Place, str] = {}
        for name in self._names():  # in the order of their versions
            chain, number, _ = name.split(".")
            found[bytes.fromhex(chain), int(number)] = name
        return found

    def _names(self) -> list[str]:
        return [name for name in self._store.names(self.folder) if _is_ours(name)]

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"


def stem_of(chain: bytes, number: int) -> str:
    """The name of a segment in the store."""
    return f"{chain.hex()}.{number:06d}"


def place_of(stem: str) -> Place | None:
    """What `stem_of` made it from; None for any other name."""
    chain, _, number = stem.partition(".")
    return (bytes.fromhex(chain), int(number)) if is_hex(chain, 16) and number.isdecimal() else None


def is_hex(text: str, size: int) -> bool:
    """Whether a text is `size` bytes in lower-case hex digits."""
    return len(text) == 2 * size and set(text) <= set("0123456789abcdef")


def _is_ours(name: str) -> bool:
    stem, _, version = name.rpartition(".")
    return version.isdecimal() and place_of(stem) is not None
