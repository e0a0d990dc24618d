"""A hospital's ledger: one SQLite file that remembers what must never be forgotten or said twice.

It is written before a message leaves. For every sum it holds the hospital's join, contribution, vote and release, so
that a repeat is answered with the same bytes, and the per-sum private key until the release is recorded. One-time
secrets are never in it. `secure_delete` overwrites what is erased, and the write-ahead log, which still holds it, is
emptied at once.

With differential privacy it also holds every charge to the budget, with the noisy contribution that was charged until
the release is recorded: another attempt at the same sum sends the same values, which costs nothing more.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cipherward.errors import AlreadyReleasedError, StorageError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sums (
    context BLOB PRIMARY KEY, study BLOB NOT NULL, query BLOB NOT NULL, round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    private_key BLOB, joined BLOB, header BLOB, update_bytes BLOB, vote BLOB, manifest BLOB, request BLOB, release BLOB,
    is_void INTEGER NOT NULL DEFAULT 0, is_closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS sums_by_query ON sums (query);
CREATE TABLE IF NOT EXISTS receipts (
    study BLOB NOT NULL, round INTEGER NOT NULL, receipt BLOB NOT NULL, PRIMARY KEY (study, round)
) STRICT;
CREATE TABLE IF NOT EXISTS charges (
    study BLOB NOT NULL, query BLOB NOT NULL, round INTEGER NOT NULL, unit TEXT NOT NULL, what TEXT NOT NULL,
    event TEXT NOT NULL, contribution BLOB, PRIMARY KEY (study, query)
) STRICT;
"""


@dataclass(frozen=True)
class SumRecord:
    """What this hospital has said about one sum; empty bytes where it has said nothing."""

    context: bytes
    query: bytes
    round: int
    attempt: int
    private_key: bytes = field(repr=False)
    joined: bytes = field(repr=False)
    header: bytes = field(repr=False)
    update: bytes = field(repr=False)
    vote: bytes = field(repr=False)
    manifest: bytes
    request: bytes = field(repr=False)
    release: bytes = field(repr=False)
    is_void: bool
    is_closed: bool


KEPT_SUMS = 3
"""Closed sums of a study whose messages are kept whole; of older ones the ledger holds what was done, and the receipt."""


