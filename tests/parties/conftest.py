"""Nothing in this folder waits for the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.hasty import hasty_disk
from tests.simulator import World

__all__ = ["hasty_disk"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Four hospitals after the statistics."""
    with World(tmp_path, simulator.study(4)) as made:
        made.run_sums(1)
        yield made
