"""Models that a hospital received, each with what this hospital itself verified about it.

`models/<study name>-<digest>/` holds `model.safetensors` and `verification.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import CipherwardError, DataError, StudyError
from cipherward.parties import roster
from cipherward.parties.outcomes import UNPROTECTED, VERIFIED, Outcome
from cipherward.runs import modelfile, withdrawn
from cipherward.runs.folder import RunDirectory
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.study_folder import VERIFICATION
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.messages import Receipt, unsign


@dataclass(frozen=True)
class ReceivedModel:
    """`verified`: this hospital recomputed the model from every certified sum. `problem`: why the file is unusable."""

    folder: Path
    study: str
    digest: str
    rounds: int
    verified: bool
    auroc: float | None
    outcomes: tuple[str, ...]
    problem: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "model.safetensors"


def keep(
    home: HospitalHome, model: ModelFile, outcomes: Sequence[Outcome], *, rounds: int, auroc: float | None
) -> Path:
    """Keep a model with this hospital's own findings about the sums that led to it; the folder."""
    digest = model.study.digest().hex()
    folder = home.models / f"{model.study.name}-{digest[:12]}"
    document = {
        "study": model.study.name,
        "study_digest": digest,
        "rounds": rounds,
        "auroc": auroc,
        "sums": [{"round": o.round, "outcome": o.outcome, "phrase": o.phrase, "detail": o.detail} for o in outcomes],
    }
    modelfile.save(folder / "model.safetensors", model)
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    files.write(folder / VERIFICATION, text.encode())
    home.log("model received", {"digest": digest, "rounds": rounds})
    return folder


def outcomes_of(run: RunDirectory, study: Study, hospital: int) -> list[Outcome]:
    """What this hospital signed about every sum, from its own receipts in the folder of the study. `hospital`: roster index."""
    found = []
    for round in run.rounds_with_openings():
        data, keys = files.read(run.receipt(round, hospital)), roster.roster_keys(study)
        receipt = unsign(data, Receipt, study=study.digest(), keys=keys, sender=hospital)
        found.append(Outcome(round, receipt.outcome, hospital, receipt.detail))
    return found


def received(home: HospitalHome) -> list[ReceivedModel]:
    """Every model in the home, oldest first; damaged ones too, with their problem."""
    folders = [path.parent for path in home.models.glob("*/model.safetensors")]
    return [_examine(folder) for folder in sorted(folders, key=lambda folder: (folder.stat().st_mtime, folder.name))]


def to_json(model: ReceivedModel) -> dict[str, Any]:
    """A received model as JSON values."""
    return asdict(model) | {"folder": str(model.folder), "file": str(model.file)}


def find(home: HospitalHome, selector: str) -> ReceivedModel:
    """The model of that folder, study name or study digest prefix.

    Raises:
        StudyError: none, or more than one.
        DataError: its file is damaged.
    """
    known = received(home)
    prefix = selector.lower() if len(selector) >= 4 else "-"
    found = [m for m in known if selector in (m.folder.name, m.study) or m.digest.startswith(prefix)]
    if len(found) != 1:
        listed = ", ".join(model.folder.name for model in found or known) or "none yet"
        raise StudyError(
            f"{len(found) or 'no'} model(s) of a study {selector!r}", hint=f"give one of the models here: {listed}"
        )
    if found[0].problem:
        raise DataError(f"the model {found[0].folder.name} cannot be used: {found[0].problem}")
    return found[0]


def _examine(folder: Path) -> ReceivedModel:
    try:
        facts = files.json_object(files.read(folder / VERIFICATION))
        sums = facts["sums"]
        outcomes = tuple(str(line["phrase"]) for line in sums)
        study, digest = str(facts["study"]), str(facts["study_digest"])
        rounds, auroc = int(facts["rounds"]), None if facts["auroc"] is None else float(facts["auroc"])
        verified = bool(sums) and all(line["outcome"] in VERIFIED - {UNPROTECTED} for line in sums)
    except (CipherwardError, ValueError, KeyError, TypeError, OverflowError):
        return ReceivedModel(folder, "?", "", 0, False, None, (), "verification.json is missing or damaged")
    try:
        inside = modelfile.load(folder / "model.safetensors").study
        is_of = inside.digest().hex() == digest
        problem = withdrawn.words_of(folder, inside) if is_of else "the model belongs to another study"
    except CipherwardError as error:
        problem = error.message
    return ReceivedModel(folder, study, digest, rounds, verified and not problem, auroc, outcomes, problem)
