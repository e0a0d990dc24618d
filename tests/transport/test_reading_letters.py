"""Small letters are read, large ones are looked at where they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cipherward.errors import StorageError
from cipherward.transport import serving


@pytest.mark.parametrize("size", [0, 1000, 1 << 20, 3_000_001])
def test_a_letter_is_read_whole_and_stays_readable_when_its_file_is_gone(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "letter"
    path.write_bytes(content)
    letter = serving.read(path)
    path.unlink()
    assert letter == content
    assert isinstance(letter, memoryview) == (size >= 1 << 20)


def test_a_letter_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        serving.read(tmp_path / "letter")
