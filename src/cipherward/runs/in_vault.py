"""Verification of runs whose files lie in a vault."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from cipherward.errors import CipherwardError
from cipherward.runs import erasures, restoring
from cipherward.runs.audit_check import verify_run
from cipherward.runs.verify import Line
from cipherward.store import files
from cipherward.vault import access
from cipherward.vault.access import Address
from cipherward.vault.catalogue import Catalogue


def is_vault(path: Path) -> bool:
    """Whether a folder is a vault and not a run."""
    return not (path / "study.toml").exists() and any(path.glob("vault.[0-9]*"))


def verify(address: Address) -> Iterator[Line]:
    """Every object of a vault and every study in it; one line for each, in the order of the studies.

    Raises:
        AuditError, StorageError: it cannot be opened.
    """
    vault = access.open_at(address)
    problems: list[str] = []
    catalogue = vault.read_catalogue(address.memory(), problems)
    for text in problems:
        yield Line(0, "vault", "everyone", "catalogue", False, text)
    for finding in vault.check(catalogue):
        yield Line(0, "vault", "everyone", "object" if finding.holds else finding.what, finding.holds, finding.detail)
    for study in restoring.studies_in(catalogue):
        with tempfile.TemporaryDirectory(prefix="cipherward-") as name:
            folder = Path(name) / "run"
            try:
                restoring.restore(vault, catalogue, study, folder)
                yield from run_lines(folder, catalogue)
            except CipherwardError as error:
                yield Line(0, "vault", "everyone", f"study {study[:12]}", False, error.message)


def run_lines(folder: Path, catalogue: Catalogue) -> Iterator[Line]:
    """What `verify_run` says of a restored run folder, and its encrypted updates. Raises as `verify_run`."""
    study = files.read(folder / "study.digest").decode("ascii", "replace").strip()
    yield from verify_run(folder, erased=erasures.of(catalogue.tombstones.values(), study), is_copy=True)
    yield from restoring.update_lines(folder)
