"""Letters that were handled stay known, and their list does not grow for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

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
