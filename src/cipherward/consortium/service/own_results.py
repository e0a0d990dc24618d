"""What a hospital finds out for itself when a study has ended, see `Task.own`: `own.json` stays in its home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cipherward.parties.hospital_node import HospitalNode
from cipherward.store import files

NAME = "own.json"


def keep(folder: Path, site: HospitalNode) -> None:
    """Compute and write own.json. May take as long as the study did here, so nobody should be waiting.

    Args:
        site: at the study's end.

    Raises:
        StorageError: it cannot be written.
    """
    document = compute(site)
    files.write(folder / NAME, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode(), private=True)


def compute(site: HospitalNode) -> dict[str, Any]:
    """The hospital's name and place on the roster, and what the task adds."""
    state = site.state
    found: dict[str, Any] = {"hospital": state.study.hospitals[site.index - 1].name, "index": site.index}
    return found | dict(state.task.own(state.inner, site.work))
