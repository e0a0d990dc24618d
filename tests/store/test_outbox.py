from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from cipherward.errors import StorageError
from cipherward.store.handled import Handled
from cipherward.store.outbox import Outbox, Progress


def test_letters_wait_in_order_until_they_are_done(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for data in (b"a", b"", b"ccc"):
        outbox.put(data)
    again = Outbox(tmp_path)
    assert [letter.path.read_bytes() for letter in again.pending()] == [b"a", b"", b"ccc"]
    assert [letter.size for letter in again.pending()] == [1, 0, 3]
    again.done(again.pending()[0])
    outbox.put(memoryview(b"last"))
    assert [letter.path.read_bytes() for letter in outbox.pending()] == [b"", b"ccc", b"last"]


def test_the_same_bytes_put_twice_are_two_letters(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"x")
    outbox.put(b"x")
    assert len({letter.nonce for letter in outbox.pending()}) == 2


def test_progress_survives_a_restart_and_goes_with_the_letter(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"x")
    letter = outbox.pending()[0]
    assert outbox.progress(letter) == Progress()
    outbox.mark(letter, Progress(7, 31))
    assert Outbox(tmp_path).progress(letter) == Progress(7, 31)
    outbox.done(letter)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_progress_note_counts_as_none(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"x")
    next(iter(outbox.pending())).path.with_name(f"{1:010d}.{outbox.pending()[0].nonce.hex()}.sent").write_text(
        "nonsense"
    )
    assert outbox.progress(outbox.pending()[0]) == Progress()


def test_a_letter_that_a_power_failure_cut_short_was_never_put(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"whole")
    outbox.put(b"torn")
    outbox.pending()[1].path.write_bytes(b"to")
    assert [letter.path.read_bytes() for letter in outbox.pending()] == [b"whole"]


def test_a_full_outbox_says_so(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, max_bytes=10, max_letters=3)
    outbox.put(b"12345678")
    with pytest.raises(StorageError, match="is full") as caught:
        outbox.put(b"123")
    assert "connection" in caught.value.hint
    outbox.put(b"12")
    outbox.put(b"")
    with pytest.raises(StorageError, match="is full"):
        outbox.put(b"")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"first")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            outbox.put(b"second")
    assert [letter.path.read_bytes() for letter in outbox.pending()] == [b"first"]
    assert len(list(tmp_path.iterdir())) == 1


def test_letters_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"x")
    assert outbox.pending()[0].path.stat().st_mode & 0o777 == 0o600


def test_many_threads_may_put(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    woken: list[int] = []
    outbox.on_put = lambda: woken.append(1)
    threads = [threading.Thread(target=outbox.put, args=(bytes([i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(letter.path.read_bytes() for letter in outbox.pending()) == [bytes([i]) for i in range(8)]
    assert [letter.number for letter in outbox.pending()] == list(range(1, 9))
    assert len(woken) == 8


def test_handled_letters_are_remembered_after_a_restart(tmp_path: Path) -> None:
    handled = Handled(tmp_path)
    handled.add("alpha", bytes(32))
    again = Handled(tmp_path)
    assert again.has("alpha", bytes(32))
    assert not again.has("beta", bytes(32))
    assert not again.has("alpha", bytes(31) + b"1")


def test_a_torn_line_of_the_memory_costs_only_itself(tmp_path: Path) -> None:
    Handled(tmp_path).add("alpha", bytes(32))
    with (tmp_path / "alpha.handled").open("a") as file:
        file.write("ab12")
    again = Handled(tmp_path)
    again.add("alpha", b"1" * 32)
    last = Handled(tmp_path)
    assert last.has("alpha", bytes(32))
    assert last.has("alpha", b"1" * 32)
