"""Which study a command means: a file of the user's own, or a built-in one by name."""

from __future__ import annotations

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
