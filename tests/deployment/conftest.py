"""Nobody pulls the plug in these tests, so nothing waits for the disk."""

from __future__ import annotations

import functools
import os
import sqlite3
from typing import Any

import pytest


class Hasty(sqlite3.Connection):
    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return super().execute(statement.replace("synchronous = FULL", "synchronous = OFF"), *values)


@pytest.fixture(autouse=True, scope="module")
def hasty_disk() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Hasty))
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield
