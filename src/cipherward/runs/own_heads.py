"""The newest heads of hospitals' own audit logs, which the coordinator keeps and its own log covers: with one of them a hospital's log
that was written anew later does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cipherward.audit import notes
from cipherward.audit.notes import Checkpoint
from cipherward.errors import AuditError, CipherwardError
from cipherward.runs.log_names import author
from cipherward.store import files
from cipherward.study import Study

FOLDER = "heads"


def file(run: Path, hospital: int) -> Path:
    """Where the head of a hospital (roster index) is."""
    return run / FOLDER / str(hospital)


def take(run: Path, study: Study, hospital: int, text: str) -> bool:
    """Keep a head; whether it is another one than before.

    Raises:
        AuditError: not a head of that hospital's own log of this study, of fewer entries than it has shown before, or of as many others.
        StorageError: the disk failed.
    """
    head, path = _head(text, study, hospital), file(run, hospital)
    if path.exists():
        before = files.read(path).decode("utf-8", "replace")
        if before == text:
            return False
        known = _head(before, study, hospital)
        if head.size <= known.size and head != known:
            name, which = study.hospitals[hospital - 1].name, "others" if head.size == known.size else str(head.size)
            raise AuditError(
                f"{name} has shown {known.size} entries of its own audit log before, and shows {which} now"
            )
    files.write(path, text.encode())
    return True


def problems(run: Path, study: Study) -> Iterator[tuple[str, str]]:
    """Of each head: whose it is, and what is wrong with it; empty where nothing is."""
    for hospital, about in enumerate(study.hospitals, start=1):
        if (path := file(run, hospital)).exists():
            try:
                _head(files.read(path).decode("utf-8", "replace"), study, hospital)
                yield about.name, ""
            except CipherwardError as error:
                yield about.name, error.message


def facts_of(data: bytes) -> dict[str, Any]:
    """What an entry says of a head. Raises AuditError: it is none."""
    head = notes.parse(data.decode("utf-8", "replace")).checkpoint
    return {"entries": head.size, "root": head.root.hex()}


def _head(text: str, study: Study, hospital: int) -> Checkpoint:
    head = notes.parse(text)
    if head.checkpoint.origin != (key := author(study, hospital)).name or head.signed_by(key) is None:
        raise AuditError(f"not a head that {study.hospitals[hospital - 1].name} has signed of its own log")
    return head.checkpoint
