"""Which study a command means: a file of the user's own, or a built-in one by name. And what commands over whole studies share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cipherward.study import Study


def study_named(name: str) -> tuple[Study, Path]:
    """The study, and the folder against which its paths are resolved.

    Raises:
        StudyError: no such study, or one with mistakes.
    """
    from cipherward import study as document

    path = Path(name)
    is_file = path.suffix == ".toml" or path.is_file()
    chosen = document.load(path) if is_file else document.load_builtin(name)
    return chosen, path.resolve().parent if is_file else Path()


def names_in(text: str | None) -> list[str] | None:
    """Names with commas between them; None where nothing was given."""
    return [name.strip() for name in text.split(",") if name.strip()] if text is not None else None


def folder_for(command: str, study: Study) -> Path:
    """Where a command writes about a study, if nobody says where."""
    return Path("runs") / f"{command}-{study.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def words_of(command: str, study: str, given: Mapping[str, object]) -> list[str]:
    """The command as it was given; options without a value are left out."""
    return ["cipherward", command, study, *(w for key, value in given.items() if value for w in (key, str(value)))]
