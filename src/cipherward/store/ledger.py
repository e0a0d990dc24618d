"""A hospital's ledger: one SQLite file that remembers what must never be forgotten or said twice.

It is written before a message leaves. For every sum it holds the hospital's join, contribution, vote and release, so
that a repeat is answered with the same bytes, and the per-sum private key until the sum is verified. One-time
secrets are never in it. `secure_delete` overwrites what is erased, and the write-ahead log, which still holds it, is
emptied at once.

SQLite does not notice a flipped bit inside a value. Every row carries a digest of itself, checked whenever the row is
read and, for all rows, when the ledger is opened: what has silently changed is never said or believed.

With differential privacy it also holds every charge to the budget, with the noisy contribution that was charged until
the sum is verified: another attempt at the same sum sends the same values, which costs nothing more.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cipherward.crypto.hashing import digest
from cipherward.errors import AlreadyReleasedError, StorageError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL, mark BLOB) STRICT;
CREATE TABLE IF NOT EXISTS sums (
    context BLOB PRIMARY KEY, study BLOB NOT NULL, query BLOB NOT NULL, round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    private_key BLOB, joined BLOB, header BLOB, update_bytes BLOB, vote BLOB, manifest BLOB, request BLOB, release BLOB,
    is_void INTEGER NOT NULL DEFAULT 0, is_closed INTEGER NOT NULL DEFAULT 0,
    mark BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS sums_by_query ON sums (query);
CREATE TABLE IF NOT EXISTS receipts (
    study BLOB NOT NULL, round INTEGER NOT NULL, receipt BLOB NOT NULL, mark BLOB, PRIMARY KEY (study, round)
) STRICT;
CREATE TABLE IF NOT EXISTS charges (
    study BLOB NOT NULL, query BLOB NOT NULL, round INTEGER NOT NULL, unit TEXT NOT NULL, what TEXT NOT NULL,
    event TEXT NOT NULL, contribution BLOB, mark BLOB, PRIMARY KEY (study, query)
) STRICT;
CREATE TABLE IF NOT EXISTS standing (name TEXT PRIMARY KEY, value BLOB NOT NULL, mark BLOB) STRICT;
"""

_COLUMNS = {
    "facts": ("name", "value"),
    "sums": (
        "context", "study", "query", "round", "attempt", "private_key", "joined", "header", "update_bytes", "vote",
        "manifest", "request", "release", "is_void", "is_closed",
    ),
    "receipts": ("study", "round", "receipt"),
    "charges": ("study", "query", "round", "unit", "what", "event", "contribution"),
    "standing": ("name", "value"),
}  # fmt: skip
"""The columns of every table; a row's `mark` is a digest of their values."""

