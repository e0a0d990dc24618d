"""What a hospital finds out for itself when a study has ended, see `Task.own`: `own.json` stays in its home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cipherward.parties.hospital_node import HospitalNode
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files


def keep(folder: Path, node: HospitalNode) -> None:
    """Compute and write own.json. May take as long as the study did here, so nobody should be waiting.

    Args:
        node: at the study's end.

    Raises:
        StorageError: it cannot be written.
    """
    document = compute(node)
    files.write(
        StudyFolder(folder).own_results, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode(), private=True
    )


def keep_examples(folder: Path, node: HospitalNode, most: int) -> None:
    """Write own-examples.json where the hospital's settings ask for examples, and the study's inputs are images or series.

    Args:
        most: how many examples; 0: none.

    Raises:
        StorageError: it cannot be written.
    """
    state = node.state
    if found := state.task.examples(state.inner, node.work, most):
        files.write(
            StudyFolder(folder).own_examples, (json.dumps(list(found), allow_nan=False) + "\n").encode(), private=True
        )


def compute(node: HospitalNode) -> dict[str, Any]:
    """The hospital's name and place on the roster, and what the task adds."""
    state = node.state
    found: dict[str, Any] = {"hospital": state.study.hospitals[node.index - 1].name, "index": node.index}
    return found | dict(state.task.own(state.inner, node.work))
