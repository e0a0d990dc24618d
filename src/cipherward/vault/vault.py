"""A vault: objects by name, their data keys, and the catalogue that lists them.

| in the store | holds | written |
|---|---|---|
| `vault.NUMBER` | the vault's id, how its key is made, its naming key under the vault key | once for each vault key |
| `objects/NAME` | one object | once |
| `chains/CHAIN.NUMBER` | a segment of the catalogue | once |
| `keys-NUMBER/CHAIN.NUMBER.VERSION` | the data keys of that segment and of its objects, under the vault key | anew when one is erased |

An object counts when a segment lists it: objects first, then their keys, then the segment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.errors import AuditError, CipherwardError, StorageError, WireError
from cipherward.vault import catalogue as listing
from cipherward.vault import codec, document
from cipherward.vault.catalogue import Catalogue, Entry, Head, Label, Memory, Segment
from cipherward.vault.document import OnEvent, ignore
from cipherward.vault.keyring import DataKey, Keyring, Place, SegmentKeys, place_of, stem_of
from cipherward.vault.keys import Source, Wrapping
from cipherward.vault.stores import MissingObjectError, Store

Content = bytes | Path
"""What to store: bytes, or a file."""


@dataclass(frozen=True)
class Finding:
    """What a check found: an object or a part of the catalogue, and what is wrong with it."""

    what: str
    holds: bool
    detail: str


class Vault:
    """An opened vault, made by `create` or `open_vault`."""

    def __init__(
        self, store: Store, generation: int, identity: bytes, vault_key: bytes, naming_key: bytes, on_event: OnEvent
    ) -> None:
        self.store, self.generation, self.id, self.on_event = store, generation, identity, on_event
        self.keyring = Keyring(store, generation, Wrapping(vault_key, identity))
        self._naming_key = naming_key

    def __repr__(self) -> str:
        return f"Vault({self.store.shown!r}, {self.id.hex()[:8]})"

    # reading

    def read_catalogue(self, memory: Memory | None = None, problems: list[str] | None = None) -> Catalogue:
        """Everything that the vault lists.

        Args:
            memory: what was seen before; an older vault is refused, and this one is remembered.
            problems: takes what is wrong instead of raising it, one sentence each; what can be read is read.

        Raises:
            AuditError: a segment is missing or not the one that was written, or the vault is older than what was seen.
            StorageError: unreadable.
        """
        found, seen, keys = Catalogue(), [], self.keyring.read()
        for chain, numbers in self._chains().items():
            try:
                for number in numbers:
                    segment, head = self._segment(found.heads.get(chain, Head()), (chain, number), keys, found)
                    found.add(segment, head)
                    seen.append((chain, head))
            except (AuditError, MissingObjectError) as error:
                _say(problems, error.message)
        found.settle()
        if memory:
            for text in listing.check_remembered(memory.known(self.id), seen):
                _say(problems, f"{self.store.shown}: {text}")
            memory.keep(self.id, found.heads)
        return found

    def read(self, entry: Entry, catalogue: Catalogue) -> bytes:
        """An object's content, checked.

        Raises:
            AuditError: it is not what was stored. StorageError: it is gone, or cannot be read.
        """
        with self.reading(entry, catalogue) as parts:
            return b"".join(parts)

    @contextmanager
    def reading(self, entry: Entry, catalogue: Catalogue) -> Iterator[Iterator[bytes]]:
        """An object's content in parts; it is whole only when they have ended. Raises as `read`."""
        what = words(entry.label)
        if entry.name not in catalogue.keys:
            raise AuditError(f"{what}: its data key is gone, though nothing says that it was erased")
        header = codec.Header(entry.name, entry.size)
        try:
            with self.store.open(_object(entry.name)) as file:
                yield codec.unseal(catalogue.keys[entry.name], header, file)
        except AuditError as error:
            raise AuditError(f"{what}: {error.message}", hint="restore it from another copy") from None

    def check(self, catalogue: Catalogue, *, deep: bool = True) -> Iterator[Finding]:
        """Every object that is listed: whether it is there and, where `deep`, is what was stored; what should be gone and is
        not; what nobody lists."""
        there = set(self.store.names("objects"))
        for entry in catalogue.of():
            if entry.name.hex() not in there:
                yield Finding(words(entry.label), False, "it is missing from the store")
            elif deep:
                yield self._read_through(entry, catalogue)
            else:
                yield Finding(words(entry.label), True, "there")
        listed = {name.hex() for name in catalogue.entries | catalogue.tombstones}
        for name, stone in catalogue.tombstones.items():
            if name.hex() in there or name in catalogue.keys:
                yield Finding(words(stone.label), False, "erased, and still there: `cipherward vault prune` removes it")
        for unlisted in sorted(there - listed):
            yield Finding(f"object {unlisted[:12]}", True, "nobody lists it: an upload that did not end")
        for outdated in self._outdated():
            yield Finding(outdated, False, "an earlier vault key still opens it: repeat `cipherward vault rotate-key`")

    def _read_through(self, entry: Entry, catalogue: Catalogue) -> Finding:
        try:
            with self.reading(entry, catalogue) as parts:
                name = codec.name_of(self._naming_key, wire.encode(entry.label), parts)
        except CipherwardError as error:
            what = words(entry.label)
            return Finding(what, False, error.message.removeprefix(f"{what}: "))
        holds = name == entry.name
        return Finding(words(entry.label), holds, "intact" if holds else "its content does not give its name")

    # writing

    def name(self, label: Label, content: Content) -> tuple[bytes, int]:
        """An object's name, and its length in bytes.

        Raises:
            StorageError: the file cannot be read.
        """
        encoded = wire.encode(label)
        if isinstance(content, bytes):
            return codec.name_of(self._naming_key, encoded, codec.pieces(content)), len(content)
        with _local(content) as file:
            return codec.name_of(self._naming_key, encoded, codec.read_pieces(file)), content.stat().st_size

    def write_object(self, name: bytes, size: int, content: Content) -> bytes:
        """Encrypt and store one object under a fresh data key, which is returned.

        Raises:
            StorageError: content or store cannot be used, or a file has changed since it was named.
        """
        key, header = os.urandom(codec.KEY_BYTES), codec.Header(name, size)
        if isinstance(content, bytes):
            self.store.write(_object(name), codec.seal(key, header, codec.pieces(content)))
        else:
            with _local(content) as file:
                self.store.write(_object(name), codec.seal(key, header, codec.read_pieces(file)))
        return key

    def write_segment(self, segment: Segment, keys: Sequence[tuple[bytes, bytes]]) -> Head:
        """Store the data keys (name, key) of a segment's objects, then the segment; the head that it makes.

        Raises:
            StorageError: the store failed, or the vault key was rotated meanwhile.
        """
        if document.generation_of(self.store) != self.generation:
            raise StorageError("the vault's key was rotated meanwhile", hint="give the new key, and start again")
        plain, own, place = wire.encode(segment), os.urandom(codec.KEY_BYTES), (segment.chain, segment.number)
        held = SegmentKeys(own, len(plain), tuple(DataKey(name, key) for name, key in keys))
        self.keyring.write(place, held)
        sealed = codec.seal(own, codec.Header(_segment_name(place), len(plain)), codec.pieces(plain))
        self.store.write(_segment_file(place), sealed)
        return listing.head_of(segment.number, plain)

    def destroy(self, names: Iterable[bytes], catalogue: Catalogue) -> None:
        """Destroy the data keys of these objects, then remove the objects. Repeating it finishes what was interrupted."""
        places: dict[Place, set[bytes]] = {}
        for name in names:
            places.setdefault(catalogue.places[name], set()).add(name)
        for place, gone in places.items():
            held = self.keyring.read_one(place)
            left = tuple(item for item in held.keys if item.name not in gone)
            if left != held.keys:
                self.keyring.write(place, SegmentKeys(held.segment, held.length, left))
            for name in gone:
                self.store.remove(_object(name))
                catalogue.keys.pop(name, None)

    def rotate(self, source: Source) -> Vault:
        """Wrap every data key anew under another vault key, then remove what the old one opens. Interrupted before the new
        document is written, the old key stays in force; afterwards, repeat it with the new one.

        Raises:
            AuditError, StorageError: data keys cannot be read, or the store failed.
        """
        made, vault_key = document.make(self.id, source, self._naming_key)
        new = Vault(self.store, self.generation + 1, self.id, vault_key, self._naming_key, self.on_event)
        self.store.prepare(new.keyring.folder)
        new.keyring.remove_all()  # of a rotation that did not end
        for place in sorted(self.keyring.read()):
            new.keyring.write(place, self.keyring.read_one(place))
        document.write(self.store, new.generation, made)
        new.remove_outdated()
        self.on_event("vault key rotated", {"vault": self.id.hex(), "generation": new.generation})
        return new

    def remove_outdated(self) -> None:
        """Remove what earlier vault keys open."""
        for name in self._outdated():
            self.store.remove(name)

    def _outdated(self) -> list[str]:
        found = []
        for older in range(1, self.generation):
            folder = f"keys-{older:06d}"
            found += [f"{folder}/{name}" for name in self.store.names(folder)]
        known = self.store.names("")
        return found + [name for older in range(1, self.generation) if (name := document.path_of(older)) in known]

    # the catalogue's parts

    def has_chain(self, chain: bytes) -> bool:
        """Whether anything was written to it."""
        return chain in self._chains()

    def _chains(self) -> dict[bytes, list[int]]:
        chains: dict[bytes, list[int]] = {}
        for name in self.store.names("chains"):
            if place := place_of(name):
                chains.setdefault(place[0], []).append(place[1])
        return {chain: sorted(numbers) for chain, numbers in chains.items()}

    def _segment(
        self, before: Head, place: Place, keys: dict[Place, SegmentKeys | AuditError], found: Catalogue
    ) -> tuple[Segment, Head]:
        where = f"segment {place[1]} of chain {place[0].hex()[:8]}"
        held = keys.get(place, AuditError("its data keys are missing"))
        try:
            if isinstance(held, AuditError):
                raise held
            with self.store.open(_segment_file(place)) as file:
                plain = b"".join(codec.unseal(held.segment, codec.Header(_segment_name(place), held.length), file))
            segment = wire.decode(Segment, plain)
            listing.follow(before, segment)
        except (AuditError, WireError) as error:
            raise AuditError(f"{where}: {error.message}") from None
        found.keys |= {item.name: item.key for item in held.keys}
        return segment, listing.head_of(place[1], plain)


