"""What the coordinator writes into its journal about the current sum, and how it is read back after a restart.

Inputs (packets that changed the sum, hospitals excluded) and decisions (a phase closed) are replayed through the same
code that took them, so a recovered coordinator says the same bytes. What that code would not compute twice alike is in
the journal too: the total, which starts from fresh randomness in scheme `ckks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cipherward.crypto import wire
from cipherward.errors import StorageError, WireError
from cipherward.store.journal import Journal, Record

BEGIN, PACKET, STALE, HEARD, LATECOMER, PROVED, EXCLUDE, TOTAL, OPENED, ADVANCE = (
    "begin", "packet", "stale", "heard", "latecomer", "proved", "exclude", "total", "opened", "advance",
)  # fmt: skip


@dataclass(frozen=True)
class Begun:
    """The sum that the journal is about."""

    study: bytes
    round: int


@dataclass(frozen=True)
class Opened:
    """A sum whose opening is about to be published: what its report needs. `opened`: 1, or 0 when it did not open."""

    round: int
    attempt: int
    purpose: str
    contributors: tuple[int, ...]
    opened: int
    reason: str


class SumLog:
    """Writes and reads one coordinator's journal; without one, or while it is replayed, writing does nothing."""

    def __init__(self, journal: Journal | None, study: bytes) -> None:
        self._journal = journal
        self._study = study
        self._noted: set[tuple[bytes, str, int]] = set()
        self._broken = ""
        self.replaying = False

    @contextmanager
    def durable(self) -> Iterator[None]:
        """After a failed write, memory and disk differ: the node that wrote is of no more use.

        Raises:
            StorageError: the disk has failed, now or earlier.
        """
        if self._broken:
            raise StorageError(self._broken, hint="start the coordinator again: the sum goes on where it was")
        try:
            yield
        except StorageError as error:
            self._broken = error.message
            raise

    def begin(self, round: int) -> None:
        """Forget the last sum and start the next."""
        self._noted.clear()
        if self._journal is not None and not self.replaying:
            self._journal.clear()
            self._journal.append(BEGIN, 0, wire.encode(Begun(self._study, round)))

    def write(self, kind: str, hospital: int = 0, data: bytes | memoryview = b"") -> None:
        if self._journal is not None and not self.replaying:
            self._journal.append(kind, hospital, data)

    def write_once(self, context: bytes, kind: str, hospital: int, data: bytes = b"") -> None:
        """Write, once for an attempt, what a message that is set aside says about its sender."""
        if (context, kind, hospital) not in self._noted:
            self._noted.add((context, kind, hospital))
            self.write(kind, hospital, data)

    def drop_large(self) -> None:
        """The opening is on disk: updates and the total are not read again."""
        if self._journal is not None:
            self._journal.drop_large()

    def to_replay(self, sums_done: int) -> Iterator[Record]:
        """The records from which a node with this many sums done goes on; nothing where there is nothing to go on with.

        Raises:
            StorageError: another study's journal, or one that is ahead of the openings on disk.
        """
        if self._journal is None or not len(self._journal):
            return iter(())
        first = next(self._journal.records())
        try:
            begun = wire.decode(Begun, first.data)
        except WireError:
            begun = Begun(b"", 0)
        if first.kind != BEGIN or begun.study != self._study:
            raise StorageError(
                "the coordinator's journal does not belong to this study",
                hint="point to the right folder, or move the journal's folder away to ask for the sum from its beginning",
            )
        if begun.round > sums_done:
            raise StorageError(
                f"the journal is about sum {begun.round}, but only {sums_done} opening(s) are on disk",
                hint="restore the openings (receipts/) from a backup that is not older than the journal",
            )
        if begun.round == sums_done:
            return self._journal.records()
        kinds = [kind for kind, _ in self._journal.index()]
        if begun.round == sums_done - 1 and OPENED in kinds:
            return self._journal.records(len(kinds) - 1 - kinds[::-1].index(OPENED))
        self._journal.clear()  # of a sum that is on disk, whole, and verified or caught up with later
        return iter(())

    def excluded(self) -> set[int]:
        """Hospitals whose exclusion is in the journal."""
        index = self._journal.index() if self._journal is not None else []
        return {hospital for kind, hospital in index if kind == EXCLUDE}


def read_opened(record: Record) -> Opened:
    """The body of an OPENED record. Raises StorageError."""
    try:
        return wire.decode(Opened, record.data)
    except WireError as error:
        raise StorageError(f"the coordinator's journal: {error.message}", hint="move its folder away") from None


def does_not_fit(what: str) -> StorageError:
    """The error for a journal that contradicts what is on disk."""
    return StorageError(
        f"the coordinator's journal does not fit what is on disk: {what}",
        hint="move the journal's folder away: the sum is then asked for from its beginning, "
        "and hospitals answer with what they sent before",
    )
