"""A study whose files cannot be used here: damaged, or frozen by another version of cipherward, which no repair mends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cipherward.consortium.homes.home import Home
from cipherward.consortium.service.boundary import said_of
from cipherward.errors import CipherwardError, VersionError
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files


def status_of(folder: Path, error: BaseException) -> dict[str, Any]:
    """What `status` says of it."""
    phase = "of another version" if isinstance(error, VersionError) else "damaged"
    return {
        "study": _name(folder),
        "digest": folder.name,
        "phase": phase,
        "sums_planned": 0,
        "last_error": said_of(error),
    }


def tell(home: Home, folder: Path, error: BaseException) -> None:
    """An alarm; after an upgrade a study of the version before is news and no alarm."""
    facts = {"digest": folder.name, "reason": said_of(error), "hint": getattr(error, "hint", "")}
    if isinstance(error, VersionError):
        home.log("study of another version", facts)
    else:
        home.alarm("study cannot run", facts)


def _name(folder: Path) -> str:
    try:
        return str(files.toml_table(files.read(StudyFolder(folder).study))["name"])
    except (CipherwardError, ValueError, KeyError):
        return "?"
