"""How long a vault keeps what: erasing what is older, and finishing what was interrupted."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cipherward.vault.catalogue import Catalogue, Entry
from cipherward.vault.vault import Vault
from cipherward.vault.writer import Writer

DAY = 86_400


def erase_older(
    writer: Writer, catalogue: Catalogue, entries: Sequence[Entry], days: float, now: float | None = None
) -> int:
    """Erase those of `entries` that were stored more than so many days ago; how many there were.

    Raises:
        StorageError: the store failed; what is left is erased the next time.
    """
    before = 1000 * ((time.time() if now is None else now) - days * DAY)
    old = [entry for entry in entries if entry.stored < before]
    writer.erase(old, f"stored more than {days:g} day(s) ago", catalogue)
    return len(old)


def tidy(vault: Vault, catalogue: Catalogue) -> int:
    """Finish erasures that were interrupted, and remove what only an earlier vault key opens; how many objects were left.

    Raises:
        StorageError: the store failed.
    """
    there = set(vault.store.names("objects"))
    names = [name for name in catalogue.tombstones if name.hex() in there or name in catalogue.keys]
    vault.destroy(names, catalogue)
    vault.remove_outdated()
    return len(names)
