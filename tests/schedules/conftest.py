"""Nothing waits for the disk, and the ring is too small to protect anything: a schedule takes milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.schedules import world


@pytest.fixture(autouse=True, scope="module")
def hasty_world() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        world.hasten(patch)
        yield
    world.forget()
