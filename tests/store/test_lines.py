"""The end of a file of lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from cipherward.store import files, lines


@pytest.mark.parametrize("size", [0, 10, lines._TAIL - 1, lines._TAIL, 3 * lines._TAIL])
def test_the_last_whole_line_of_a_file_is_read_without_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path, first, last = tmp_path / "lines", b"f" * 10 * lines._TAIL, b"l" * size
    path.write_bytes(first + b"\n" + last + b"\n" + b"torn")
    starts, read = list[int](), files.read

    def read_from(path: Path, start: int = 0) -> bytes:
        starts.append(start)
        return read(path, start)

    monkeypatch.setattr(files, "read", read_from)
    assert lines.last_line(path) == last
    assert min(starts) > 5 * lines._TAIL
    path.write_bytes(last + b"\n")
    assert lines.last_line(path) == last
    path.write_bytes(b"torn")
    assert lines.last_line(path) == b""
