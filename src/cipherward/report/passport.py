"""The passport of a model: model card, TRIPOD+AI checklist and RO-Crate in one folder, made of a run whose files prove it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cipherward.errors import AuditError, DataError, StorageError
from cipherward.report import crate, deployed, model_card, tripod
from cipherward.report.facts import gather
from cipherward.report.passport_facts import Known
from cipherward.runs import modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.runs.modelfile import ModelFile
from cipherward.store import files
from cipherward.vault.access import software

CARD, CHECKLIST = "model-card.md", "tripod-ai.md"
STUDY, MODEL, RESULT = "study.toml", "model.safetensors", "result.json"


@dataclass(frozen=True)
class Passport:
    """Where it is, and how many items of the checklist are answered, answered in part, and open."""

    path: Path
    answered: int
    in_part: int
    left: int


def write(path: Path, out: Path, *, license: str = "", author: str = "") -> Passport:
    """Write the passport of a finished run into a new or empty folder.

    Args:
        path: a run directory, or the folder of a study at a coordinator or a hospital.
        license: an SPDX identifier under which crate and model may be used; "": that is left open.
        author: who answers for the crate; "": the study's contact, or open.

    Raises:
        StorageError: no such run, or `out` cannot be written. AuditError: the files do not prove the run. DataError: it made no model,
            the licence is no identifier, or the extra `rocrate` is not installed.
    """
    facts = gather(path)
    folder = RunDirectory(path)
    facts = deployed.seen_by(facts, folder.only_receipts_of()) if deployed.is_deployed(path) else facts
    if not facts.holds or not facts.proved:
        raise AuditError(
            f"the files of {path} do not prove its result: {facts.failure or facts.checks}",
            hint="`cipherward verify` names what does not hold; a passport is made of a verified run only",
        )
    if facts.model is None:
        raise DataError(
            f"the run {path} made no model: a passport is a model's",
            hint="its tables and report.html say what it found",
        )
    if license and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", license):
        raise DataError(
            f"{license!r} is no SPDX identifier", hint="give one of https://spdx.org/licenses, as CC-BY-4.0"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(
            f"{out} exists and is not an empty folder", hint="give another folder; nothing was overwritten"
        )
    known = Known(facts, software())
    model = ModelFile(facts.study, facts.model.groups, facts.model.weights, facts.model.preprocessor)
    parts = {
        CARD: model_card.markdown(known).encode(),
        CHECKLIST: tripod.markdown(known).encode(),
        STUDY: facts.study.to_toml().encode(),
        MODEL: modelfile.to_bytes(model),
        RESULT: (json.dumps(facts.proved, indent=2, allow_nan=False) + "\n").encode(),
        **{f"{table.name}.csv": table.to_csv().encode() for table in facts.tables},
    }
    metadata = crate.metadata(known, parts, license=license, author=author, **_times(folder))
    out.mkdir(parents=True, exist_ok=True)
    for name, data in parts.items():
        files.write(out / name, data)
    files.write(out / crate.NAME, metadata)
    items = tripod.checklist(known)
    n = {state: sum(each.state == state for each in items) for state in ("answered", "in part", "open")}
    return Passport(out, n["answered"], n["in part"], n["open"])


def _times(folder: RunDirectory) -> dict[str, datetime | None]:
    """When the run began and ended, as its log says; None where it does not."""
    found = []
    if folder.log.exists():
        for line in files.read(folder.log).splitlines():
            try:
                found.append(datetime.fromisoformat(json.loads(line)["time"]).astimezone(UTC))
            except (ValueError, KeyError, TypeError):
                continue
    return {"began": min(found, default=None), "ended": max(found, default=None)}
