"""A hospital's memory: what it never forgets, what it never says twice, and what it must forget."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from cipherward.errors import AlreadyReleasedError, StorageError
from cipherward.store import ledger as ledger_module
from cipherward.store.ledger import _COLUMNS, Ledger
from cipherward.store.marked import mark_of

STUDY, OTHER_STUDY = b"s" * 32, b"t" * 32
QUERY = b"q" * 32
KEY = bytes(range(96))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite")
    yield made
    made.close()


def begun(ledger: Ledger, context: bytes, *, round: int = 0, attempt: int = 0, study: bytes = STUDY) -> None:
    ledger.begin(context, study, QUERY, round, attempt, KEY, b"join")


def files_of(ledger: Ledger) -> bytes:
    """Everything on disk: the database, its write-ahead log, its index."""
    return b"".join(path.read_bytes() for path in sorted(ledger.path.parent.iterdir()))


def test_what_was_said_about_a_sum_is_remembered_after_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    begun(ledger, b"ctx", round=4, attempt=2)
    ledger.record_update(b"ctx", b"header", b"update")
    ledger.record_vote(b"ctx", b"vote", b"manifest")
    device_key = ledger.device_key
    ledger.close()
    ledger = Ledger(tmp_path / "ledger.sqlite")
    record = ledger.sum(b"ctx")
    assert record is not None
    assert (record.query, record.round, record.attempt) == (QUERY, 4, 2)
    assert (record.private_key, record.joined, record.header) == (KEY, b"join", b"header")
    assert (record.update, record.vote, record.manifest, record.release) == (b"update", b"vote", b"manifest", b"")
    assert not record.is_void
    assert not record.is_closed
    assert ledger.device_key == device_key
    assert ledger.sum(b"another") is None
    ledger.close()


def test_what_is_recorded_together_is_there_whole_or_not_at_all_and_counts_once(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    ledger = Ledger(tmp_path / "ledger.sqlite", counter)
    begun(ledger, b"ctx")
    ledger.record_update(b"ctx", b"header", b"update")
    before = int(counter.read_text("ascii"))

    def stopped() -> None:
        with ledger.together():
            ledger.record_fact("a", b"one")
            with ledger.together():
                ledger.record_vote(b"ctx", b"vote", b"manifest")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        stopped()
    assert (ledger.fact("a"), ledger.sum(b"ctx").vote) == (None, b"")  # type: ignore[union-attr]
    assert int(counter.read_text("ascii")) == before
    with ledger.together():
        pass
    assert int(counter.read_text("ascii")) == before
    with ledger.together():
        ledger.record_fact("a", b"one")
        ledger.record_vote(b"ctx", b"vote", b"manifest")
        ledger.mark_void(b"ctx")
    assert int(counter.read_text("ascii")) == before + 1
    assert KEY not in files_of(ledger), "what was erased inside stays in no log either"
    ledger.close()
    ledger = Ledger(tmp_path / "ledger.sqlite", counter)
    record = ledger.sum(b"ctx")
    assert record is not None
    assert (ledger.fact("a"), record.vote, record.is_void) == (b"one", b"vote", True)
    ledger.close()


def test_every_ledger_has_a_device_key_of_its_own(tmp_path: Path) -> None:
    ledgers = [Ledger(tmp_path / f"{i}.sqlite") for i in range(3)]
    assert len({ledger.device_key for ledger in ledgers}) == 3
    for ledger in ledgers:
        ledger.close()


def test_a_ledger_is_readable_by_its_owner_only(ledger: Ledger) -> None:
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


def test_one_sum_gets_one_vote(ledger: Ledger) -> None:
    begun(ledger, b"ctx")
    ledger.record_vote(b"ctx", b"vote", b"manifest")
    ledger.record_vote(b"ctx", b"vote", b"manifest")
    for vote, manifest in ((b"other", b"manifest"), (b"void", b"")):
        with pytest.raises(AlreadyReleasedError, match="already voted"):
            ledger.record_vote(b"ctx", vote, manifest)
    record = ledger.sum(b"ctx")
    assert record is not None
    assert record.vote == b"vote"


def test_a_vote_on_an_unknown_sum_is_not_recorded(ledger: Ledger) -> None:
    with pytest.raises(AlreadyReleasedError):
        ledger.record_vote(b"ctx", b"vote", b"")


def test_the_private_key_is_kept_with_the_release_and_erased_from_every_file_with_the_receipt(ledger: Ledger) -> None:
    """Until the sum is verified, the hospital may have to show what it released."""
    begun(ledger, b"ctx")
    ledger.record_release(b"ctx", b"release")
    assert KEY in files_of(ledger)
    ledger.record_receipt(b"ctx", STUDY, 0, b"receipt")
    record = ledger.sum(b"ctx")
    assert record is not None
    assert (record.private_key, record.release) == (b"", b"release")
    for start in range(0, 96, 16):
        assert KEY[start : start + 16] not in files_of(ledger)


def test_the_private_key_is_erased_with_a_void_attempt(ledger: Ledger) -> None:
    begun(ledger, b"ctx")
    ledger.record_update(b"ctx", b"header", b"update" * 5000)
    ledger.mark_void(b"ctx")
    record = ledger.sum(b"ctx")
    assert record is not None
    assert record.is_void
    assert (record.private_key, record.update) == (b"", b"")
    assert KEY[:32] not in files_of(ledger)


def test_the_keys_of_all_attempts_are_erased_with_the_receipt_and_those_of_other_studies_stay(
    ledger: Ledger,
) -> None:
    for attempt, context in enumerate((b"first", b"second", b"third")):
        begun(ledger, context, attempt=attempt)
    begun(ledger, b"later", round=1)
    begun(ledger, b"elsewhere", study=OTHER_STUDY)
    ledger.record_update(b"third", b"header", b"update")
    ledger.record_receipt(b"third", STUDY, 0, b"receipt")
    left = {context: ledger.sum(context) for context in (b"first", b"second", b"third", b"later", b"elsewhere")}
    assert [record.private_key for record in left.values() if record] == [b"", b"", b"", KEY, KEY]
    assert [record.is_closed for record in left.values() if record] == [False, False, True, False, False]
    third = left[b"third"]
    assert third is not None
    assert (third.header, third.update) == (b"header", b"")


def test_a_closed_sum_stays_closed_when_later_ones_close(ledger: Ledger) -> None:
    for round in range(3):
        begun(ledger, bytes([round]), round=round)
        ledger.record_receipt(bytes([round]), STUDY, round, b"receipt")
    records = [ledger.sum(bytes([round])) for round in range(3)]
    assert [record.is_closed for record in records if record] == [True] * 3


def test_receipts_are_counted_per_study(ledger: Ledger) -> None:
    for round in range(3):
        ledger.record_receipt(b"", STUDY, round, b"receipt")
    ledger.record_receipt(b"", STUDY, 1, b"again")
    ledger.record_receipt(b"", OTHER_STUDY, 0, b"receipt")
    assert (ledger.receipts(STUDY), ledger.receipts(OTHER_STUDY), ledger.receipts(b"none")) == (3, 1, 0)


def test_what_stands_under_a_prefix_is_what_was_recorded_last(ledger: Ledger) -> None:
    ledger.record_standing("update 1", b"one")
    ledger.record_standing("other", b"other")
    assert ledger.standing_under("update ") == [b"one"]
    ledger.record_standing("update 2", b"two")
    ledger.record_standing("update 1", b"again")
    ledger.record_standing("others", b"others")
    assert sorted(ledger.standing_under("update ")) == [b"again", b"two"]
    assert ledger.standing_under("other") == [b"other", b"others"]
    ledger.close()
    assert sorted(Ledger(ledger.path).standing_under("update ")) == [b"again", b"two"]


def test_the_bytes_that_are_remembered_of_rows_are_counted(ledger: Ledger) -> None:
    for round in range(3):
        begun(ledger, bytes([round]), round=round)
        ledger.record_update(bytes([round]), b"header", b"update" * 100)
        assert ledger.update(bytes([round]))
        ledger.record_receipt(bytes([round]), STUDY, round, b"receipt")
    assert ledger._seen_bytes == sum(
        len(value) for row in ledger._seen.values() for value in row if isinstance(value, bytes)
    )


def test_more_names_than_are_remembered_are_read_each_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_MOST_NAMES", 3)
    for number in range(5):
        ledger.record_standing(f"update {number}", bytes([number]))
        assert ledger.standing_under("update ") == [bytes([k]) for k in range(number + 1)]
        assert bool(ledger._under) == (number < 2)


@pytest.mark.parametrize("is_asked_inside", [True, False])
def test_what_was_not_recorded_after_all_stands_under_no_prefix(ledger: Ledger, is_asked_inside: bool) -> None:
    ledger.record_standing("update 1", b"one")
    assert ledger.standing_under("update ") == [b"one"]

    def record() -> None:
        ledger.record_standing("update 2", b"two")
        ledger.record_standing("update 1", b"again")
        assert not is_asked_inside or sorted(ledger.standing_under("update ")) == [b"again", b"two"]
        raise KeyError

    with pytest.raises(KeyError), ledger.together():
        record()
    assert ledger.standing_under("update ") == [b"one"]


def test_a_fact_once_recorded_keeps_its_value(ledger: Ledger) -> None:
    ledger.record_fact("breach", b"first")
    ledger.record_fact("breach", b"second")
    assert ledger.fact("breach") == b"first"
    assert ledger.fact("nothing") is None


def test_a_record_shows_no_secret_when_it_is_printed(ledger: Ledger) -> None:
    begun(ledger, b"ctx")
    assert repr(KEY)[2:20] not in repr(ledger.sum(b"ctx"))


@pytest.mark.parametrize("content", [b"not a database at all" * 400, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_ledger_is_a_storage_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"ledger\.sqlite cannot be used") as caught:
        Ledger(path)
    assert "docs/operations.md" in caught.value.hint
    assert path.read_bytes() == content


def test_a_ledger_cut_short_is_a_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    for number in range(40):
        ledger.begin(bytes([number]), STUDY, QUERY, number, 0, KEY, b"join" * 500)
    ledger.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def use() -> None:
        damaged = Ledger(path)
        try:
            for number in range(40):
                damaged.sum(bytes([number]))
        finally:
            damaged.close()

    with pytest.raises(StorageError, match="cannot be used"):
        use()


def test_a_ledger_without_its_device_key_is_not_used(ledger: Ledger) -> None:
    ledger._db.execute("DELETE FROM facts")
    with pytest.raises(StorageError, match="has no device key"):
        _ = ledger.device_key


def test_a_full_disk_changes_nothing(ledger: Ledger) -> None:
    begun(ledger, b"ctx")
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full"):
        ledger.record_update(b"ctx", b"header", bytes(100_000))
    with pytest.raises(StorageError, match="full"):
        ledger.record_receipt(b"ctx", STUDY, 0, bytes(100_000))
    record = ledger.sum(b"ctx")
    assert record is not None
    assert (record.header, record.update, record.private_key) == (b"", b"", KEY)
    assert ledger.receipts(STUDY) == 0


def test_a_ledger_that_has_no_place_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "ledger.sqlite"):
        with pytest.raises(StorageError, match="cannot be used"):
            Ledger(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_ledger_in_a_read_only_folder_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="cannot be used"):
            Ledger(tmp_path / "ledger.sqlite")
    finally:
        tmp_path.chmod(0o700)


def edit(path: Path, statement: str) -> None:
    """Change a ledger behind its back."""
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    db.close()


def as_before(path: Path, *, requests: bool = True, marks: bool = True) -> None:
    """The ledger as earlier versions wrote it: what is large stood in the rows of `sums`."""
    db = sqlite3.connect(path)
    names = ["context", "study", "query", "round", "attempt", "private_key", "joined", "header", "update_bytes", "vote"]
    names += ["manifest", *(["request"] if requests else []), "release", "is_void", "is_closed"]
    for what, name in ((b"update ", "update_bytes"), (b"request ", "request")):
        if name in names:
            db.execute(f"ALTER TABLE sums ADD COLUMN {name} BLOB")
            for large, context, data in db.execute("SELECT name, context, data FROM large").fetchall():
                if large == what + context:
                    db.execute(f"UPDATE sums SET {name} = ? WHERE context = ?", (data, context))  # noqa: S608
    for row in db.execute(f"SELECT {', '.join(names)} FROM sums").fetchall():  # noqa: S608
        db.execute("UPDATE sums SET mark = ? WHERE context = ?", (mark_of("sums", row), row[0]))
    db.execute("DROP TABLE large")
    for table in () if marks else ("facts", "sums", "receipts", "charges"):
        db.execute(f"ALTER TABLE {table} DROP COLUMN mark")
    db.commit()
    db.close()


def test_a_ledger_of_the_first_version_is_opened_and_learns_to_keep_requests(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    as_before(path, requests=False, marks=False)
    ledger = Ledger(path)
    ledger.begin(b"ctx", b"study", b"query", 0, 0, b"key", b"join")
    ledger.record_vote(b"ctx", b"vote", b"manifest", b"request")
    known = ledger.sum(b"ctx")
    assert known is not None
    assert known.request == b"request"
    ledger.record_receipt(b"ctx", b"study", 0, b"receipt")
    known = ledger.sum(b"ctx")
    assert known is not None
    assert (known.request, known.private_key) == (b"", b"")
    ledger.close()


def test_a_ledger_that_held_contributions_beside_votes_keeps_all_and_erases_it_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    ledger = Ledger(path)
    before = [ledger.sum(context) for context in (b"ctx", b"released")]
    ledger.close()
    as_before(path)
    ledger = Ledger(path)
    assert [ledger.sum(context) for context in (b"ctx", b"released")] == before
    assert before[0] is not None
    assert (before[0].update, before[0].request) == (b"update", b"request")
    ledger.close()
    ledger = Ledger(path)
    assert ledger.holds_secrets(STUDY)
    ledger.erase_study(STUDY)
    assert not ledger.holds_secrets(STUDY)
    assert KEY not in files_of(ledger)
    ledger.close()


def test_a_ledger_of_an_earlier_version_that_changed_silently_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    as_before(path)
    edit(path, "UPDATE sums SET update_bytes = x'00' WHERE update_bytes IS NOT NULL")
    with pytest.raises(StorageError, match="a row of sums is not what was written"):
        Ledger(path)


@pytest.mark.parametrize("earlier", [None, {}, {"requests": False, "marks": False}], ids=["now", "marked", "first"])
def test_a_damaged_name_of_a_column_is_a_storage_error(tmp_path: Path, earlier: dict[str, bool] | None) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    if earlier is not None:
        as_before(path, **earlier)
    content = path.read_bytes()
    start = content.index(b"CREATE TABLE sums")
    end = content.index(b"STRICT", start)
    places = [start + found.start() for found in re.finditer(rb"\w (?=BLOB|INTEGER)", content[start:end])]
    assert len(places) >= len(_COLUMNS["sums"])

    def is_refused(place: int, letter: bytes) -> bool:
        for left in tmp_path.iterdir():
            left.unlink()
        path.write_bytes(content[:place] + letter + content[place + 1 :])
        try:
            Ledger(path).close()
        except StorageError as error:
            return "cannot be used" in error.message
        return False

    assert all(is_refused(place, b"\xff") for place in places)
    assert sum(is_refused(place, b"X") for place in places) >= len(_COLUMNS["sums"])


def test_a_sum_in_brief_is_the_same_but_for_what_is_large(ledger: Ledger) -> None:
    begun(ledger, b"ctx")
    ledger.record_update(b"ctx", b"header", b"update")
    ledger.record_vote(b"ctx", b"vote", b"manifest", b"request")
    known, brief = ledger.sum(b"ctx"), ledger.in_brief(b"ctx")
    assert known is not None
    assert (known.update, known.request) == (b"update", b"request")
    assert brief == dataclasses.replace(known, update=b"", request=b"")
    assert ledger.in_brief(b"another") is None


def test_a_contribution_and_a_request_are_erased_from_every_file_and_from_memory(ledger: Ledger) -> None:
    said = [bytes([number]) * 3_000 for number in (201, 202)]
    erasures: list[Callable[[], None]] = [
        lambda: ledger.mark_void(b"ctx"),
        lambda: ledger.record_receipt(b"ctx", STUDY, 0, b"receipt"),
        lambda: ledger.erase_study(STUDY),
    ]
    for erase in erasures:
        ledger._db.execute("DELETE FROM sums")
        begun(ledger, b"ctx")
        ledger.record_update(b"ctx", b"header", said[0])
        ledger.record_vote(b"ctx", b"vote", b"manifest", said[1])
        assert ledger.sum(b"ctx") is not None
        assert all(one[:1_000] in files_of(ledger) for one in said)
        erase()
        assert not any(one[:100] in files_of(ledger) for one in said)
        assert not any(key[0] == "large" for key in ledger._seen)


def filled(path: Path) -> None:
    """A ledger with something in every column."""
    ledger = Ledger(path)
    begun(ledger, b"ctx", round=4, attempt=2)
    ledger.record_update(b"ctx", b"header", b"update")
    ledger.record_vote(b"ctx", b"vote", b"manifest", b"request")
    begun(ledger, b"released", round=5)
    ledger.record_release(b"released", b"release")
    ledger.record_receipt(b"old", STUDY, 3, b"receipt")
    ledger.record_charge(STUDY, QUERY, 6, "patient", "train", "event", b"contribution")
    ledger.record_fact("breach", b"reason")
    ledger.close()


VALUES = [
    *(("sums", name) for name in ("context", "study", "query", "private_key", "joined", "header", "vote", "manifest")),
    *(("sums", name) for name in ("release", "round", "attempt", "is_void", "is_closed")),
    *(("large", name) for name in ("name", "context", "study", "round", "data")),
    *(("receipts", name) for name in ("study", "round", "receipt")),
    *(("charges", name) for name in ("study", "query", "round", "unit", "what", "event", "contribution")),
    *(("facts", name) for name in ("name", "value")),
]


@pytest.mark.parametrize(("table", "column"), VALUES)
def test_a_value_that_changed_silently_is_noticed_when_it_is_read_and_when_the_ledger_is_opened(
    tmp_path: Path, table: str, column: str
) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    ledger = Ledger(path)
    db = sqlite3.connect(path)
    (held,) = db.execute(f"SELECT typeof({column}) FROM {table} WHERE {column} IS NOT NULL").fetchone()  # noqa: S608
    changed = {"blob": "zeroblob(length({0}))", "integer": "{0} + 1", "text": "'x' || {0}"}[held].format(column)
    db.execute(f"UPDATE {table} SET {column} = {changed} WHERE {column} IS NOT NULL")  # noqa: S608
    db.commit()
    db.close()

    def read() -> None:
        ledger.sum(b"ctx"), ledger.sum(b"released"), ledger.receipt(STUDY, 3)
        ledger.charges(), ledger.contribution(STUDY, QUERY), ledger.device_key, ledger.fact("breach")

    # What a row is found by, changed, hides the row from a running ledger; the next start finds it.
    if column not in ("context", "study", "query", "round", "name") or table == "charges":
        with pytest.raises(StorageError, match=f"a row of {table} is not what was written"):
            read()
    ledger.close()
    with pytest.raises(StorageError, match=f"a row of {table} is not what was written") as caught:
        Ledger(path)
    assert "replaced by its backup, never edited" in caught.value.hint


def test_a_bit_flipped_anywhere_in_the_file_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    content = path.read_bytes()

    def said() -> list[object]:
        ledger = Ledger(path)
        try:
            facts = [ledger.device_key, ledger.fact("breach"), ledger.charges(), ledger.contribution(STUDY, QUERY)]
            return [
                *facts,
                ledger.sum(b"ctx"),
                ledger.sum(b"released"),
                ledger.receipt(STUDY, 3),
            ]
        finally:
            ledger.close()

    honest, noticed = said(), 0
    rng = Random(7)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        for left in tmp_path.iterdir():
            left.unlink()
        path.write_bytes(damaged)
        try:
            assert said() == honest
        except StorageError:
            noticed += 1
    assert noticed


def test_a_row_cannot_change_while_another_value_of_it_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    ledger = Ledger(path)
    edit(path, "UPDATE sums SET header = x'00'")
    with pytest.raises(StorageError, match="not what was written"):
        ledger.mark_void(b"ctx")
    ledger.close()


def test_a_ledger_from_before_marks_is_opened_keeps_what_it_holds_and_marks_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path)
    as_before(path, marks=False)
    ledger = Ledger(path)
    record = ledger.sum(b"ctx")
    assert record is not None
    assert (record.update, record.vote, ledger.receipt(STUDY, 3)) == (b"update", b"vote", b"receipt")
    ledger.close()
    edit(path, "UPDATE receipts SET receipt = x'00'")
    with pytest.raises(StorageError, match="a row of receipts"):
        Ledger(path)


def test_of_older_sums_the_ledger_keeps_that_something_was_said_and_not_what(ledger: Ledger) -> None:
    for round in range(8):
        context = bytes([round]) * 32
        begun(ledger, context, round=round)
        ledger.record_update(context, b"header-of-mine" * 100, b"update-of-mine")
        ledger.record_vote(context, b"vote-of-mine", b"manifest")
        ledger.record_release(context, b"release-of-mine" * 1000)
        ledger.record_receipt(context, STUDY, round, b"receipt")
    kept = [ledger.sum(bytes([round]) * 32) for round in range(8)]
    assert [bool(record and record.release) for record in kept] == [False] * 5 + [True] * 3
    assert all(record and not record.is_void for record in kept)
    assert all(record and record.manifest == b"manifest" for record in kept)
    found = files_of(ledger).count(b"release-of-mine")
    assert 2_900 < found <= 3_000, "three releases, less what the borders of pages cut"
    with pytest.raises(AlreadyReleasedError):
        ledger.record_vote(bytes(32), b"another vote", b"another manifest")


def test_a_study_that_holds_nothing_is_erased_without_a_transaction(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", tmp_path / "count")
    begun(ledger, b"ctx")
    ledger.erase_study(STUDY)
    counted = (tmp_path / "count").read_bytes()
    ledger.erase_study(STUDY)
    ledger.erase_study(OTHER_STUDY)
    assert (tmp_path / "count").read_bytes() == counted
    assert not ledger.holds_secrets(STUDY)
    ledger.close()


def test_what_a_process_erased_before_it_died_is_gone_from_the_log_with_the_next_look_at_a_study_that_is_over(
    tmp_path: Path,
) -> None:
    """It ended between the transaction and the emptying of the log."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    begun(ledger, b"ctx")
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sums").fetchone()
    with pytest.raises(StorageError, match="another process"):
        ledger.erase_study(STUDY)
    with pytest.raises(StorageError, match="another process"):
        ledger.erase_study(STUDY)
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in tmp_path.glob("ledger.sqlite*"):
        shutil.copy(file, killed)
    reader.close()
    ledger.close()
    again = Ledger(killed / "ledger.sqlite")
    reader = sqlite3.connect(killed / "ledger.sqlite")  # keeps the log from going with a checkpoint of its own
    assert KEY[:32] in files_of(again)
    again.erase_study(STUDY)
    assert KEY[:32] not in files_of(again)
    reader.close()
    again.close()
