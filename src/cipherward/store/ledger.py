"""A hospital's ledger: one SQLite file that remembers what must never be forgotten or said twice.

It is written before a message leaves. For every sum it holds the hospital's join, contribution, vote and release, so
that a repeat is answered with the same bytes, and the per-sum private key until the sum is verified. One-time
secrets are never in it. `secure_delete` overwrites what is erased, and the write-ahead log, which still holds it, is
emptied at once.

With differential privacy it also holds every charge to the budget, with the noisy contribution that was charged until
the sum is verified: another attempt at the same sum sends the same values, which costs nothing more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cipherward.errors import AlreadyReleasedError, StorageError
from cipherward.store import counters
from cipherward.store.marked import MarkedTables, Row, mark_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL, mark BLOB) STRICT;
CREATE TABLE IF NOT EXISTS sums (
    context BLOB PRIMARY KEY, study BLOB NOT NULL, query BLOB NOT NULL, round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    private_key BLOB, joined BLOB, header BLOB, vote BLOB, manifest BLOB, release BLOB,
    is_void INTEGER NOT NULL DEFAULT 0, is_closed INTEGER NOT NULL DEFAULT 0,
    mark BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS sums_of_rounds ON sums (study, round);
CREATE INDEX IF NOT EXISTS sums_with_keys ON sums (study, round) WHERE private_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS receipts (
    study BLOB NOT NULL, round INTEGER NOT NULL, receipt BLOB NOT NULL, mark BLOB, PRIMARY KEY (study, round)
) STRICT;
CREATE TABLE IF NOT EXISTS charges (
    study BLOB NOT NULL, query BLOB NOT NULL, round INTEGER NOT NULL, unit TEXT NOT NULL, what TEXT NOT NULL,
    event TEXT NOT NULL, contribution BLOB, mark BLOB, PRIMARY KEY (study, query)
) STRICT;
CREATE INDEX IF NOT EXISTS charges_not_closed ON charges (study, round) WHERE contribution IS NOT NULL;
CREATE TABLE IF NOT EXISTS large (
    name BLOB PRIMARY KEY, context BLOB NOT NULL, study BLOB NOT NULL, round INTEGER NOT NULL, data BLOB NOT NULL, mark BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS standing (name TEXT PRIMARY KEY, value BLOB NOT NULL, mark BLOB) STRICT;
"""

_COLUMNS = {
    "facts": ("name", "value"),
    "sums": (
        "context", "study", "query", "round", "attempt", "private_key", "joined", "header", "vote", "manifest", "release",
        "is_void", "is_closed",
    ),
    "large": ("name", "context", "study", "round", "data"),
    "receipts": ("study", "round", "receipt"),
    "charges": ("study", "query", "round", "unit", "what", "event", "contribution"),
    "standing": ("name", "value"),
}  # fmt: skip
"""The columns of every table; a row's `mark` is a digest of their values."""

_UPDATE, _REQUEST = b"update ", b"request "
"""What is in `large`, each before the context of its sum: SQLite writes a row anew as a whole when a value of it changes."""

_FORMER = (
    "context", "study", "query", "round", "attempt", "private_key", "joined", "header", "update_bytes", "vote", "manifest",
    "request", "release", "is_void", "is_closed",
)  # fmt: skip
"""Those of `sums` in earlier versions."""

_COMMITS = "transactions"

_SECRETS = (
    ("sums", "private_key > x'' OR (is_closed = 0 AND release > x'')"),
    ("large", "1"),
    ("charges", "contribution IS NOT NULL"),
)
"""By table, the rows that hold what must not outlive its sum."""


@dataclass(frozen=True)
class SumRecord:
    """What this hospital has said about one sum; empty bytes where it has said nothing. `update`, `request`: not read `in_brief`."""

    context: bytes
    query: bytes
    round: int
    attempt: int
    private_key: bytes = field(repr=False)
    joined: bytes = field(repr=False)
    header: bytes = field(repr=False)
    vote: bytes = field(repr=False)
    manifest: bytes
    release: bytes = field(repr=False)
    is_void: bool
    is_closed: bool
    update: bytes = field(default=b"", repr=False)
    request: bytes = field(default=b"", repr=False)


