"""Nothing in this folder waits for the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import public_data
from tests.hasty import hasty_disk

__all__ = ["hasty_disk"]


@pytest.fixture
def tcga() -> Path:
    return public_data.found("tcga_brca/brca.csv").parent
