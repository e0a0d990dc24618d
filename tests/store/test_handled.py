"""Letters that were handled stay known, and their list does not grow for ever."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cipherward.errors import StorageError
from cipherward.store import handled
from cipherward.store.handled import Handled


def test_the_newest_letters_stay_known_and_the_oldest_are_forgotten_in_memory_and_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handled, "_KEEP", 50)
    known = Handled(tmp_path)
    letters = [number.to_bytes(32, "big") for number in range(1_000)]
    for letter in letters:
        known.add("UP.alpha", letter)
        assert known.has("UP.alpha", letter)
    assert all(known.has("UP.alpha", letter) for letter in letters[-50:])
    assert not known.has("UP.alpha", letters[0])
    assert (tmp_path / "UP.alpha.handled").stat().st_size <= 100 * 65
    assert all(Handled(tmp_path).has("UP.alpha", letter) for letter in letters[-50:])


def test_an_id_that_only_lies_across_two_others_was_not_handled(tmp_path: Path) -> None:
    known, zeros = Handled(tmp_path), bytes(32)
    first, second = b"\x01" + bytes(31), bytes(31) + b"\x01"
    known.add("UP.alpha", first)
    known.add("UP.alpha", second)
    assert not known.has("UP.alpha", zeros)  # sixty-two zeros in a row, and none of the ids
    assert known.has("UP.alpha", first)
    assert known.has("UP.alpha", second)
    known.add("UP.alpha", zeros)
    assert known.has("UP.alpha", zeros)


def test_a_letter_after_one_that_a_full_disk_took_a_part_of_stays_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, write, room = Handled(tmp_path), os.write, [40, 0]

    def almost_full(descriptor: int, data: bytes) -> int:
        if not (left := room.pop(0)):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return write(descriptor, data[:left])

    known.add("UP.alpha", bytes(32))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", almost_full)
        with pytest.raises(StorageError, match="uota"):  # what the system says, and no other reason
            known.add("UP.alpha", b"\1" * 32)
    assert not known.has("UP.alpha", b"\1" * 32)
    known.add("UP.alpha", b"\2" * 32)
    again = Handled(tmp_path)
    assert [again.has("UP.alpha", bytes([place]) * 32) for place in range(3)] == [True, False, True]
