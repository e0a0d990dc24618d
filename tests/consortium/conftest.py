"""Nothing in this folder waits for the disk; consortia of three and of four hospitals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium
from tests.hasty import hasty_disk

__all__ = ["hasty_disk"]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 3)
    yield made
    made.close()


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 4)
    yield made
    made.close()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Consortium]:
    """The same with enough rows of every part for hospitals that may not be singled out."""
    made = Consortium(tmp_path, 4, rows=300)
    yield made
    made.close()
