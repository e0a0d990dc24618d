"""Where a study's tables come from, and the one gate through which every table passes: checked, typed, split."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import arrays, catalogue, pictures, recorded_days, temporal
from cipherward.data.about import Finding, findings
from cipherward.data.carried_units import in_declared_units
from cipherward.data.database import Source
from cipherward.data.partition import TRAIN, split_patients
from cipherward.data.plain_form import in_plain_form
from cipherward.data.problems import Problem, table_error
from cipherward.data.registers import Reading, TableToRead, Terms
from cipherward.data.registers import read as read_register
from cipherward.data.schema import Converted, Examined, convert, examine, with_declared_names
from cipherward.data.tables import RawTable, read_table
from cipherward.data.temporal import TimeSplit
from cipherward.data.values import Change
from cipherward.errors import DataError
from cipherward.study import Column, Study

HINT = "correct the tables (or the study's data dictionary) at the places named above; docs/data.md says what is read as what"
SINGLE_CLASS_HINT = (
    "a hospital needs both outcomes to train: give it more data, leave it out, or set data.allow_single_class = true"
)


@dataclass(frozen=True)
class HospitalData:
    """One hospital's rows. `table`: exactly the declared columns, Float64, String or Array, null = missing; `outcome`
    [n_rows]: int8 of 0/1 or of places in `data.classes`, or float64 numbers; `split` uint8[n_rows] 0 train, 1 validation, 2 test; `best_score` float64[n_rows]: the true
    probability, where the data are synthetic and it is known; `cluster` uint32[n_rows]: rows of one patient share a code
    0, 1, ... made at load (None: every row stands for itself). Patient ids are not kept. `changes`: how many values were
    changed in reading, by column and rule; `about`: what anyone would see first in this table; `assumed`: how the file
    was read, in words; `reading`: how these rows stand in the hospital's register (None: in a simulation, which has none)."""

    name: str
    table: pl.DataFrame
    outcome: NDArray[Any]
    split: NDArray[np.uint8]
    best_score: NDArray[np.float64] | None = None
    cluster: NDArray[np.uint32] | None = field(default=None, repr=False)
    changes: tuple[Change, ...] = ()
    about: tuple[Finding, ...] = ()
    assumed: tuple[str, ...] = ()
    reading: Reading | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"HospitalData({self.name!r}, {self.table.height} rows)"

    def fingerprint(self, key: bytes) -> bytes:
        """Keyed digest of the rows as the study reads them, 32 bytes: table, outcome, split and patients' codes."""
        digest = hashlib.blake2b(key=key, digest_size=32, person=b"cipherward-table")
        for name, series in zip(self.table.columns, self.table.get_columns(), strict=True):
            digest.update(f"\0{name}\0{len(series)}\0".encode())
            digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
            if isinstance(series.dtype, pl.Array):
                digest.update(arrays.contents(series))
            elif series.dtype == pl.Float64:
                digest.update(series.fill_null(0.0).to_numpy().astype("<f8").tobytes())
            else:
                text = series.fill_null("")
                digest.update(text.str.len_bytes().to_numpy().astype("<u4").tobytes())
                digest.update("".join(text.to_list()).encode())
        digest.update(self.outcome.tobytes() + self.split.tobytes())
        digest.update(b"" if self.cluster is None else self.cluster.astype("<u4").tobytes())
        return digest.digest()


def load_hospitals(
    study: Study,
    path: Source | None,
    base: Path,
    *,
    only: Collection[str] | None = None,
    terms: Terms | None = None,
) -> list[HospitalData]:
    """Every hospital's data, in roster order.

    `path` (--data): for source "files" the one file or query with every hospital's rows, or the folder that replaces
    `base`; for "diabetes130" the downloaded file or its folder; other sources leave it aside. `base`: the study file's
    folder. `only`: load just these hospitals, as a hospital does that has its own table and nobody else's. `terms`: of
    the hospital's register; without, every row is read, split as the study says.

    Raises:
        DataError: once, with every problem of every hospital in `problems`.
    """
    names = study.hospital_names
    if only is not None and (strangers := sorted(set(only) - set(names))):
        raise DataError(
            f"not on the roster: {', '.join(strangers)}", hint=f"hospitals of this study: {', '.join(names[:20])}"
        )
    wanted = [name for name in names if only is None or name in only]
    problems = [Problem(text, text) for text in catalogue.problems(study)]
    loaded: list[HospitalData] = []
    negatives: dict[str, str] = {}
    tables = () if problems else catalogue.source(study.data.source).tables(study, wanted, path, base, problems)
    for found in tables:
        result = admit(
            found.raw,
            study,
            found.name,
            best_score=found.best_score,
            parts=found.parts,
            left_out=found.left_out,
            terms=terms,
        )
        problems += result.problems
        if result.data:
            loaded.append(result.data)
        if result.examined.negative:
            negatives[found.name] = result.examined.negative
    if len(set(negatives.values())) > 1:
        sides = ", ".join(f"{text!r} at {name}" for name, text in negatives.items())
        said = "the negative outcome is written differently at different hospitals"
        problems.append(Problem(f"{said}: {sides}; list them in data.negative if all of them mean it", said))
    if problems:
        hint = SINGLE_CLASS_HINT if all("none of the" in text for text in problems) else HINT
        raise table_error(f"{len(problems)} problem(s) in the data", problems, hint=hint)
    return _same_tables(loaded)