def create(store: Store, source: Source, on_event: OnEvent = ignore) -> Vault:
    """A new vault in an empty store.

    Raises:
        StorageError: there is a vault already, or the store cannot be used.
    """
    if document.generation_of(store):
        raise StorageError(f"{store.shown} is a vault already", hint="open it, or choose an empty place")
    identity, naming_key = document.fresh()
    made, vault_key = document.make(identity, source, naming_key)
    vault = Vault(store, 1, identity, vault_key, naming_key, on_event)
    for folder in ("", "objects", "chains", vault.keyring.folder):
        store.prepare(folder)
    if document.generation_of(store):
        raise StorageError(f"{store.shown} was made a vault meanwhile", hint="open it")
    document.write(store, 1, made)
    vault = open_vault(store, source, on_event)  # whoever made it at the same moment and was later has made this one
    on_event("vault created", {"vault": vault.id.hex(), "where": store.shown})
    return vault


def open_vault(store: Store, source: Source, on_event: OnEvent = ignore) -> Vault:
    """The vault in a store.

    Raises:
        StorageError: there is none, or not with this kind of key. AuditError: not with this key, or it is damaged.
    """
    generation = document.generation_of(store)
    if not generation:
        raise StorageError(f"{store.shown} is no vault", hint="make one: cipherward vault init URL")
    return Vault(store, generation, *document.read(store, generation, source), on_event)


def words(label: Label) -> str:
    """A label for people."""
    return (label.path or label.kind) + (f" of study {label.study[:12]}" if label.study else "")


def _object(name: bytes) -> str:
    return f"objects/{name.hex()}"


def _segment_file(place: Place) -> str:
    return f"chains/{stem_of(*place)}"


def _segment_name(place: Place) -> bytes:
    return digest("vault-segment-name", place[0], place[1].to_bytes(8, "big"))


@contextmanager
def _local(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}", hint="check the file") from None


def _say(problems: list[str] | None, text: str) -> None:
    if problems is None:
        raise AuditError(text, hint="`cipherward vault check` lists everything that is wrong")
    problems.append(text)