_Row = dict[str, Any]


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
        self._migrate()
        self._check_all()
        self.record_fact("device_key", os.urandom(32))

    def close(self) -> None:
        self._db.close()

    def record_fact(self, name: str, value: bytes) -> None:
        """Remember a fact for good; a name that is there already keeps its value."""
        with self._transaction():
            self._insert("facts", {"name": name, "value": value}, "OR IGNORE")

    def fact(self, name: str) -> bytes | None:
        """A stored fact such as the device key, or None."""
        row = self._find("facts", name=name)
        return row["value"] if row else None

    def standing(self, name: str) -> bytes:
        """What is known of who stands in sums, under this name; empty where nothing is."""
        row = self._find("standing", name=name)
        return row["value"] if row else b""

    def record_standing(self, name: str, value: bytes) -> None:
        """Keep what is known now, in place of what was known."""
        with self._transaction():
            self._insert("standing", {"name": name, "value": value}, "OR REPLACE")

    @property
    def device_key(self) -> bytes:
        """32 random bytes made with the ledger; mixed into every one-time secret."""
        key = self.fact("device_key")
        if key is None or len(key) != 32:
            raise StorageError(
                f"the ledger {self.path} has no device key",
                hint="docs/operations.md says what to do with a damaged ledger",
            )
        return key

    def sum(self, context: bytes) -> SumRecord | None:
        """What was said about this sum, or None."""
        row = self._find("sums", context=context)
        if row is None:
            return None
        said = ("private_key", "joined", "header", "update_bytes", "vote", "manifest", "request", "release")
        key, joined, header, update, vote, manifest, request, release = (row[name] or b"" for name in said)
        return SumRecord(
            row["context"],
            row["query"],
            row["round"],
            row["attempt"],
            key,
            joined,
            header,
            update,
            vote,
            manifest,
            request,
            release,
            is_void=bool(row["is_void"]),
            is_closed=bool(row["is_closed"]),
        )

    def begin(
        self, context: bytes, study: bytes, query: bytes, round: int, attempt: int, private_key: bytes, joined: bytes
    ) -> None:
        """Record the key and the join message of a sum that begins."""
        known = {"context": context, "study": study, "query": query, "round": round, "attempt": attempt}
        row = dict.fromkeys(_COLUMNS["sums"]) | known | {"private_key": private_key, "joined": joined}
        with self._transaction():
            self._insert("sums", row | {"is_void": 0, "is_closed": 0})

    def record_update(self, context: bytes, header: bytes, update: bytes) -> None:
        """Record the contribution before it is sent."""
        with self._transaction():
            self._change_sum(context, header=header, update_bytes=update)

    def record_vote(self, context: bytes, vote: bytes, manifest: bytes, request: bytes = b"") -> None:
        """Record the one vote of this sum before it is sent, and the request from which the release will be made.

        Raises:
            AlreadyReleasedError: another vote on this sum is recorded already.
        """
        with self._transaction():
            known = self._find("sums", context=context)
            if known is None or known["vote"] not in (None, vote):
                raise AlreadyReleasedError("this hospital has already voted on this sum")
            self._change_sum(context, vote=vote, manifest=manifest, request=request)

    def record_release(self, context: bytes, release: bytes) -> None:
        """Record the release before it is sent; what it was made from is kept until the sum is verified."""
        with self._transaction():
            self._change_sum(context, release=release)

    def mark_void(self, context: bytes) -> None:
        """A void certificate exists: nothing of this attempt will be opened; its key is erased."""
        with self._transaction():
            self._change_sum(context, is_void=1, private_key=None, update_bytes=None, request=None)
        self._forget_log()

    def record_receipt(
        self,
        context: bytes,
        study: bytes,
        round: int,
        receipt: bytes,
        *,
        asked_again: bool = False,
    ) -> None:
        """Record the outcome of a verified sum; ciphertexts and keys of all its attempts are no longer needed.

        Args:
            asked_again: the sum did not open, and the next one asks the same: its contribution is kept.
        """
        with self._transaction():
            self._insert("receipts", {"study": study, "round": round, "receipt": receipt}, "OR REPLACE")
            self._change_sum(context, is_closed=1)
            done = "study = ? AND round <= ?", (study, round)
            self._erase("sums", *done, "private_key", "update_bytes", "request")
            if not asked_again:
                self._erase("charges", *done, "contribution")
            # That something was said is kept for good; what, for the last sums.
            for row in list(self._rows("sums", "study = ? AND round = ?", (study, round - KEPT_SUMS))):
                said = [name for name in ("joined", "header", "vote", "release") if row[name] is not None]
                self._change("sums", row, dict.fromkeys(said, b""), context=row["context"])
        self._forget_log()

    def record_charge(
        self, study: bytes, query: bytes, round: int, unit: str, what: str, event: str, contribution: bytes
    ) -> None:
        """Record what a release costs (`event`; empty: an exact release) and the contribution, before it is sent.

        Raises:
            AlreadyReleasedError: this query is charged already. Exact releases may be noted again.
        """
        values = (study, query, round, unit, what, event, contribution or None)
        with self._transaction():
            added = self._insert("charges", dict(zip(_COLUMNS["charges"], values, strict=True)), "OR IGNORE")
        if event and added != 1:
            raise AlreadyReleasedError("this query is charged and answered: fresh noise for it would cost once more")

    def charges(self) -> list[tuple[bytes, bytes, int, str, str, str]]:
        """Every charge: study, query, round, unit, what, event; in the order in which they were made."""
        names = _COLUMNS["charges"][:6]
        return [tuple(row[name] for name in names) for row in self._rows("charges", "1 ORDER BY rowid")]

    def contribution(self, study: bytes, query: bytes) -> bytes | None:
        """The contribution recorded with a charge, until it is erased."""
        row = self._find("charges", study=study, query=query)
        return row["contribution"] if row else None

    def receipt(self, study: bytes, round: int) -> bytes:
        """The signed receipt of a sum, empty where there is none."""
        row = self._find("receipts", study=study, round=round)
        return row["receipt"] if row else b""

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

    # rows, each with its mark

    def _rows(self, table: str, where: str, values: tuple[object, ...] = ()) -> Iterator[_Row]:
        """Rows as they were written.

        Raises:
            StorageError: a row does not have its mark.
        """
        names = _COLUMNS[table]
        with _storage(self.path):
            found = self._db.execute(f"SELECT {', '.join(names)}, mark FROM {table} WHERE {where}", values)  # noqa: S608
            for *row, mark in found:
                if mark != _mark(table, row):
                    raise self._damaged(f"a row of {table} is not what was written")
                yield dict(zip(names, row, strict=True))

    def _find(self, table: str, **key: object) -> _Row | None:
        where = " AND ".join(f"{name} = ?" for name in key)
        return next(iter(list(self._rows(table, where, tuple(key.values())))), None)

    def _insert(self, table: str, row: _Row, conflict: str = "") -> int:
        marked = row | {"mark": _mark(table, row.values())}
        names, places = ", ".join(marked), ", ".join("?" * len(marked))
        statement = f"INSERT {conflict} INTO {table} ({names}) VALUES ({places})"  # noqa: S608
        return self._db.execute(statement, tuple(marked.values())).rowcount

    def _change(self, table: str, row: _Row, changes: _Row, **key: object) -> _Row:
        changed = row | changes
        marked = changes | {"mark": _mark(table, changed.values())}
        assignments = ", ".join(f"{name} = ?" for name in marked)
        where = " AND ".join(f"{name} = ?" for name in key)
        self._db.execute(f"UPDATE {table} SET {assignments} WHERE {where}", (*marked.values(), *key.values()))  # noqa: S608
        return changed

    def _change_sum(self, context: bytes, **changes: object) -> _Row | None:
        row = self._find("sums", context=context)
        return self._change("sums", row, changes, context=context) if row else None

    def _erase(self, table: str, where: str, values: tuple[object, ...], *names: str) -> None:
        """Set columns to NULL in the rows that still hold something there."""
        keys = ("context",) if table == "sums" else ("study", "query")
        held = " OR ".join(f"{name} IS NOT NULL" for name in names)
        for row in list(self._rows(table, f"{where} AND ({held})", values)):
            self._change(table, row, dict.fromkeys(names), **{key: row[key] for key in keys})

    def _migrate(self) -> None:
        """Ledgers of earlier versions learn what they lack; their rows are marked as they are found."""
        with self._transaction():
            if "request" not in self._names_in("sums"):
                self._db.execute("ALTER TABLE sums ADD COLUMN request BLOB")
            for table, names in _COLUMNS.items():
                if "mark" in self._names_in(table):
                    continue
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN mark BLOB")
                rows = self._db.execute(f"SELECT rowid, {', '.join(names)} FROM {table}").fetchall()  # noqa: S608
                for number, *row in rows:
                    self._db.execute(f"UPDATE {table} SET mark = ? WHERE rowid = ?", (_mark(table, row), number))  # noqa: S608

    def _names_in(self, table: str) -> set[str]:
        return {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}

    def _check_all(self) -> None:
        with _storage(self.path):
            (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise self._damaged(" ".join(str(found).split()))
        for table in _COLUMNS:
            for _ in self._rows(table, "1"):
                pass

    def _damaged(self, what: str) -> StorageError:
        return StorageError(
            f"the ledger {self.path} cannot be used: it is damaged ({what})",
            hint="a damaged ledger is replaced by its backup, never edited; without a backup this hospital no longer "
            "knows what it has said: move the file away only after it has left the studies that are under way",
        )

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
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise


def _mark(table: str, row: Iterable[Any]) -> bytes:
    return digest("ledger-row", table.encode(), *(_tagged(value) for value in row))


def _tagged(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return b"b" + value
    return (f"i{value}" if isinstance(value, int) else f"t{value}").encode()


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # the last: SQLite quotes what it finds in the file
        raise StorageError(
            f"the ledger {path} cannot be used: {error}",
            hint="check disk space and permissions; a damaged ledger is never edited or replaced by an older one: "
            "docs/operations.md says what to do",
        ) from None
