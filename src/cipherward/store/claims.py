"""A folder of results that belongs to one thing: who goes on in it has to mean the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cipherward.errors import StorageError, StudyError
from cipherward.store import files

NAME = "settings.json"


def claim(out: Path, what: str, wanted: Mapping[str, Any], words: Mapping[str, str]) -> bool:
    """Take a new or empty folder for this; True if it was new, False if it holds the very same already.

    Args:
        what: what the folder holds, as in "another comparison".
        wanted: what decides it, as JSON values. words: how people call each of them.

    Raises:
        StudyError: the folder is another's, and in which respects.
        StorageError: it holds other files, or its settings are damaged.
    """
    path = out / NAME
    if path.exists():
        try:
            found = files.json_object(files.read(path))
        except ValueError:
            raise StorageError(f"{path} is damaged", hint="choose another --out") from None
        if different := [words[key] for key in wanted if found.get(key) != wanted[key]]:
            raise StudyError(
                f"{out} holds another {what}: {', '.join(different)} differ(s)",
                hint="repeat the command with which it began, or choose another --out; nothing was changed",
            )
        return False
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(
            f"{out} exists and is not an empty folder", hint="choose another --out; nothing was overwritten"
        )
    files.write(path, (json.dumps(wanted, indent=2) + "\n").encode())
    return True
