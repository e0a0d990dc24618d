"""What the FHIR tests share: resources of a few patients, written as an export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests import public_data

Written = Callable[..., Path]


@pytest.fixture
def export(tmp_path: Path) -> Written:
    """Writes resources into a folder, one ndjson file, and gives the folder."""

    def write(resources: Iterable[Any], name: str = "all.ndjson") -> Path:
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        lines = [each if isinstance(each, str) else json.dumps(each) for each in resources]
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
        return folder

    return write


@pytest.fixture
def synthea() -> Path:
    """The public FHIR sample, which is not part of the repository."""
    return public_data.found("fhir_synthea/bulk10").parent
