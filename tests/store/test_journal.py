"""The coordinator's journal: what was appended is there after any kill, and damage is never taken for the truth."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.errors import StorageError
from cipherward.store import files
from cipherward.store.journal import LARGE, Journal, Record

SMALL = st.builds(Record, st.sampled_from(["packet", "advance", "total"]), st.integers(0, 50), st.binary(max_size=200))
BIG = Record("packet", 3, bytes(range(256)) * (LARGE // 256))


def filled(folder: Path, records: list[Record]) -> Path:
    journal = Journal(folder)
    for record in records:
        journal.append(record.kind, record.hospital, record.data)
    return folder / "journal"


def read(folder: Path) -> list[Record]:
    return list(Journal(folder).records())


@settings(max_examples=50, deadline=None)
@given(st.lists(SMALL, max_size=6))
def test_what_was_appended_is_read_back_in_order(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled(folder, records)
        assert read(folder) == records
        journal = Journal(folder)
        assert journal.index() == [(record.kind, record.hospital) for record in records]
        assert list(journal.records(2)) == records[2:]


@settings(max_examples=100, deadline=None)
@given(st.lists(SMALL, min_size=1, max_size=4), st.data())
def test_a_torn_tail_is_cut_off_and_what_was_before_it_stays(records: list[Record], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ends = [0]
        journal = Journal(folder)
        for record in records:
            journal.append(record.kind, record.hospital, record.data)
            ends.append((folder / "journal").stat().st_size)
        content = (folder / "journal").read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        whole = sum(end <= cut for end in ends[1:])
        # The file may have grown to its new size before all of the record's bytes came.
        zeros = data.draw(st.sampled_from([0, ends[min(whole + 1, len(records))] - cut]))
        (folder / "journal").write_bytes(content[:cut] + bytes(zeros))
        assert read(folder) == records[:whole]
        assert (folder / "journal").stat().st_size == ends[whole]
        Journal(folder).append("again", 1, b"after")
        assert read(folder) == [*records[:whole], Record("again", 1, b"after")]


@settings(max_examples=200, deadline=None)
@given(st.lists(SMALL, min_size=2, max_size=4), st.data())
def test_a_flipped_bit_is_noticed_or_costs_the_last_record_alone(records: list[Record], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = filled(folder, records[:-1])
        last = path.stat().st_size
        path = filled(folder, records[-1:])
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, 8 * len(content) - 1))
        content[at // 8] ^= 1 << (at % 8)
        path.write_bytes(bytes(content))
        if at // 8 < last:
            with pytest.raises(StorageError, match="is damaged") as caught:
                read(folder)
            assert "move the folder" in caught.value.hint
            assert path.read_bytes() == bytes(content)
        else:
            with contextlib.suppress(StorageError):
                assert read(folder) == records[:-1]


def test_records_of_another_order_are_damage(tmp_path: Path) -> None:
    path = filled(tmp_path, [Record("packet", 1, b"a")])
    first = path.stat().st_size
    filled(tmp_path, [Record("packet", 2, b"b")])
    filled(tmp_path, [Record("packet", 3, b"c")])
    content = path.read_bytes()
    path.write_bytes(content[:first] + content[2 * first :] + content[first : 2 * first])
    with pytest.raises(StorageError, match="is damaged"):
        Journal(tmp_path)


def test_large_data_are_in_files_of_their_own_that_are_checked_when_read(tmp_path: Path) -> None:
    path = filled(tmp_path, [Record("begin", 0, b"x"), BIG])
    assert path.stat().st_size < 1000
    assert read(tmp_path)[1] == BIG
    (large,) = tmp_path.glob("*.payload")
    assert large.stat().st_mode & 0o077 == 0
    content = bytearray(large.read_bytes())
    content[1000] ^= 1
    large.write_bytes(bytes(content))
    with pytest.raises(StorageError, match="does not have its digest"):
        read(tmp_path)
    large.unlink()
    with pytest.raises(StorageError, match="is damaged"):
        read(tmp_path)


def test_large_data_whose_record_never_came_are_removed(tmp_path: Path) -> None:
    path = filled(tmp_path, [Record("begin", 0, b"x")])
    size = path.stat().st_size
    filled(tmp_path, [BIG])
    path.write_bytes(path.read_bytes()[:-1])
    assert [record.kind for record in read(tmp_path)] == ["begin"]
    assert path.stat().st_size == size
    assert list(tmp_path.glob("*.payload")) == []


def test_space_that_was_allotted_and_never_written_is_a_torn_tail(tmp_path: Path) -> None:
    path = filled(tmp_path, [Record("begin", 0, b"x")])
    path.write_bytes(path.read_bytes() + bytes(300))
    assert [record.kind for record in read(tmp_path)] == ["begin"]


def test_a_cleared_journal_is_empty_and_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, [Record("begin", 0, b"x"), BIG])
    journal = Journal(tmp_path)
    journal.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]
    journal.append("begin", 0, b"y")
    assert read(tmp_path) == [Record("begin", 0, b"y")]


def test_a_full_disk_is_a_storage_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, [Record("begin", 0, b"x")])
    journal = Journal(tmp_path)
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    for data in (b"small", BIG.data):
        with pytest.raises(StorageError, match="No space left") as caught:
            journal.append("packet", 1, data)
        assert "free space" in caught.value.hint
    monkeypatch.undo()
    assert read(tmp_path)[0] == Record("begin", 0, b"x")


def test_a_folder_that_cannot_be_used_is_a_storage_error(tmp_path: Path) -> None:
    files.write(tmp_path / "file", b"")
    with pytest.raises(StorageError, match="cannot open the journal"):
        Journal(tmp_path / "file")