def load_table_for_prediction(path: Path, columns: Sequence[Column]) -> tuple[RawTable, Converted]:
    """A table to predict on, as it stands and with its input columns typed; every row is read as if it were alone.

    Raises:
        DataError: unreadable, or a declared column missing or wrong; `problems` lists all.
    """
    written = in_plain_form(read_table(path), columns, each_row_alone=True)
    raw, unreadable = pictures.with_images(written.raw, columns)
    raw, converted, unfit = in_declared_units(raw, columns)
    found = convert(raw.table, columns, raw.rows, each_row_alone=True)
    found = dataclasses.replace(found, marks=[*written.marks, *converted, *found.marks])
    if problems := [*written.problems, *unreadable, *unfit, *found.problems]:
        raise table_error(
            f"{path} has {len(problems)} problem(s)",
            problems,
            hint="the table needs the model's input columns, named and written as in the study's data dictionary; "
            "the fields of one of which nothing is known may be empty",
        )
    return raw, found


@dataclass(frozen=True)
class Admitted:
    """A table at the gate: `data` is None exactly when there are problems. `columns`: the names of all its columns, declared ones as
    the study writes them; `assumed`: how it was read, in words."""

    examined: Examined
    problems: tuple[Problem, ...]
    data: HospitalData | None
    columns: tuple[str, ...]
    assumed: tuple[str, ...]


def admit(
    raw: RawTable,
    study: Study,
    name: str,
    *,
    best_score: NDArray[np.float64] | None = None,
    parts: NDArray[np.uint8] | None = None,
    left_out: int = 0,
    terms: Terms | None = None,
) -> Admitted:
    """Check, convert and split one hospital's table. `parts`: of a source that is published with a split (`Found`); `left_out`: rows
    of its file that belong to no hospital of the study; `terms`: as in `load_hospitals`."""
    written = in_plain_form(raw, study.columns, study.data)
    setting = (study.data.model_extra or {}).get(pictures.SETTING, "")
    as_found, unreadable = pictures.with_images(written.raw, study.columns, setting)
    raw, converted, unfit = in_declared_units(as_found, study.columns, study.data.outcome)
    examined = examine(raw.table, study, name, file=raw.origin, rows=raw.rows)
    changes = (*written.changes, *(mark.change for mark in converted), *examined.changes)
    examined = dataclasses.replace(examined, changes=changes)
    names = tuple(raw.table.columns)
    days = recorded_days.problems(raw, study.data, study.columns)
    doubts = (problem.at(name, raw.origin) for problem in (*written.problems, *unreadable, *unfit, *days))
    if found := (*doubts, *examined.problems):
        return Admitted(examined, found, None, names, raw.assumed)
    reading = read_register(_to_read(as_found, study), terms) if terms else None
    if isinstance(reading, Problem):
        return Admitted(examined, (reading.at(name, raw.origin),), None, names, raw.assumed)
    by_time = temporal.split(raw, examined.patients, study.data) if study.data.test_from else None
    if terms and by_time:
        by_time = Problem(temporal.BETWEEN_HOSPITALS, temporal.BETWEEN_HOSPITALS)
    if isinstance(by_time, Problem):
        return Admitted(examined, (by_time.at(name, raw.origin),), None, names, raw.assumed)
    data = _split(examined, raw, study, name, best_score, parts, left_out, reading, by_time)
    problems = [problem.at(name, raw.origin) for problem in _unfit(data, study)]
    return Admitted(examined, tuple(problems), None if problems else data, names, raw.assumed)


