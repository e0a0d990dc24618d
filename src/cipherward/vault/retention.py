"""How long a vault keeps what: erasing what is older, and finishing what was interrupted."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cipherward.study_sections import Vault as StudyVault
from cipherward.vault.catalogue import Catalogue, Entry
from cipherward.vault.vault import Vault
from cipherward.vault.writer import Writer

DAY = 86_400


def erase_older(
    writer: Writer,
    catalogue: Catalogue,
    entries: Sequence[Entry],
    days: float,
    now: float | None = None,
    reason: str = "",
) -> int:
    """Erase those of `entries` that were stored more than so many days ago; how many there were. `reason`: for the tombstones.

    Raises:
        StorageError: the store failed; what is left is erased the next time.
    """
    before = 1000 * ((time.time() if now is None else now) - days * DAY)
    old = [entry for entry in entries if entry.stored < before]
    writer.erase(old, reason or f"stored more than {days:g} day(s) ago", catalogue)
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


def apply(
    writer: Writer, rules: StudyVault, study: str, now: float | None = None, catalogue: Catalogue | None = None
) -> int:
    """Erase what a study keeps no longer, of what this writer has stored; how many objects.

    Args:
        study: its digest in hex. now: Unix seconds. catalogue: of everything, if not of this writer's own.

    Raises:
        StorageError: the store failed; what is left is erased the next time.
    """
    known = catalogue or writer.catalogue
    listed = known.of(study=study)
    newest = max((entry.label.sum for entry in listed), default=0)
    when = 1000 * (time.time() if now is None else now)
    erased = 0
    for kind, kept in ((name, getattr(rules, name)) for name in type(rules).model_fields):
        of_kind = [entry for entry in listed if entry.label.kind == kind]
        by_sum = [e for e in of_kind if kept.rounds and 0 < e.label.sum <= newest - kept.rounds]
        by_age = [e for e in of_kind if kept.days and e.stored < when - 1000 * kept.days * DAY and e not in by_sum]
        writer.erase(by_sum, f"{kind}: kept for {kept.rounds} round(s)", known)
        writer.erase(by_age, f"{kind}: kept for {kept.days or 0:g} day(s)", known)
        erased += len(by_sum) + len(by_age)
    return erased
