"""Constants that an earlier study opened, to be used again instead of asked again (rule 10): from the files of its run.

The coordinator writes them into a study when it is frozen; a hospital that verified that opening itself works them out of its own
files and compares, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cipherward.data.preprocess import Preprocessor
from cipherward.errors import CipherwardError, StudyError
from cipherward.parties import days
from cipherward.parties.outcomes import VERIFIED
from cipherward.runs import verify
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.study import Study
from cipherward.study_columns import Column
from cipherward.sums.messages import Receipt, unsign

_ROWS = (
    *("outcome", "outcome_type", "positive", "negative", "classes", "outcome_minimum", "outcome_maximum"),
    *("patient_column", "split_salt", "test_fraction", "validation_fraction", "date_column", "test_from"),
)
"""What decides of which rows the constants are."""


@dataclass(frozen=True)
class Opened:
    """What an opening led to. `manifest`: digest of the manifest of sum `round`, 32 bytes; `context`: of that sum."""

    study: Study = field(repr=False)
    round: int
    manifest: bytes
    context: bytes
    constants: Preprocessor


def opened_in(path: Path) -> Opened:
    """The constants that a run has opened, with every check of `verify` up to that sum.

    Raises:
        StudyError: it has opened none.
        AuditError, StorageError, DataError: as `verify.open_run` and `verify.replay`.
    """
    run = verify.open_run(path)
    for replayed in verify.replay(run):
        model = replayed.state.model
        constants = model.preprocessor if model else None
        if isinstance(constants, Preprocessor) and replayed.manifest and replayed.opening:
            return Opened(run.first.study, replayed.opening.round, replayed.manifest, replayed.context, constants)
        if constants:
            break
    raise StudyError(
        f"the study {run.first.study.name!r} has opened no constants of its own that could be carried over",
        hint="name a study of task train whose statistics were opened",
    )


def for_study(study: Study, found: Opened) -> Preprocessor:
    """These constants as this study needs them.

    Raises:
        StudyError: they are of other columns or other rows; names them.
    """
    study = study.without_columns(study.evaluation.apart)
    if problems := [*_problems(study, found)]:
        raise StudyError(
            f"the constants of the study {found.study.name!r} do not fit the study {study.name!r}: {'; '.join(problems)}",
            problems=tuple(problems),
            hint="describe columns, outcome and split as that study does, or leave carry_over out and ask again",
        )
    return found.constants.restricted([column.name for column in study.columns])


def verified_on(run: RunDirectory, found: Opened, index: int, key: bytes) -> date | None:
    """The day (UTC) on which the hospital of this roster index and key has signed that it verified this opening; None: it has not."""
    path = run.receipt(found.round, index)
    if not path.exists():
        return None
    try:
        said = unsign(files.read(path), Receipt, study=found.study.digest(), keys={index: key}, sender=index)
    except CipherwardError:
        return None
    is_this = said.outcome in VERIFIED and (said.manifest_digest, said.context) == (found.manifest, found.context)
    return days.of_receipt(said) if is_this else None


def opened_on(run: RunDirectory, found: Opened) -> date:
    """The first day on which a hospital has signed that it verified this opening.

    Raises:
        StudyError: none has.
    """
    hospitals = enumerate(found.study.hospitals, start=1)
    said = [verified_on(run, found, index, bytes.fromhex(hospital.public_key)) for index, hospital in hospitals]
    if not (known := [day for day in said if day]):
        raise StudyError(
            f"no hospital has signed yet that it verified the constants of the study {found.study.name!r}",
            hint="wait for receipts, or restore those of the earlier study from a backup",
        )
    return min(known)


def _problems(study: Study, found: Opened) -> Iterator[str]:
    known = {column.name: column for column in found.constants.columns}
    for column in study.columns:
        if column.name not in known:
            yield f"column {column.name!r} is not among them"
        elif _meaning(column) != _meaning(known[column.name]):
            yield f"column {column.name!r} is described otherwise there"
    for name in _ROWS:
        if getattr(study.data, name) != getattr(found.study.data, name):
            yield f"data.{name} differs"


def _meaning(column: Column) -> Column:
    return column.model_copy(update={"description": ""})