def _to_read(raw: RawTable, study: Study) -> TableToRead:
    data = study.data
    columns = [
        *(column.name for column in study.columns),
        data.outcome,
        *([data.patient_column] * bool(data.patient_column)),
    ]
    table = with_declared_names(raw.table, columns)
    columns = [name for name in columns if name in table.columns]
    return TableToRead(table, columns, data.patient_column, data.test_fraction, data.validation_fraction)


def _split(
    examined: Examined,
    raw: RawTable,
    study: Study,
    name: str,
    best_score: NDArray[np.float64] | None,
    parts: NDArray[np.uint8] | None,
    left_out: int,
    reading: Reading | None,
    by_time: TimeSplit | None,
) -> HospitalData:
    data = study.data
    rows: NDArray[np.int64] | slice = slice(None)
    if by_time:
        rows, split = by_time.rows, by_time.parts
    elif reading is None and parts is not None:
        split = parts
    elif reading is None:
        split = split_patients(
            examined.patients,
            salt=data.split_salt,
            test_fraction=data.test_fraction,
            validation_fraction=data.validation_fraction,
        )
    else:
        rows, split = reading.rows, reading.parts
    table, outcome = examined.table[rows], examined.outcome[rows]
    codes: NDArray[np.generic] = examined.patients.codes[rows]
    if reading and reading.register.patient_column:
        codes = reading.patients  # whoever the study takes for a patient, noise hides those whom the register knows
    is_known = bool(data.patient_column or (reading and reading.register.patient_column))
    cluster = np.unique(codes, return_inverse=True)[1].astype(np.uint32) if is_known else None
    about = tuple(
        Finding(each.column, f"{each.text} ({len(outcome)} rows): the table lacks this column, which is optional")
        if each.column and each.column not in raw.table.columns
        else each
        for each in findings(table, outcome, split, cluster, study.columns)
    )
    if left_out:
        about = (
            *about,
            Finding("", f"{left_out} row(s) of {raw.origin} belong to no hospital of this study: not used"),
        )
    if by_time and by_time.left_out:
        said = f"{by_time.left_out} row(s) are from before {data.test_from}, of patients who have later ones: not used"
        about = (*about, Finding("", said))
    scores = None if best_score is None else best_score[rows]
    return HospitalData(name, table, outcome, split, scores, cluster, examined.changes, about, raw.assumed, reading)


def _unfit(data: HospitalData, study: Study) -> Iterator[Problem]:
    """Why these rows cannot be trained on."""
    in_training = data.outcome[data.split == TRAIN]
    n = len(in_training)
    if data.cluster is not None and len(data.outcome) > 1 and not data.cluster.any():
        said = f"all {len(data.outcome)} rows have the same patient id"
        yield Problem(f"{said}; look at the column {study.data.patient_column!r}", said)
        return
    if not n:
        reason = "the split by time" if study.data.test_from else "the split by patient: there are too few patients"
        said = f"no training row among {len(data.outcome)} rows after {reason}"
        yield Problem(said, said)
        return
    if (
        study.data.form == "sides"
        and not study.data.allow_single_class
        and (positive := int(in_training.sum())) in (0, n)
    ):
        said = f"none of the {n} training rows is {'positive' if positive == 0 else 'negative'}"
        yield Problem(said, said)
    privacy = study.privacy
    if privacy and privacy.unit == "record" and privacy.delta * n >= 1.0:
        said = f"privacy.delta {privacy.delta:g} is not below 1 / {n} training rows: a whole row could be given away"
        yield Problem(f"{said}; choose a delta well below it, such as {_tenth(n):g}", said)
    for finding in data.about:
        if finding.must_confirm and finding.column not in study.data.confirmed_columns:
            yield Problem(
                f"{finding.text} If it is meant, list it in data.confirmed_columns; otherwise leave it out of the study",
                finding.text,
            )


def _tenth(n_rows: int) -> float:
    """The power of ten next below a tenth of 1 / rows."""
    return float(10.0 ** math.floor(math.log10(0.1 / n_rows)))


def _same_tables(loaded: list[HospitalData]) -> list[HospitalData]:
    """The same, each with a finding where another hospital has exactly its rows."""
    if len(loaded) == 1:
        return loaded
    first: dict[bytes, str] = {}
    found = []
    for data in loaded:
        other = first.setdefault(data.fingerprint(b"one table for two hospitals"), data.name)
        said = Finding("", f"its rows are exactly those of {other}: is this the right file?")
        found.append(data if other == data.name else dataclasses.replace(data, about=(*data.about, said)))
    return found
