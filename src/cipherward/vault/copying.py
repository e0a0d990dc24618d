"""From a vault to files of this machine: a file is there when all of it is intact, or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files
from cipherward.vault.catalogue import Catalogue, Entry
from cipherward.vault.vault import Vault


def copy_out(vault: Vault, entry: Entry, catalogue: Catalogue, path: Path) -> None:
    """Write an object's content to `path`, replacing it.

    Raises:
        AuditError: it is not what was stored; nothing was written. StorageError: unreadable, or the disk failed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        changed = files.make_folder(path.parent)
        with files.create(temporary) as file, vault.reading(entry, catalogue) as parts:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        files.sync_folders(changed)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}", hint="free space") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