class Ledger:
    """Opens (or creates) the ledger at `path`. Every method is one durable transaction.

    Raises:
        StorageError: from every method, when the file is damaged, read-only or the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.executescript(_SCHEMA)
            if "request" not in {row[1] for row in self._db.execute("PRAGMA table_info(sums)")}:
                self._db.execute("ALTER TABLE sums ADD COLUMN request BLOB")  # a ledger of version 0.1.0
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('device_key', ?)", (os.urandom(32),))

    def close(self) -> None:
        self._db.close()

    def record_fact(self, name: str, value: bytes) -> None:
        """Remember a fact for good; a name that is there already keeps its value."""
        self._write("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))

    def fact(self, name: str) -> bytes | None:
        """A stored fact such as the device key, or None."""
        with _storage(self.path):
            row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    @property
    def device_key(self) -> bytes:
        """32 random bytes made with the ledger; mixed into every one-time secret."""
        key = self.fact("device_key")
        if key is None or len(key) != 32:
            raise StorageError(f"the ledger {self.path} has no device key", hint="restore the ledger from a backup")
        return key

    def sum(self, context: bytes) -> SumRecord | None:
        """What was said about this sum, or None."""
        with _storage(self.path):
            row = self._db.execute(
                "SELECT context, query, round, attempt, private_key, joined, header, update_bytes, vote, manifest,"
                " request, release, is_void, is_closed FROM sums WHERE context = ?",
                (context,),
            ).fetchone()
        if row is None:
            return None
        key, joined, header, update, vote, manifest, request, release = (value or b"" for value in row[4:12])
        return SumRecord(
            row[0],
            row[1],
            row[2],
            row[3],
            key,
            joined,
            header,
            update,
            vote,
            manifest,
            request,
            release,
            is_void=bool(row[12]),
            is_closed=bool(row[13]),
        )

    def begin(
        self, context: bytes, study: bytes, query: bytes, round: int, attempt: int, private_key: bytes, joined: bytes
    ) -> None:
        """Record the key and the join message of a sum that begins."""
        self._write(
            "INSERT INTO sums (context, study, query, round, attempt, private_key, joined)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (context, study, query, round, attempt, private_key, joined),
        )

    def record_update(self, context: bytes, header: bytes, update: bytes) -> None:
        """Record the contribution before it is sent."""
        self._write("UPDATE sums SET header = ?, update_bytes = ? WHERE context = ?", (header, update, context))

    def record_vote(self, context: bytes, vote: bytes, manifest: bytes, request: bytes = b"") -> None:
        """Record the one vote of this sum before it is sent, and the request from which the release will be made.

        Raises:
            AlreadyReleasedError: another vote on this sum is recorded already.
        """
        with _storage(self.path):
            changed = self._db.execute(
                "UPDATE sums SET vote = ?, manifest = ?, request = ? WHERE context = ? AND (vote IS NULL OR vote = ?)",
                (vote, manifest, request, context, vote),
            ).rowcount
        if changed != 1:
            raise AlreadyReleasedError("this hospital has already voted on this sum")

    def record_release(self, context: bytes, release: bytes) -> None:
        """Record the release and erase the per-sum private key and the noisy contribution, in one transaction."""
        with self._transaction():
            self._db.execute(
                "UPDATE sums SET release = ?, private_key = NULL, request = NULL WHERE context = ?", (release, context)
            )
            self._db.execute(
                "UPDATE charges SET contribution = NULL WHERE query = (SELECT query FROM sums WHERE context = ?)",
                (context,),
            )
        self._forget_log()

    def mark_void(self, context: bytes) -> None:
        """A void certificate exists: nothing of this attempt will be opened; its key is erased."""
        self._write(
            "UPDATE sums SET is_void = 1, private_key = NULL, update_bytes = NULL, request = NULL WHERE context = ?",
            (context,),
        )
        self._forget_log()

    def record_receipt(self, context: bytes, study: bytes, round: int, receipt: bytes) -> None:
        """Record the outcome of a verified sum; ciphertexts and keys of all its attempts are no longer needed."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)", (study, round, receipt))
            self._db.execute("UPDATE sums SET is_closed = 1 WHERE context = ?", (context,))
            self._db.execute(
                "UPDATE sums SET private_key = NULL, update_bytes = NULL, request = NULL WHERE study = ? AND round <= ?",
                (study, round),
            )
            # That something was said is kept for good, the rule against differencing needs it; what, for the last sums.
            self._db.execute(
                "UPDATE sums SET joined = X'', header = SUBSTR(header, 1, 0), vote = SUBSTR(vote, 1, 0),"
                " release = SUBSTR(release, 1, 0) WHERE study = ? AND round = ?",
                (study, round - KEPT_SUMS),
            )
            self._db.execute("UPDATE charges SET contribution = NULL WHERE study = ? AND round <= ?", (study, round))
        self._forget_log()

    def record_charge(
        self, study: bytes, query: bytes, round: int, unit: str, what: str, event: str, contribution: bytes
    ) -> None:
        """Record what a release costs (`event`; empty: an exact release) and the contribution, before it is sent.

        Raises:
            AlreadyReleasedError: this query is charged already. Exact releases may be noted again.
        """
        with _storage(self.path):
            added = self._db.execute(
                "INSERT OR IGNORE INTO charges VALUES (?, ?, ?, ?, ?, ?, ?)",
                (study, query, round, unit, what, event, contribution or None),
            ).rowcount
        if event and added != 1:
            raise AlreadyReleasedError("this query is charged and answered: fresh noise for it would cost once more")

    def charges(self) -> list[tuple[bytes, bytes, int, str, str, str]]:
        """Every charge: study, query, round, unit, what, event; in the order in which they were made."""
        with _storage(self.path):
            return self._db.execute(
                "SELECT study, query, round, unit, what, event FROM charges ORDER BY rowid"
            ).fetchall()

    def contribution(self, study: bytes, query: bytes) -> bytes | None:
        """The contribution recorded with a charge, until it is erased."""
        with _storage(self.path):
            row = self._db.execute(
                "SELECT contribution FROM charges WHERE study = ? AND query = ?", (study, query)
            ).fetchone()
        return row[0] if row else None

    def receipt(self, study: bytes, round: int) -> bytes:
        """The signed receipt of a sum, empty where there is none."""
        with _storage(self.path):
            row = self._db.execute(
                "SELECT receipt FROM receipts WHERE study = ? AND round = ?", (study, round)
            ).fetchone()
        return row[0] if row else b""

    def receipts(self, study: bytes) -> int:
        """How many sums of a study this hospital has verified."""
        with _storage(self.path):
            row = self._db.execute("SELECT COUNT(*) FROM receipts WHERE study = ?", (study,)).fetchone()
        return int(row[0])

    def exposed(self, query: bytes) -> list[SumRecord]:
        """Contributions to this query that a certificate may cover: sent, and not proved void."""
        with _storage(self.path):
            rows = self._db.execute(
                "SELECT context FROM sums WHERE query = ? AND header IS NOT NULL AND is_void = 0 ORDER BY round, attempt",
                (query,),
            ).fetchall()
        return [record for (context,) in rows if (record := self.sum(context)) is not None]

    def _forget_log(self) -> None:
        # The write-ahead log would keep erased keys until it is next overwritten.
        with _storage(self.path):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _storage(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with _storage(self.path):
            self._db.execute(statement, values)


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # the last: SQLite quotes what it finds in the file
        raise StorageError(
            f"the ledger {path} cannot be used: {error}",
            hint="check disk space and permissions; a damaged ledger is replaced by its backup, never edited",
        ) from None