def _record_of(row: Row) -> SumRecord:
    said = ("private_key", "joined", "header", "vote", "manifest", "release")
    values: list[Any] = [row[name] for name in ("context", "query", "round", "attempt")]
    values += [row[name] or b"" for name in said]
    values += [bool(row[name]) for name in ("is_void", "is_closed")]
    return SumRecord(*values)


_MOST_NAMES = 1 << 15
"""Of a prefix that are remembered; those of updates (1.2 kB each) take 40 MB then."""

KEPT_SUMS = 3
"""Closed sums of a study whose messages are kept whole; of older ones the ledger holds what was done, and the receipt."""


class Ledger(MarkedTables):
    """Opens (or creates) the ledger at `path`. Every method is one durable transaction, but for those called inside `together`.

    `counter`: a file apart from the ledger in which its transactions are counted, so that an older copy is noticed.

    Raises:
        StorageError: from every method, when the file is damaged, read-only or the disk is full.
        OldLedgerError: the counter has seen a later state of this ledger.
    """

    def __init__(self, path: Path, counter: Path | None = None) -> None:
        self._counter, self._commits = None, 0
        self._under: dict[str, dict[str, bytes]] = {}
        super().__init__(path, _SCHEMA, _COLUMNS)
        if counter:
            self._commits = int.from_bytes(self.standing(_COMMITS))
            counters.check(path, self._commits, counter)
            self._counter = counter
        self.record_fact("device_key", os.urandom(32))

    def _migrate(self) -> None:
        self._take_apart()
        super()._migrate()

    def _take_apart(self) -> None:
        """Ledgers of earlier versions held what is large in the rows of `sums`, and those of the first one no requests."""
        names = self._names_in("sums")
        former = tuple(name for name in _FORMER if name in names or name in _COLUMNS["sums"])
        if "update_bytes" not in former:
            return
        with self._transaction(erases=True):
            marks = ("mark",) if "mark" in names else ()
            for values in self._db.execute(f"SELECT {', '.join(former + marks)} FROM sums").fetchall():  # noqa: S608
                row = dict(zip(former, values, strict=False))
                if marks and values[-1] != mark_of("sums", row.values()):
                    raise self._damaged("a row of sums is not what was written")
                for what, name in ((_UPDATE, "update_bytes"), (_REQUEST, "request")):
                    if row.get(name):
                        self._keep(what, row, row[name])
                if marks:
                    mark = mark_of("sums", [row[name] for name in _COLUMNS["sums"]])
                    self._db.execute("UPDATE sums SET mark = ? WHERE context = ?", (mark, row["context"]))
            for name in former:
                if name not in _COLUMNS["sums"]:
                    self._db.execute(f"ALTER TABLE sums DROP COLUMN {name}")

    def _before_commit(self) -> None:
        if self._counter:
            value = (self._commits + 1).to_bytes(8)
            self._insert("standing", {"name": _COMMITS, "value": value}, "OR REPLACE")

    def _after_commit(self) -> None:
        if self._counter:
            self._commits += 1
            counters.keep(self._counter, self._commits)

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

    def standing_under(self, prefix: str) -> list[bytes]:
        """What is known under every name that begins so. Read once: in years it becomes long, and a sum asks for it."""
        known = self._under.get(prefix)
        if known is None:
            rows = self._rows("standing", "substr(name, 1, ?) = ? ORDER BY rowid", (len(prefix), prefix))
            known = {row["name"]: row["value"] for row in rows}
            if len(known) < _MOST_NAMES:
                self._under[prefix] = known
        return list(known.values())

    def record_standing(self, name: str, value: bytes) -> None:
        """Keep what is known now, in place of what was known."""
        with self._transaction():
            self._insert("standing", {"name": name, "value": value}, "OR REPLACE")
            for prefix in [prefix for prefix in self._under if name.startswith(prefix)]:
                self._under[prefix][name] = value
                if len(self._under[prefix]) >= _MOST_NAMES:
                    del self._under[prefix]

    def _roll_back(self) -> None:
        self._under.clear()
        super()._roll_back()

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
        known = self.in_brief(context)
        if known is None:
            return None
        return replace(known, update=self.update(context), request=self._large(_REQUEST, context))

    def update(self, context: bytes) -> bytes:
        """The contribution to this sum, empty where there is none, or none any more."""
        return self._large(_UPDATE, context)

    def in_brief(self, context: bytes) -> SumRecord | None:
        """The same without the contribution and the request, which are long."""
        return next(iter(self.sums([context])), None)

    def sums(self, contexts: Sequence[bytes]) -> list[SumRecord]:
        """What was said about those of these sums that are known here, in brief, in the order of `contexts`."""
        places = ", ".join("?" * len(contexts))
        found = {row["context"]: row for row in self._rows("sums", f"context IN ({places})", tuple(contexts))}
        return [_record_of(found[context]) for context in contexts if context in found]

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
            known = self._change_sum(context, header=header)
            if known:
                self._keep(_UPDATE, known, update)

    def record_vote(self, context: bytes, vote: bytes, manifest: bytes, request: bytes = b"") -> None:
        """Record the one vote of this sum before it is sent, and the request from which the release will be made.

        Raises:
            AlreadyReleasedError: another vote on this sum is recorded already.
        """
        with self._transaction():
            known = self._find("sums", context=context)
            if known is None or known["vote"] not in (None, vote):
                raise AlreadyReleasedError("this hospital has already voted on this sum")
            self._change("sums", known, {"vote": vote, "manifest": manifest}, context=context)
            if request:
                self._keep(_REQUEST, known, request)

    def _keep(self, what: bytes, of: Row, data: bytes) -> None:
        named = {"name": what + of["context"], "context": of["context"], "study": of["study"], "round": of["round"]}
        self._insert("large", named | {"data": data}, "OR REPLACE")

    def _large(self, what: bytes, context: bytes) -> bytes:
        row = self._find("large", name=what + context)
        return row["data"] if row else b""

    def record_release(self, context: bytes, release: bytes) -> None:
        """Record the release before it is sent; what it was made from is kept until the sum is verified."""
        with self._transaction():
            self._change_sum(context, release=release)

    def mark_void(self, context: bytes) -> None:
        """A void certificate exists: nothing of this attempt will be opened; its key is erased."""
        with self._transaction(erases=True):
            self._change_sum(context, is_void=1, private_key=None)
            self._delete("large", "context = ?", (context,))

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
        with self._transaction(erases=True):
            self._insert("receipts", {"study": study, "round": round, "receipt": receipt}, "OR REPLACE")
            done = "study = ? AND round <= ?", (study, round)
            self._delete("large", "study = ? AND round <= ?", (study, round))
            self._erase("sums", *done, "private_key")
            self._change_sum(context, is_closed=1)
            if not asked_again:
                self._erase("charges", *done, "contribution")
            # That something was said is kept for good; what, for the last sums.
            for row in list(self._rows("sums", "study = ? AND round = ?", (study, round - KEPT_SUMS))):
                said = [name for name in ("joined", "header", "vote", "release") if row[name] is not None]
                self._change("sums", row, dict.fromkeys(said, b""), context=row["context"])

    def holds_secrets(self, study: bytes) -> bool:
        """Whether anything of a study is here with which a sum, or this hospital's own contribution, could be opened."""
        return any(True for table, where in _SECRETS for _ in self._rows(table, f"study = ? AND ({where})", (study,)))

    def erase_study(self, study: bytes) -> None:
        """The study is over here. Its per-sum keys, shares, releases of sums that were not verified and kept contributions are
        erased; what proves what was said stays: joins, headers, votes, manifests, receipts, charges. Where nothing is left of them,
        nothing is written: after years a service starts with many studies that are over.

        Raises:
            StorageError: the disk, or somebody else is reading the ledger, whose log keeps what was erased until then.
        """
        if not self.holds_secrets(study):
            self._forget_log_once()
            return
        of_study = "study = ?", (study,)
        with self._transaction(erases=True):
            self._delete("large", "study = ?", (study,))
            self._erase("sums", *of_study, "private_key")
            self._erase("sums", "study = ? AND is_closed = 0", (study,), "release")
            self._erase("charges", *of_study, "contribution")

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
        return sum(1 for _ in self._rows("receipts", "study = ?", (study,)))
