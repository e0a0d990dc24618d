"""A study that has ended leaves nothing in a hospital's ledger that opens a sum: a copy made afterwards is of no use."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in

from cipherward.consortium.service import offering
from cipherward.errors import StorageError
from cipherward.store.ledger import Ledger

NOISY = {"noise": {"enabled": True}}
COLUMNS = ("private_key", "release")


def bytes_on_disk(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.glob("ledger.sqlite*")))


def secrets_in(home: Path) -> list[bytes]:
    """What the ledger of a hospital holds with which sums that were not verified could be opened."""
    db = sqlite3.connect(home / "ledger.sqlite")
    try:
        rows = db.execute(f"SELECT {', '.join(COLUMNS)} FROM sums WHERE is_closed = 0").fetchall()  # noqa: S608
        kept = db.execute("SELECT contribution FROM charges UNION ALL SELECT data FROM large").fetchall()
    finally:
        db.close()
    return [value for row in (*rows, *kept) for value in row if value]


def released_for_opened_sums(home: Path) -> set[bytes]:
    """What opened a sum that is open to everybody: it may stay."""
    db = sqlite3.connect(home / "ledger.sqlite")
    try:
        return {release for (release,) in db.execute("SELECT release FROM sums WHERE is_closed = 1")}
    finally:
        db.close()


def pieces(secret: bytes) -> list[bytes]:
    """Parts of a secret that no border of a page cuts."""
    middle = len(secret) // 2
    return [secret[:24], secret[middle : middle + 24], secret[-24:]]


def go_on_until(four: Consortium, kind: str, count: int) -> None:
    """Carry letters until hospitals have sent so many messages of this kind."""
    while count:
        if not four.queue:
            four.poll()
        sender, _, letter = four.queue[0]
        count -= sender != "coordinator" and kind in kinds_in(letter)
        four.step()


@pytest.mark.parametrize("at", ["Join", "Update", "Vote", "Release"])
def test_a_ledger_that_is_copied_after_a_stop_opens_nothing(four: Consortium, tmp_path: Path, at: str) -> None:
    """Whatever the sum under way had come to, two hospitals away or not."""
    four.begin(document(4, training={"rounds": 1}))
    go_on_until(four, at, 3)
    four.reachable -= {"clinic-3", "clinic-4"}
    four.pump()
    before = {name: secrets_in(four.folder / name) for name in four.names}
    assert any(before.values())
    assert all(secret[:24] in bytes_on_disk(four.folder / name) for name in four.names for secret in before[name])
    assert not any(desk.status()[0]["keys_erased"] for desk in four.desks.values())
    offering.stop(four.home, "tiny", "funding ended")
    four.pump()
    for name in ("clinic-3", "clinic-4"):
        four.come_back(name)
    four.pump()
    for name in four.names:
        copy = Path(shutil.copytree(four.folder / name, tmp_path / "copies" / name))
        assert secrets_in(copy) == []
        left = bytes_on_disk(copy)
        gone = [secret for secret in before[name] if secret not in released_for_opened_sums(copy)]
        assert not [piece for secret in gone for piece in pieces(secret) if piece in left]
        (status,) = four.desks[name].status()
        assert (status["phase"], status["keys_erased"]) == ("stopped", True)
        log = (four.folder / name / "log.jsonl").read_text()
        # Where the opening came before the word of the stop, the receipt has erased the same.
        assert "keys erased" in log or status["sums_verified"] or not before[name]


def withdrawn(four: Consortium) -> None:
    for name in four.names:
        four.withdraw(name)


def failed(four: Consortium) -> None:
    for name in four.names:
        desk = four.desks[name]
        desk._study(bytes.fromhex(desk.status()[0]["digest"])).stop("failed: the sum does not open")


@pytest.mark.parametrize("ending", [withdrawn, failed])
def test_so_does_one_after_another_ending_and_what_proves_what_was_said_stays(
    four: Consortium, ending: Callable[[Consortium], None]
) -> None:
    four.begin(document(4))
    go_on_until(four, "Vote", 6)
    assert secrets_in(four.folder / "clinic-1")
    said = proofs(four.folder / "clinic-1")
    ending(four)
    four.poll()
    assert [secrets_in(four.folder / name) for name in four.names] == [[]] * 4
    assert proofs(four.folder / "clinic-1") == said


def proofs(home: Path) -> tuple[list[tuple[bytes, ...]], list[tuple[bytes, ...]]]:
    db = sqlite3.connect(home / "ledger.sqlite")
    try:
        sums = db.execute("SELECT context, joined, header, vote, manifest FROM sums ORDER BY context").fetchall()
        return sums, db.execute("SELECT study, round, receipt FROM receipts ORDER BY round").fetchall()
    finally:
        db.close()


def test_what_was_not_erased_because_the_process_died_is_erased_at_the_next_start(
    four: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    four.begin(document(4))
    go_on_until(four, "Vote", 3)
    four.withdraw("clinic-1")

    def dies(self: Ledger, study: bytes) -> None:
        raise StorageError("disk full")

    with monkeypatch.context() as disk:
        disk.setattr(Ledger, "erase_study", dies)
        with pytest.raises(StorageError, match="disk full"):
            four.desks["clinic-1"].poll()
    assert secrets_in(four.folder / "clinic-1")
    four.restart_hospital("clinic-1")
    four.desks["clinic-1"].poll()
    assert secrets_in(four.folder / "clinic-1") == []


def test_a_finished_study_has_erased_its_keys_and_says_so(four: Consortium) -> None:
    four.begin(document(4, training={"rounds": 1}))
    four.pump()
    for name in four.names:
        assert secrets_in(four.folder / name) == []
        assert four.desks[name].status()[0]["keys_erased"]


def test_while_somebody_reads_the_ledger_the_keys_are_not_said_to_be_erased(four: Consortium) -> None:
    """A backup that holds the file open keeps its log, in which the keys still are."""
    four.begin(document(4))
    go_on_until(four, "Vote", 3)
    reader = sqlite3.connect(four.folder / "clinic-1" / "ledger.sqlite")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sums").fetchall()
    four.withdraw("clinic-1")
    with pytest.raises(StorageError, match="read by another process"):
        four.desks["clinic-1"].poll()
    assert not four.desks["clinic-1"].status()[0]["keys_erased"]
    reader.close()
    four.desks["clinic-1"].poll()
    assert four.desks["clinic-1"].status()[0]["keys_erased"]
