"""The run directory: never over somebody's files, and a spool that leaves nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests import simulator

from cipherward.errors import StorageError
from cipherward.parties.records import Spool
from cipherward.runs import folder
from cipherward.runs.folder import RunDirectory
from cipherward.store import files


def test_a_new_run_gets_a_folder_of_its_own_and_the_newest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = [folder.create(None, simulator.study(3)).path for _ in range(3)]
    assert len(set(made)) == 3
    assert (tmp_path / "runs" / "latest.txt").read_text().strip() == made[-1].name


def test_an_empty_folder_may_be_used_and_a_full_one_or_a_file_may_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert folder.create(tmp_path / "empty", simulator.study(3)).path == tmp_path / "empty"
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    for name in ("file", "full"):
        with pytest.raises(StorageError, match="not an empty folder") as caught:
            folder.create(tmp_path / name, simulator.study(3))
        assert "nothing was overwritten" in caught.value.hint
    assert (tmp_path / "file").read_text() == (tmp_path / "full" / "mine").read_text() == "mine"


def test_a_run_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot make the run directory"):
        folder.create(tmp_path / "file" / "run", simulator.study(3))


def test_openings_are_found_in_order_whatever_else_lies_there(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    for round in (10, 2, 0):
        run.opening(round).parent.mkdir(parents=True)
        run.opening(round).write_bytes(b"x")
    run.receipt(5, 1).parent.mkdir(parents=True)
    assert run.rounds_with_openings() == [0, 2, 10]


def test_a_spool_holds_payloads_on_disk_and_starts_empty_over_old_ones(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool[3], spool[1] = b"three", b"one"
    assert (list(spool), len(spool), spool[3]) == ([1, 3], 2, b"three")
    del spool[3]
    with pytest.raises(KeyError):
        spool[3]
    with pytest.raises(KeyError):
        del spool[3]
    assert spool.pop(7, None) is None
    assert [path.name for path in tmp_path.iterdir()] == ["1.payload"]
    assert len(Spool(tmp_path)) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_spool_without_a_place_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot use"):
        Spool(tmp_path / "file")
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    with pytest.raises(StorageError, match="cannot keep an update"):
        spool[1] = b""


@pytest.mark.parametrize("settled", [-1.0, 3600.0], ids=["long ago", "just now"])
def test_which_sums_are_opened_is_true_whatever_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: float
) -> None:
    monkeypatch.setattr(files, "SETTLED_SECONDS", settled)
    run = RunDirectory(tmp_path)
    assert run.rounds_with_openings() == []
    for round in (0, 1, 2, 10_000):
        files.write(run.receipt(round, 1), b"receipt")
        assert run.rounds_with_openings() == [*range(min(round, 3))]
        files.write(run.opening(round), b"opening")
        assert run.rounds_with_openings() == [*range(min(round, 3)), round]
    files.write(run.receipts / "0001 copy" / "opening.cbor", b"opening")
    (run.receipts / "0003").mkdir()
    assert run.rounds_with_openings() == [0, 1, 2, 10_000]
    shutil.rmtree(run.receipts / "0001")
    assert run.rounds_with_openings() == RunDirectory(tmp_path).rounds_with_openings() == [0, 2, 10_000]


def test_a_sum_that_was_opened_is_not_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SETTLED_SECONDS", -1.0)
    run, looked = RunDirectory(tmp_path), list[str]()
    stamp = files.stamp

    def stamp_of(path: Path | str) -> files.Stamp | None:
        looked.append(str(path))
        return stamp(path)

    monkeypatch.setattr(files, "stamp", stamp_of)
    for round in range(20):
        files.write(run.opening(round), b"opening")
        looked.clear()
        assert run.rounds_with_openings() == list(range(round + 1))
        assert looked == [str(run.receipts), str(run.opening(round))]
    looked.clear()
    run.rounds_with_openings()
    assert looked == [str(run.receipts)]


def test_the_record_of_rounds_is_counted_once_and_again_when_somebody_else_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, count = list[Path](), files.count_lines

    def count_lines(path: Path) -> int:
        counted.append(path)
        return count(path)

    monkeypatch.setattr(files, "count_lines", count_lines)
    run = RunDirectory(tmp_path)
    assert run.sums_noted() == 0
    for sum in range(5):
        run.note_sum({"sum": sum})
        assert run.sums_noted() == sum + 1
    assert counted == []
    files.append(run.rounds, "{}")
    assert run.sums_noted() == RunDirectory(tmp_path).sums_noted() == 6
    assert len(counted) == 2
    run.rounds.unlink()
    assert run.sums_noted() == 0
