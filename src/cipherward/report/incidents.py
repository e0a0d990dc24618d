"""What went wrong around the sums of a deployed study, as the coordinator's files of it say: for people, not for the proof.

Hospitals' signed statements are checked again here; refusals and quarantine are the coordinator's own notes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cipherward.errors import CipherwardError, StorageError
from cipherward.report.blocks import Cell, Mark, Table, limited
from cipherward.report.costs import label
from cipherward.report.facts import Facts, clean
from cipherward.runs import verify
from cipherward.runs.study_folder import APPROVALS, BREACHES, REFUSALS, WITHDRAWALS, StudyFolder
from cipherward.store import files
from cipherward.sums.messages import Receipt, unsign


def breaches(path: Path, facts: Facts) -> list[tuple[str, str]]:
    """(hospital, what it found wrong) of every hospital that reported a breach."""
    rules = verify.open_run(path).rules
    found = []
    for hospital, file in StudyFolder(path).who_said(BREACHES).items():
        try:
            said = unsign(files.read(file), Receipt, study=rules.study, keys=rules.keys, sender=hospital).detail
        except CipherwardError as error:
            said = f"its report in breaches/ cannot be read: {error.message}"
        found.append((_name(facts, hospital), clean(said)))
    return found


def decisions(path: Path, facts: Facts) -> Table | None:
    """Hospitals that do not, or no longer, take part by their own decision; None where there are none."""
    withdrew = "contributes no more; what it contributed before stays in the model"
    rows: list[tuple[Cell, ...]] = []
    rows += [
        (name, Mark(False, "reported a breach"), f"{said}; takes no further part")
        for name, said in breaches(path, facts)
    ]
    for hospital in StudyFolder(path).who_said(WITHDRAWALS):
        rows.append((_name(facts, hospital), Mark(None, "withdrew its approval"), withdrew))
    for hospital, file in StudyFolder(path).who_said(REFUSALS).items():
        rules = ", ".join(clean(str(rule)) for rule in _list(file))
        rows.append((_name(facts, hospital), Mark(None, "could not take part"), f"what it said keeps it out: {rules}"))
    if (path / APPROVALS).is_dir():
        said_yes = StudyFolder(path).who_said(APPROVALS)
        never = [name for index, name in enumerate(facts.names, start=1) if index not in said_yes]
        rows += [(name, Mark(None, "never approved"), "nothing left this hospital") for name in never]
    head = ("Hospital", "What it did", "Detail")
    return limited("Hospitals that left, or never came in", head, rows, "this folder", prose=True) if rows else None


def quarantined(path: Path, facts: Facts) -> Table | None:
    """Messages that broke a rule and were kept out of their sum, from the newest ones that are kept; None: none."""
    rows = []
    for file in sorted(StudyFolder(path).quarantine.glob("*.json")):
        note = _read(file)
        try:
            rows.append(
                (_name(facts, int(note["hospital"])), label(facts, int(note["sum"])), clean(str(note["reason"])))
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise StorageError(f"{file} is damaged", hint="remove it: no figure follows from it") from None
    head = ("Hospital", "Sum", "Reason")
    return (
        limited("Messages that were set aside, and kept in quarantine", head, rows, "quarantine/", prose=True)
        if rows
        else None
    )


def _name(facts: Facts, hospital: int) -> str:
    return facts.names[hospital - 1] if 1 <= hospital <= len(facts.names) else f"hospital {hospital}"


def _list(file: Path) -> list[object]:
    found = _read(file)
    return found if isinstance(found, list) else []


def _read(file: Path) -> Any:
    try:
        return json.loads(files.read(file))
    except (ValueError, RecursionError):
        raise StorageError(f"{file} is damaged", hint="remove it: no figure follows from it") from None
