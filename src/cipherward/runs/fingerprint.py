"""Which rows a run was begun with: a keyed digest that stays beside the hospital's other private files.

The digest says nothing without its key, and the key never leaves the folder.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from cipherward.data.sources import HospitalData
from cipherward.errors import StorageError, TableError
from cipherward.store import files

NAME = "table.fingerprint"
_KEY = 32


def hold(folder: Path, data: HospitalData) -> None:
    """Note the rows the first time; afterwards make sure that they are the same.

    Raises:
        TableError: they are not. StorageError: the note is damaged or cannot be written.
    """
    if not (folder / NAME).exists():
        key = os.urandom(_KEY)
        files.write(folder / NAME, key + data.fingerprint(key), private=True)
        return
    check(folder, data)


def check(folder: Path, data: HospitalData) -> None:
    """Make sure that these are the rows that were noted; raises as `hold`."""
    noted = files.read(folder / NAME)
    if len(noted) != 2 * _KEY:
        raise StorageError(f"{folder / NAME} is damaged", hint="restore it from a backup, or start a new run")
    key = noted[:_KEY]
    if not hmac.compare_digest(noted[_KEY:], data.fingerprint(key)):
        said = f"the table of {data.name} is not the one that this study was begun with"
        raise TableError(
            said,
            logged=said,
            hint="put the earlier table back (the same rows in the same order); where batches are out since, or the new rows are "
            "meant, start a new study",
        )
