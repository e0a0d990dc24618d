"""Files stay small enough to read in one go (docs/development.md)."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "cipherward"


def test_no_file_of_the_package_has_more_than_400_lines() -> None:
    sizes = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")
    }
    assert len(sizes) > 100
    assert {name: size for name, size in sizes.items() if size > 400} == {}
