"""Files that are whole or absent, also when the disk is full in the middle."""

from __future__ import annotations

import errno
import io
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from cipherward.errors import StorageError
from cipherward.store import files
from cipherward.store.journal import Journal
from cipherward.store.ledger import Ledger


def test_a_file_is_replaced_as_a_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    files.write(path, b"old")
    files.write(path, b"new")
    assert files.read(path) == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_small_file_that_is_remembered_is_read_again_once_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "approval"
    assert files.content(str(path)) == b""
    for content in (b"first", b"other"):
        files.write(path, content)
        os.utime(path, (1, 1))  # long settled, and of the same size and time: another file all the same
        assert files.content(str(path)) == files.content(str(path)) == content
    path.unlink()
    assert files.content(str(path)) == b""


def test_a_private_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    files.write(tmp_path / "key", b"secret", private=True)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is synced")
def test_a_renamed_file_and_its_new_folders_are_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bool]] = []

    def note(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        synced.append((name, (tmp_path / "a" / "b" / "file").exists()))

    monkeypatch.setattr(os, "fsync", note)
    files.write(tmp_path / "a" / "b" / "file", b"")
    assert synced[0][1] is False  # the content, before it gets its name
    assert synced[1:] == [(str(folder), True) for folder in (tmp_path / "a" / "b", tmp_path / "a", tmp_path)]
    synced.clear()
    files.write(tmp_path / "a" / "b" / "file", b"again")
    assert [name for name, _ in synced[1:]] == [str(tmp_path / "a" / "b")]
    synced.clear()
    files.append(tmp_path / "log", "one")
    files.append(tmp_path / "log", "two")
    assert [name for name, _ in synced] == [str(tmp_path / "log"), str(tmp_path), str(tmp_path / "log")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is synced")
def test_what_is_put_off_is_on_the_disk_at_the_end_and_what_comes_after_waits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda file: synced.append(str(Path(f"/proc/self/fd/{file}").readlink())))
    run = tmp_path / "run"
    with files.put_off(run):
        files.write(run / "receipts" / "opening", b"1")
        files.append(run / "log", "line")
        Journal(run).append("join", 1, b"data")
        files.overwrite(run / "receipts" / "opening", b"2")
        with files.put_off(tmp_path / "other"):
            assert files.is_put_off()
        files.write(run / "last", b"")
        ledger = Ledger(run / "ledger.sqlite")
        assert ledger._db.execute("PRAGMA synchronous").fetchone() == (0,)
        ledger.close()
        assert not synced
    (run / "link").symlink_to(tmp_path / "nowhere")
    written = {path for path in run.rglob("*") if not path.is_symlink()} | {run}
    assert {Path(name) for name in synced} == written
    synced.clear()
    files.write(run / "after", b"")
    assert len(synced) == 2
    assert Ledger(tmp_path / "ledger")._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_disk_that_fails_at_the_end_is_an_error_that_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_off(*, fails: bool) -> None:
        with files.put_off(tmp_path):
            files.write(tmp_path / "file", b"")
            if fails:
                raise KeyError("first")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StorageError, match=r"cannot put .* on the disk: No space left"):
        put_off(fails=False)
    with pytest.raises(KeyError):
        put_off(fails=True)
    assert not files.is_put_off()


def no_space(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (os, "open"), (Path, "replace"), (Path, "mkdir")])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    path = tmp_path / "file"
    files.write(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, no_space)
        with pytest.raises(StorageError, match="No space left on device") as caught:
            files.write(path, b"new")
    assert "free space" in caught.value.hint
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_place_where_nobody_may_write_is_not_taken_for_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="Permission denied") as caught:
        files.write(tmp_path / "file", b"new")
    assert "write permission is needed there" in caught.value.hint
    assert "free space" not in caught.value.hint


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.write(path, b"old")

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            super().write(bytes(data)[:2])
            return int(no_space())

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", lambda descriptor, mode, **_: Full(descriptor, mode))
        with pytest.raises(StorageError, match="No space left"):
            files.write(path, b"new content")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_lines_are_appended_and_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    files.append(tmp_path / "log", "one")
    files.append(tmp_path / "log", "two")
    assert files.read(tmp_path / "log") == b"one\ntwo\n"
    with pytest.raises(StorageError, match="cannot append"):
        files.append(tmp_path / "nowhere" / "log", "line")


def test_of_a_line_that_does_not_fit_on_the_disk_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "log"
    files.append(path, "one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(StorageError, match="cannot append"):
            files.append(path, "a line that is too long")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    files.append(path, "two")
    assert files.read(path) == b"one\ntwo\n"


def test_what_cannot_be_read_is_a_storage_error_with_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(StorageError, match=str(path)) as caught:
            files.read(path)
        assert caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="Permission denied"):
            files.write(tmp_path / "file", b"")
    finally:
        tmp_path.chmod(0o700)


def test_lines_are_counted_as_they_were_appended(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    assert files.count_lines(path) == 0
    for number in range(3):
        files.append(path, f'{{"sum": {number}}}')
        assert files.count_lines(path) == number + 1
    with path.open("ab") as file:
        file.write(b"torn")
    assert files.count_lines(path) == 4


def test_what_a_system_takes_in_parts_is_written_whole_and_the_file_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "file", os.write
    path.write_bytes(b"longer than what is new")
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    files.overwrite(path, b"new content")
    assert path.read_bytes() == b"new content" + b"longer than what is new"[11:]
    with files.opened(path, os.O_RDONLY) as descriptor:
        pass
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_of_a_line_that_a_full_disk_took_a_part_of_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, room = tmp_path / "log", os.write, [3, 0]
    files.append(path, "one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:left]) if (left := room.pop(0)) else no_space())
        with pytest.raises(StorageError, match="No space left"):
            files.append(path, "two, which is longer")
    files.append(path, "three")
    assert path.read_text() == "one\nthree\n"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert files.names_in(tmp_path / "none") == []
    (tmp_path / "b").touch()
    (tmp_path / "a").touch()
    assert files.names_in(tmp_path) == ["a", "b"]
    assert files.names_in(tmp_path / "a") == []
