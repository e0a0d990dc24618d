"""A final model that must not be used any more: the coordinator's signed word, beside the model. What was opened stays opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity, open_signed
from cipherward.errors import CipherwardError, DataError, ProtocolError, StudyError
from cipherward.parties import roster
from cipherward.parties.days import LAST_SECOND
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.study import Study

FILE = "withdrawn.signed"
KIND = "model withdrawal"
MAX_REASON = 500


@dataclass(frozen=True)
class ModelWithdrawal:
    """Of the model with this SHA-256 of its file; `at`: Unix seconds, by the coordinator's clock."""

    study: bytes
    model: bytes
    reason: str
    at: int

    @property
    def words(self) -> str:
        return f"withdrawn on {datetime.fromtimestamp(self.at, UTC):%Y-%m-%d}: {self.reason}"


def withdraw(run: RunDirectory, study: Study, identity: Identity, reason: str, now: float) -> bytes:
    """Sign that the final model in this folder is withdrawn; the statement that was signed first, if there is one.

    Raises:
        StudyError: there is no final model, or no reason that can be printed.
    """
    path = run.path / FILE
    if path.exists():
        return files.read(path)
    if not run.model.exists():
        raise StudyError(
            f"the study {study.name!r} has no final model here",
            hint="a study that runs is ended with `coordinator stop`",
        )
    if not reason.strip() or not reason.isprintable() or len(reason) > MAX_REASON:
        raise StudyError(f"a withdrawal gives its reason, in 1 to {MAX_REASON} characters", hint="give --reason")
    model = hashlib.sha256(files.read(run.model)).digest()
    body = wire.encode(ModelWithdrawal(study.digest(), model, reason, int(now)))
    statement = identity.sign(KIND, study.digest(), COORDINATOR, body)
    files.write(path, statement)
    return statement


def opened(data: bytes, study: Study) -> ModelWithdrawal:
    """What a withdrawal states, by the coordinator of the study.

    Raises:
        WireError, ProtocolError: malformed, forged, or of another study.
    """
    signed = open_signed(data, study=study.digest(), keys=roster.roster_keys(study), kind=KIND)
    said = wire.decode(ModelWithdrawal, signed.body)
    is_said = said.study == study.digest() and said.reason.isprintable() and len(said.reason) <= MAX_REASON
    if signed.sender != COORDINATOR or not is_said or len(said.model) != 32 or said.at > LAST_SECOND:
        raise ProtocolError("not the coordinator's withdrawal of this study's model")
    return said


def keep(run: RunDirectory, study: Study, statement: bytes) -> ModelWithdrawal | None:
    """Keep a withdrawal beside the model; None where it is there already. Raises as `opened`."""
    said = opened(statement, study)
    if (run.path / FILE).exists():
        return None
    files.write(run.path / FILE, statement)
    return said


def words_of(folder: Path, study: Study) -> str:
    """Why the model in this folder must not be used; empty where it may. Whoever damages the statement makes the model no better."""
    path = folder / FILE
    if not path.exists():
        return ""
    try:
        return opened(files.read(path), study).words
    except CipherwardError as error:
        return f"withdrawn, and the statement in {path.name} is damaged: {error.message}"


def check(model: Path, study: Study) -> None:
    """Raises DataError: the model in this file of a run's folder, or in this folder, is withdrawn."""
    folder = model if model.is_dir() else model.parent
    if said := words_of(folder, study):
        raise DataError(
            f"the model of the study {study.name!r} must not be used: {said}",
            hint="ask the coordinator's people what to use",
        )
