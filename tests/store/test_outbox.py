from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from cipherward.errors import StorageError
from cipherward.store.handled import Handled
from cipherward.store.outbox import LARGEST, N_SLOTS, Outbox, Progress, Waiting


def content(letter: Waiting) -> bytes:
    return b"".join(letter.pieces(1000))


def test_letters_wait_in_order_until_they_are_done(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for data in (b"a", b"", b"ccc"):
        outbox.put(data)
    again = Outbox(tmp_path)
    assert [content(letter) for letter in again.pending()] == [b"a", b"", b"ccc"]
    assert [letter.size for letter in again.pending()] == [1, 0, 3]
    again.done(again.pending()[0])
    again.put(memoryview(b"last"))
    for found in (again, Outbox(tmp_path)):
        assert [content(letter) for letter in found.pending()] == [b"", b"ccc", b"last"]


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
    assert [path.name for path in tmp_path.iterdir()] == ["small.slots"]


@pytest.mark.parametrize("text", ["nonsense", "", "8 31 {mark}\n", "7 31\n", "7 31 {mark}"])
def test_a_damaged_progress_note_counts_as_none(tmp_path: Path, text: str) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"x")
    letter = outbox.pending()[0]
    outbox.mark(letter, Progress(7, 31))
    note = tmp_path / f"{1:010d}.{letter.nonce.hex()}.sent"
    note.write_text(text.format(mark=note.read_text().split()[2]))
    assert outbox.progress(letter) == Progress()


@pytest.mark.parametrize("size", [10, LARGEST + 1])
def test_a_letter_that_a_power_failure_cut_short_was_never_put(tmp_path: Path, size: int) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"whole")
    outbox.put(os.urandom(size))
    letter = outbox.pending()[1]
    if letter.offset:
        with letter.path.open("r+b") as file:
            file.seek(letter.offset + size // 2)
            file.write(bytes(size - size // 2))
    else:
        os.truncate(letter.path, size // 2)
    assert [content(letter) for letter in Outbox(tmp_path).pending()] == [b"whole"]


def test_letters_stay_in_order_whether_they_fit_into_slots_or_not(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    letters = [os.urandom(size) for size in (1, LARGEST + 1, LARGEST, *range(2 * N_SLOTS))]
    for letter in letters:
        outbox.put(letter)
    assert [content(letter) for letter in Outbox(tmp_path).pending()] == letters


def test_a_slot_is_used_again_when_its_letter_is_done(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for i in range(3 * N_SLOTS):
        outbox.put(bytes([i]) * 50)
        (letter,) = outbox.pending()
        assert content(letter) == bytes([i]) * 50
        outbox.done(letter)
    assert [path.name for path in tmp_path.iterdir()] == ["small.slots"]
    assert Outbox(tmp_path).pending() == []


def test_a_resumed_letter_starts_at_any_piece(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for data in (b"abcdefgh", b""):
        outbox.put(data)
    whole, empty = outbox.pending()
    assert list(whole.pieces(3)) == [b"abc", b"def", b"gh"]
    assert list(whole.pieces(3, 2)) == [b"gh"]
    assert list(whole.pieces(3, 3)) == []
    assert list(empty.pieces(3)) == [b""]


def test_a_letter_is_not_pending_before_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"first")
    seen: list[int] = []
    monkeypatch.setattr("cipherward.store.files.flush", lambda _: seen.append(len(outbox.pending())))
    outbox.put(b"second")
    assert seen == [1]
    assert len(outbox.pending()) == 2


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


@pytest.mark.parametrize("size", [10, LARGEST + 1])
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"first")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr("cipherward.store.files.flush", full)
        with pytest.raises(StorageError, match="No space left"):
            outbox.put(os.urandom(size))
    for found in (outbox, Outbox(tmp_path)):
        assert [content(letter) for letter in found.pending()] == [b"first"]
    assert [path.name for path in tmp_path.iterdir()] == ["small.slots"]


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            Outbox(tmp_path).put(b"x")
    assert list(tmp_path.iterdir()) == []


def test_letters_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"x")
    outbox.put(bytes(LARGEST + 1))
    assert {letter.path.stat().st_mode & 0o777 for letter in outbox.pending()} == {0o600}
    assert len({letter.path for letter in outbox.pending()}) == 2


def test_many_threads_may_put(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    woken: list[int] = []
    outbox.on_put = lambda: woken.append(1)
    threads = [threading.Thread(target=outbox.put, args=(bytes([i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(content(letter) for letter in outbox.pending()) == [bytes([i]) for i in range(8)]
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
