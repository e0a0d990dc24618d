"""Nobody pulls the plug in most tests, so nothing waits for the disk: import `hasty_disk` into a folder's conftest."""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest


class _Hasty(sqlite3.Connection):
    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return super().execute(statement.replace("synchronous = FULL", "synchronous = OFF"), *values)


def without_fsync(patch: pytest.MonkeyPatch) -> None:
    """Neither files nor ledgers are synced, for as long as `patch` lasts."""
    patch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=_Hasty))
    for name in ("fsync", "fdatasync"):
        patch.setattr(os, name, lambda descriptor: None, raising=False)


@pytest.fixture(autouse=True, scope="module")
def hasty_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        without_fsync(patch)
        yield
