"""Tables in one SQLite file whose rows carry a digest of themselves, and whose erased values are overwritten.

SQLite does not notice a flipped bit inside a value. The digest is checked whenever a row is read and, for all rows, when
the file is opened: what has silently changed is never said or believed.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cipherward.crypto.hashing import digest
from cipherward.errors import StorageError
from cipherward.store import files

Row = dict[str, Any]

_PAGE_BYTES = 1 << 14
"""What a sum of many hospitals writes is long."""

_MOST_SEEN, _MOST_BYTES = 512, 4 << 20
"""How many rows, and bytes in them, are remembered as they were read last."""


class MarkedTables:
    """Opens (or creates) the file at `path`.

    Args:
        schema: the statements that make the tables; each has a column `mark` after those of `columns`.
        columns: by table; a row's `mark` is a digest of their values.

    Raises:
        StorageError: from every method, when the file is damaged, read-only or the disk is full.
    """

    def __init__(self, path: Path, schema: str, columns: Mapping[str, tuple[str, ...]]) -> None:
        self.path = path
        self._columns = columns
        self._is_together = self._must_forget = False
        self._may_hold_erased = True
        self._seen: dict[tuple[str, object], list[Any]] = {}
        self._seen_bytes = 0
        with _storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            path.chmod(0o600)
            self._db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a new file
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(f"PRAGMA synchronous = {'OFF' if files.is_put_off() else 'FULL'}")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.executescript(schema)
            self._migrate()
            self._check_all()

    def close(self) -> None:
        self._db.close()

    def _rows(self, table: str, where: str, values: tuple[object, ...] = ()) -> Iterator[Row]:
        """Rows as they were written.

        Raises:
            StorageError: a row does not have its mark.
        """
        names = self._columns[table]
        with _storage(self.path):
            found = self._db.execute(f"SELECT {', '.join(names)}, mark FROM {table} WHERE {where}", values)  # noqa: S608
            for *row, mark in found:
                if [*row, mark] != self._seen.get((table, row[0])):
                    if mark != mark_of(table, row):
                        raise self._damaged(f"a row of {table} is not what was written")
                    self._note(table, row, mark)
                yield dict(zip(names, row, strict=True))

    def _find(self, table: str, **key: object) -> Row | None:
        where = " AND ".join(f"{name} = ?" for name in key)
        return next(iter(list(self._rows(table, where, tuple(key.values())))), None)

    def _insert(self, table: str, row: Row, conflict: str = "") -> int:
        marked = row | {"mark": mark_of(table, row.values())}
        names, places = ", ".join(marked), ", ".join("?" * len(marked))
        statement = f"INSERT {conflict} INTO {table} ({names}) VALUES ({places})"  # noqa: S608
        return self._db.execute(statement, tuple(marked.values())).rowcount

    def _change(self, table: str, row: Row, changes: Row, **key: object) -> Row:
        changed = row | changes
        mark = mark_of(table, changed.values())
        self._note(table, changed.values(), mark)
        marked = changes | {"mark": mark}
        assignments = ", ".join(f"{name} = ?" for name in marked)
        where = " AND ".join(f"{name} = ?" for name in key)
        self._db.execute(f"UPDATE {table} SET {assignments} WHERE {where}", (*marked.values(), *key.values()))  # noqa: S608
        return changed

    def _note(self, table: str, row: Iterable[Any], mark: bytes) -> None:
        """Remember a row that has its mark: to compare it with what is read next takes less time than another digest."""
        values = [*row, mark]
        if known := self._seen.pop((table, values[0]), None):  # what was erased is not kept
            self._seen_bytes -= _bytes_in(known)
        if (size := _bytes_in(values)) > _MOST_BYTES:
            return
        if len(self._seen) >= _MOST_SEEN or self._seen_bytes + size > _MOST_BYTES:
            self._seen.clear()
            self._seen_bytes = 0
        self._seen[table, values[0]] = values
        self._seen_bytes += size

    def _change_sum(self, context: bytes, **changes: object) -> Row | None:
        row = self._find("sums", context=context)
        return self._change("sums", row, changes, context=context) if row else None

    def _erase(self, table: str, where: str, values: tuple[object, ...], *names: str) -> None:
        """Set columns to NULL in the rows that still hold something there."""
        keys = ("context",) if table == "sums" else ("study", "query")
        held = " OR ".join(f"{name} IS NOT NULL" for name in names)
        for row in list(self._rows(table, f"{where} AND ({held})", values)):
            self._change(table, row, dict.fromkeys(names), **{key: row[key] for key in keys})

    def _delete(self, table: str, where: str, values: tuple[object, ...]) -> None:
        self._db.execute(f"DELETE FROM {table} WHERE {where}", values)  # noqa: S608
        for key in [key for key in self._seen if key[0] == table]:
            self._seen_bytes -= _bytes_in(self._seen.pop(key))

    def _migrate(self) -> None:
        """Ledgers of earlier versions learn what they lack; their rows are marked as they are found."""
        with self._transaction():
            for table, names in self._columns.items():
                if "mark" in self._names_in(table):
                    continue
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN mark BLOB")
                rows = self._db.execute(f"SELECT rowid, {', '.join(names)} FROM {table}").fetchall()  # noqa: S608
                for number, *row in rows:
                    self._db.execute(f"UPDATE {table} SET mark = ? WHERE rowid = ?", (mark_of(table, row), number))  # noqa: S608

    def _names_in(self, table: str) -> set[str]:
        return {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}

    def _check_all(self) -> None:
        (found,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise self._damaged(" ".join(str(found).split()))
        for table in self._columns:
            for _ in self._rows(table, "1"):
                pass

    def _damaged(self, what: str) -> StorageError:
        return StorageError(
            f"the ledger {self.path} cannot be used: it is damaged ({what})",
            hint="a damaged ledger is replaced by its backup, never edited; without a backup this hospital no longer "
            "knows what it has said: move the file away only after it has left the studies that are under way",
        )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is recorded inside is one transaction: all of it is on the disk afterwards, or nothing where something is raised.

        Raises:
            StorageError: nothing was recorded.
        """
        if self._is_together:
            yield
            return
        self._is_together = True
        try:
            yield
            with _storage(self.path):
                is_changed = self._db.in_transaction
                if is_changed:
                    self._commit()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._is_together = False
        if is_changed:
            self._committed()

    def _forget_log(self) -> None:
        """Empty the write-ahead log, which would keep what was erased until it is next overwritten.

        Raises:
            StorageError: another process is reading the file; nothing but the log still holds it.
        """
        with _storage(self.path):
            ((is_busy, _, _),) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if is_busy:
            raise StorageError(
                f"the ledger {self.path} is being read by another process, so what was erased is still in its log",
                hint="end what reads it, such as a backup; it is tried again",
            )
        self._may_hold_erased = False

    def _forget_log_once(self) -> None:
        """The same, unless it holds nothing that was erased: a process may have ended between an erasure and this. Raises: as
        `_forget_log`."""
        if self._may_hold_erased:
            self._forget_log()

    @contextlib.contextmanager
    def _transaction(self, *, erases: bool = False) -> Iterator[None]:
        """`erases`: the log is emptied once it is on the disk."""
        with _storage(self.path):
            if not self._db.in_transaction:
                self._must_forget = False
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._must_forget |= erases
                if not self._is_together:
                    self._commit()
            except BaseException:
                self._roll_back()
                raise
        if not self._is_together:
            self._committed()

    def _commit(self) -> None:
        self._before_commit()
        self._db.execute("COMMIT")

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # a full disk has ended it already
            with _storage(self.path):
                self._db.execute("ROLLBACK")

    def _committed(self) -> None:
        self._may_hold_erased |= self._must_forget
        self._after_commit()
        if self._must_forget:
            self._forget_log()

    def _before_commit(self) -> None:
        """What belongs to every transaction."""

    def _after_commit(self) -> None:
        """What follows every transaction that is on the disk."""


def mark_of(table: str, row: Iterable[Any]) -> bytes:
    """What a row is marked with: a digest of its values."""
    return digest("ledger-row", table.encode(), *(_tagged(value) for value in row))


def _bytes_in(row: Iterable[Any]) -> int:
    return sum(len(value) for value in row if isinstance(value, bytes))


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
