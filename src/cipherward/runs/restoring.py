"""From a vault back to run folders, and whether the encrypted updates in them are those that the signed headers name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cipherward import study as study_document
from cipherward.audit.reading import CHECKPOINTS, LOG
from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.scheme import payload_digest
from cipherward.errors import AuditError, CipherwardError, StorageError
from cipherward.runs import earlier_logs, verify
from cipherward.runs.archive import AUDIT, ROUNDS, UPDATES, log_folder
from cipherward.runs.folder import RunDirectory
from cipherward.runs.verify import Line
from cipherward.store import files
from cipherward.study_sections import Vault as StudyVault
from cipherward.sums.messages import Header, Opening, read, unsign
from cipherward.vault.catalogue import Catalogue, Entry
from cipherward.vault.copying import copy_out
from cipherward.vault.vault import Vault


def studies_in(catalogue: Catalogue, beginning: str = "") -> list[str]:
    """The digests (hex) of the studies that a vault has, by their first digits."""
    return sorted({entry.label.study for entry in catalogue.of(study=beginning)} - {""})


def rules_of(vault: Vault, catalogue: Catalogue, study: str) -> StudyVault | None:
    """How long a study (digest in hex) keeps what, from its document in the vault; None where that cannot be read."""
    entry = catalogue.newest().get((study, "study.toml"))
    try:
        return (
            study_document.parse(files.toml_table(vault.read(entry, catalogue)), origin="vault").vault
            if entry
            else None
        )
    except (CipherwardError, ValueError):
        return None


def restore(vault: Vault, catalogue: Catalogue, study: str, folder: Path) -> int:
    """Write the newest version of everything that the vault has of a study to its run folder; how many files. `folder` is new
    or empty, so nothing is overwritten.

    Raises:
        AuditError: an object is not what was stored. StorageError: it is gone, or the disk failed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(f"{folder} exists and is not an empty folder", hint="choose another one")
    newest = [entry for (of, _), entry in sorted(catalogue.newest().items()) if of == study]
    for entry in newest:
        copy_out(vault, entry, catalogue, folder / _inside(entry))
    _join_log(folder, study)
    run = RunDirectory(folder)
    lines = [files.read(path).strip() for path in sorted((folder / ROUNDS).glob("*.json"))]
    if lines and files.count_lines(run.rounds) < len(lines):  # the study had not ended
        files.write(run.rounds, b"".join(line + b"\n" for line in lines))
    return len(newest)


def _join_log(folder: Path, study: str) -> None:
    """The audit log, of its pieces; where two overlap they say the same, or `verify` finds it. A log that began after a restore has
    its pieces apart, and only the newest log is put together here: the earlier ones are beside it."""
    statements = sorted((folder / earlier_logs.FOLDER).glob(f"[0-9]*/{earlier_logs.STATEMENT}"), key=_number)
    inside = folder
    if statements:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        inside = folder / log_folder(earlier_logs.successor_of(bytes.fromhex(study), files.read(statements[-1])))
    pieces = sorted((inside / AUDIT).glob("*.jsonl"))
    log = b""
    for piece in pieces:
        if piece.stem.isdecimal():
            joined = log[: int(piece.stem)] + files.read(piece)
            log = joined + log[len(joined) :]  # a later upload of the whole log may have more than this piece
    if pieces:
        files.write(folder / LOG, log)
    if inside != folder and (inside / CHECKPOINTS).exists():
        (inside / CHECKPOINTS).replace(folder / CHECKPOINTS)
    for left in (folder / AUDIT, *folder.glob("after-*")):
        shutil.rmtree(left, ignore_errors=True)


def _number(statement: Path) -> int:
    return int(statement.parent.name) if statement.parent.name.isdecimal() else 0


def update_lines(path: Path) -> Iterator[Line]:
    """Whether each encrypted update that was restored is the one whose digest its hospital signed in a certified sum.

    Raises:
        CipherwardError: what `verify.open_run` raises, or an opening is not the coordinator's.
    """
    run = verify.open_run(path)
    names = [hospital.name for hospital in run.first.study.hospitals]
    for round in run.files.rounds_with_openings():
        found = sorted((path / UPDATES / f"{round:04d}").glob("hospital-*.payload"))
        if not found:
            continue
        data = files.read(run.files.opening(round))
        opening = unsign(data, Opening, study=run.rules.study, keys=run.rules.keys, sender=COORDINATOR)
        signed = (open_signed(h, study=run.rules.study, keys=run.rules.keys, kind="Header") for h in opening.headers)
        digests = {each.sender: read(each, Header).payload_digest for each in signed}
        for file in found:
            hospital = int(file.stem.rpartition("-")[2])
            holds = digests.get(hospital) == payload_digest(files.read(file))
            detail = "its digest is in the signed header" if holds else "it is not the one that the hospital signed"
            name = names[hospital - 1] if 0 < hospital <= len(names) else f"hospital {hospital}"
            yield Line(round, "update", name, "encrypted update", holds, detail)


def _inside(entry: Entry) -> PurePosixPath:
    """An object's file, relative to its run folder. Raises AuditError when it would lie outside."""
    path = PurePosixPath(entry.label.path)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.label.path or not path.parts:
        raise AuditError(f"the vault lists {entry.label.path!r}, which is no file of a run", hint="do not restore it")
    return path
