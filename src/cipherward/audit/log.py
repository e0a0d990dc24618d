"""The log as its author writes it: `audit.jsonl`, one entry a line, and `checkpoints/`, its signed heads, by size.

Entries are only ever added. Several processes of one author may write, one after the other.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cipherward.audit import entries, notes, reading
from cipherward.audit.entries import Entry, Event
from cipherward.audit.notes import Checkpoint, Key, SignedCheckpoint
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import Tree, leaf_hash
from cipherward.errors import AuditError, StorageError
from cipherward.store import files, locks

_LOCK = "audit.lock"


class AuditLog:
    """The log in `folder`, of the party with this key. `covered`: SHA-256 by path, of what the newest entry about a file says;
    `events`, `last`: how many there are of a kind of event, and its newest entry.

    Raises:
        AuditError: what is there is not this party's log, whole: nothing is added to it.
        StorageError: it cannot be read or written.
    """

    def __init__(self, folder: Path, identity: Identity, origin: str, clock: Callable[[], float] = time.time) -> None:
        self.folder, self.origin = folder, origin
        self.path = folder / reading.LOG
        self.covered: dict[str, str] = {}
        self.events: dict[str, int] = {}
        self.last: dict[str, Entry] = {}
        self._identity, self._clock = identity, clock
        self._tree = Tree()
        self._newest: tuple[Path, files.Stamp | None, SignedCheckpoint] | None = None
        self._offset, self._after = 0, entries.FIRST
        with self._locked():
            self._cut_torn_line()
            self._catch_up()
        self._check_heads()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._tree.size

    def add(self, events: Iterable[Event]) -> int:
        """Write what happened; how many entries that made. All are on the disk when this returns."""
        events = list(events)
        if not events:
            return 0
        with self._locked():
            self._catch_up()
            lines, after = [], self._after
            for number, event in enumerate(events, start=self.size):
                lines.append(entries.write(event, number, self._clock(), after))
                after = reading.after(leaf_hash(lines[-1]))
            files.append(self.path, b"\n".join(lines).decode())
            self._catch_up()
        return len(events)

    def checkpoint(self) -> SignedCheckpoint | None:
        """The head of the log, signed; the one that is there if nothing was added since. None for an empty log."""
        if not self.size:
            return None
        head = Checkpoint(self.origin, self.size, self._tree.root())
        path = reading.checkpoint_file(self.folder, self.size)
        if path.exists():
            return self._head(path)
        signed = notes.sign(self._identity, head)
        self._keep(path, signed)
        return signed

    def _head(self, path: Path) -> SignedCheckpoint:
        """A head from its file, read once while nobody else writes it."""
        if self._newest is None or self._newest[:2] != (path, files.stamp(path)):
            self._newest = path, files.stamp(path), reading.read_checkpoint(path)
        return self._newest[2]

    def _keep(self, path: Path, head: SignedCheckpoint) -> None:
        files.write(path, head.text.encode())
        self._newest = path, files.stamp(path), head

    def request(self, head: SignedCheckpoint, old: int) -> str:
        """What a witness who has seen `old` entries is asked to cosign (c2sp.org/tlog-witness, add-checkpoint)."""
        proof = self._tree.consistency(min(old, head.checkpoint.size), head.checkpoint.size)
        return f"old {old}\n{notes.hash_lines(proof)}\n{head.text}"

    def take(self, answers: Iterable[tuple[str, Key]]) -> int:
        """Keep witnesses' cosignatures with the checkpoint that they are on; the size of the last one.

        Raises:
            AuditError: not this witness's cosignature on a head of this log; the others of this call may be lost with it.
        """
        changed: dict[Path, SignedCheckpoint] = {}
        size = 0
        for answer, witness in answers:
            cosigned = notes.parse(answer)
            size = cosigned.checkpoint.size
            path = reading.checkpoint_file(self.folder, size)
            kept = changed.get(path) or (self._head(path) if path.exists() else None)
            if kept is None or kept.checkpoint != cosigned.checkpoint or cosigned.signed_by(witness) is None:
                raise AuditError("a cosignature on something that is no head of this log")
            if kept.signed_by(witness) is None:
                for line in cosigned.lines:
                    kept = kept.with_line(line)
                changed[path] = kept
        for path, head in changed.items():
            self._keep(path, head)
        return size

    def _check_heads(self) -> None:
        key = Key(self.origin, self._identity.public_key)
        for path in reading.checkpoint_files(self.folder, 1):
            head = reading.read_checkpoint(path)
            size = head.checkpoint.size
            is_own = head.checkpoint.origin == self.origin and head.signed_by(key) is not None
            if not is_own or size > self.size or self._tree.root(size) != head.checkpoint.root:
                raise AuditError(
                    f"{self.path} is not the log of {size} entries whose head was signed",
                    hint="find out who changed it, with `cipherward verify`; bring both back from a backup",
                )

    def _catch_up(self) -> None:
        """Take what this or another process has added since."""
        if not self.path.exists():
            return
        for line in reading.lines(self.path, self._offset):
            entry = entries.read(line)
            if (entry.number, entry.after) != (self.size, self._after):
                raise AuditError(f"{self.path}: entry {self.size} does not follow the one before it")
            self._note(entry)
            leaf = leaf_hash(line)
            self._tree.append(leaf)
            self._after = reading.after(leaf)
            self._offset += len(line) + 1

    def _note(self, entry: Entry) -> None:
        self.covered.update(entry.files)
        self.events[entry.event] = self.events.get(entry.event, 0) + 1
        self.last[entry.event] = entry

    def _cut_torn_line(self) -> None:
        """A process that was killed while it wrote left half a line; nothing was said of it."""
        if not self.path.exists():
            return
        try:
            with self.path.open("rb+") as file:
                size = file.seek(0, os.SEEK_END)
                start = max(0, size - entries.MAX_BYTES - 1)
                file.seek(start)
                tail = file.read()
                if tail and not tail.endswith(b"\n"):
                    file.truncate(start + tail.rfind(b"\n") + 1)
        except OSError as error:
            raise StorageError(f"cannot use {self.path}: {error.strerror or error}", hint="check the disk") from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot use {self.folder}: {error.strerror or error}") from None
        with locks.lock(self.folder / _LOCK):
            yield
