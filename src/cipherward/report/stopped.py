"""report.html of a deployed study that ended before its last sum: what its certified sums prove, and that it was stopped.

Made from the same folders as `deployed`. Who ended it, and why, stands at the coordinator in the study's folder, at a
hospital in studies/ of its home.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cipherward.errors import StorageError
from cipherward.learning import catalogue as kinds
from cipherward.report import blocks, deployed, rendering, words
from cipherward.report.blocks import Table, limited
from cipherward.report.costs import label
from cipherward.report.facts import Facts, clean, gather
from cipherward.report.page import NAME
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import STOPPED, StudyFolder
from cipherward.store import files


@dataclass(frozen=True)
class Ended:
    """How a study ended without a final model: in words, and the reason that was given."""

    how: str
    reason: str


def is_unfinished(path: Path) -> bool:
    """Whether this is a deployed study's folder, at the coordinator or at a hospital, without a final model."""
    run = RunDirectory(path)
    if run.result.exists() or run.simulation.exists():
        return False
    return deployed.is_deployed(path) or _at_hospital(path) is not None


def write(path: Path) -> Facts:
    """Write report.html into the study's folder, and give back what was found when its files were verified.

    Raises:
        StorageError: still running, or stopped before a sum was opened; damaged; or it cannot be written.
        AuditError, StudyError, DataError: study or initial model are not what they claim to be.
    """
    own = _at_hospital(path)
    facts = gather(path, unfinished=True)
    name, planned, done = facts.study.name, facts.study.sums_planned, len(facts.sums)
    ended = _ended(own or path)
    if ended is None:
        raise StorageError(
            f"the study {name!r} has not ended: {done} of {planned} sums are opened and verified here",
            hint=f"its report is written when it ends; to check what is there now: cipherward verify {path}",
        )
    if not done and not facts.failure:
        raise StorageError(
            f"the study {name!r} {ended.how} before a sum was opened ({ended.reason}): there is nothing to report",
            hint="start it again under a new name when the reason is gone",
        )
    index = RunDirectory(path).only_receipts_of() if own else 0
    if own and not index:
        raise StorageError(f"{path} does not hold the receipts of one hospital", hint="restore it from a backup")
    facts = deployed.seen_by(facts, index)
    files.write(
        path / NAME, rendering.render("stopped.html", _content(path, facts, index, ended)).encode(), private=bool(own)
    )
    return facts


def _content(path: Path, facts: Facts, index: int, ended: Ended) -> dict[str, Any]:
    study = facts.study
    return {
        **deployed.shared_content(path, facts, index),
        "model": kinds.words(study.model.kind),
        "how": ended.how,
        "reason": clean(ended.reason),
        "planned": study.sums_planned,
        "done": len(facts.sums),
        "last": label(facts, facts.sums[-1].round) if facts.sums else "no sum",
        "rounds": facts.result.rounds,
        "rounds_planned": study.training.rounds,
        "measured": _measured(facts),
        "private": study.privacy,
        "noise": words.noise_on_counts(study),
        "not_protected": (words.LEAKAGE[study.privacy is not None], *words.NOT_PROTECTED),
    }


def _measured(facts: Facts) -> Table | None:
    """What training sums measured of the model that came into them; None where nothing was."""
    known = [(n, value) for n, value in enumerate(facts.result.auroc_by_round) if value is not None]
    rows = [(str(n), blocks.score(value)) for n, value in known]
    caption = "AUROC on the pooled test rows, of the model after each training round that a later sum measured"
    return limited(caption, ("Training rounds done", "AUROC"), rows, "receipts/") if rows else None


def _at_hospital(path: Path) -> Path | None:
    """The study's folder in the home of the hospital to which this folder of a model belongs; None: it does not."""
    full, run = path.resolve(), RunDirectory(path)
    if full.parent.name != "models" or not run.study_digest.exists():
        return None
    digest = files.read(run.study_digest).decode("ascii", "replace").strip()
    found = full.parent.parent / "studies" / digest
    return found if digest.isalnum() and found.is_dir() else None


def _ended(folder: Path) -> Ended | None:
    ended = StudyFolder(folder).ended()
    return Ended("was stopped by the coordinator" if ended[0] == STOPPED else "failed", ended[1]) if ended else None
