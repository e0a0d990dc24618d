"""Adds to a vault: objects, and tombstones for those that are erased."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from cipherward.errors import AuditError, StorageError
from cipherward.vault import codec
from cipherward.vault.catalogue import Catalogue, Entry, Head, Label, Memory, Segment, Tombstone
from cipherward.vault.vault import Content, Vault, words

_SMALL = 4 << 20
"""Bytes of an object that is written beside others: each is in memory as a whole meanwhile."""


class Writer:
    """Writes one chain of the catalogue. What was added counts after `commit`.

    Args:
        chain: 16 bytes, of this writer only.
        memory: what this writer has written, outside the vault.
        software: name and version, for the record.

    Raises:
        AuditError: the vault is older than what was written to it.
        StorageError: it cannot be read.
    """

    def __init__(
        self, vault: Vault, chain: bytes, memory: Memory, software: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.vault, self.chain, self._memory, self._software, self._clock = vault, chain, memory, software, clock
        self._new: dict[bytes, tuple[Entry, bytes]] = {}
        known = memory.known(vault.id).get(chain, Head())
        # A chain that nobody has begun needs no look at the others, until it is to write what another has written.
        is_begun = bool(known.number) or vault.has_chain(chain)
        self.catalogue = vault.read_catalogue() if is_begun else Catalogue()
        self._unread = set() if is_begun else set(vault.store.names("objects"))
        self.head = self.catalogue.heads.get(chain, Head())
        if self.head.number < known.number or (self.head.number == known.number and self.head != known):
            raise AuditError(
                f"the vault {vault.store.shown} is older than what was written to it",
                hint="bring its newest copy back, or choose another vault; nothing was written",
            )

    def add(self, label: Label, content: Content) -> int:
        """Store one object, unless it is there. Returns the bytes that were stored.

        Raises:
            StorageError: the content or the store cannot be used.
        """
        return self.add_all([(label, content)])

    def add_all(self, items: Sequence[tuple[Label, Content]]) -> int:
        """The same for several: small ones go to a store that is far away at once, so that its latency counts once for all of them."""
        wanted: dict[bytes, tuple[Label, Content, int]] = {}
        for label, content in items:
            name, size = self.vault.name(label, content)
            if name.hex() in self._unread:
                self.read_all()  # written anew under another data key it would open for nobody who has the first
            if name in self.catalogue.entries or name in self.catalogue.tombstones or name in self._new:
                continue
            if size > codec.MAX_BYTES:
                raise StorageError(f"{words(label)} is too large for a vault: {size} bytes")
            wanted[name] = label, content, size
        small = [name for name, (_, _, size) in wanted.items() if size <= _SMALL]
        at_once = self.vault.store.at_once if len(small) > 1 else 1
        if at_once > 1:
            with ThreadPoolExecutor(at_once) as pool:
                keys = pool.map(lambda name: self.vault.write_object(name, wanted[name][2], wanted[name][1]), small)
                for name, key in zip(small, keys, strict=True):
                    self._note(name, key, wanted.pop(name))
        for name, found in wanted.items():
            self._note(name, self.vault.write_object(name, found[2], found[1]), found)
        return sum(self._new[name][0].size for name in (*small, *wanted) if name in self._new)

    def _note(self, name: bytes, key: bytes, found: tuple[Label, Content, int]) -> None:
        self._new[name] = Entry(name, found[0], found[2], int(1000 * self._clock())), key

    def read_all(self) -> None:
        """Know what other chains list, too.

        Raises:
            AuditError, StorageError: as `Vault.read_catalogue`.
        """
        if self._unread:
            self.catalogue, self._unread = self.vault.read_catalogue(), set()

    def commit(self, tombstones: Iterable[Tombstone] = ()) -> None:
        """List what was added; where there is nothing to list, nothing is written.

        Raises:
            StorageError: the store failed; it can be repeated.
        """
        stones = tuple(tombstones)
        if not self._new and not stones:
            return
        entries = tuple(entry for entry, _ in self._new.values())
        segment = Segment(self.chain, self.head.number + 1, self.head.digest, self._software, entries, stones)
        self.head = self.vault.write_segment(segment, [(entry.name, key) for entry, key in self._new.values()])
        self.catalogue.add(segment, self.head)
        self.catalogue.keys |= {entry.name: key for entry, key in self._new.values()}
        self.catalogue.settle()
        self._new = {}
        self._memory.keep(self.vault.id, {self.chain: self.head})
        facts = {"chain": self.chain.hex(), "segment": self.head.number, "digest": self.head.digest.hex()}
        self.vault.on_event("vault stored", facts | {"objects": len(entries)})

    def erase(self, entries: Sequence[Entry], reason: str, catalogue: Catalogue | None = None) -> None:
        """Write tombstones, destroy the data keys, remove the objects.

        Args:
            catalogue: where the entries are from, if not from this writer's own.

        Raises:
            StorageError: the store failed; the tombstones say what is still to be removed.
        """
        if not entries:
            return
        now = int(1000 * self._clock())
        listed = catalogue or self.catalogue
        self.commit(Tombstone(entry.name, entry.label, now, reason) for entry in entries)
        self.vault.destroy([entry.name for entry in entries], listed)
        for entry in entries:
            listed.entries.pop(entry.name, None)
        self.vault.on_event("vault objects erased", {"objects": len(entries), "reason": reason})
