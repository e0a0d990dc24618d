"""The public data sets that some tests read, which are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CIPHERWARD_SHARED_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


def found(name: str) -> Path:
    """A file or folder of them; where it is not there the test is skipped."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no public data in {path} (set CIPHERWARD_SHARED_DATA)")
    return path
