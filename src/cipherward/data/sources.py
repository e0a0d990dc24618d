"""Where a study's tables come from, and the one gate through which every table passes: checked, typed, split."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import breast_cancer, cohorts, diabetes130, public
from cipherward.data.about import Finding, findings
from cipherward.data.database import Database, Source, read_source
from cipherward.data.partition import TRAIN, split_patients
from cipherward.data.problems import Problem, problems_of, table_error
from cipherward.data.schema import Converted, Examined, convert, examine, with_declared_names
from cipherward.data.tables import RawTable, read_table
from cipherward.data.values import Change, names_of, number_key
from cipherward.errors import DataError
from cipherward.study import Cohort, Column, Study, same_text

HINT = "correct the tables (or the study's data dictionary) at the places named above; docs/study.md shows the format"
SINGLE_CLASS_HINT = (
    "a hospital needs both outcomes to train: give it more data, leave it out, or set data.allow_single_class = true"
)


@dataclass(frozen=True)
class HospitalData:
    """One hospital's rows. `table`: exactly the declared columns, Float64 or String, null = missing; `outcome`
    int8[n_rows] 0/1; `split` uint8[n_rows] 0 train, 1 validation, 2 test; `best_score` float64[n_rows]: the true
    probability, where the data are synthetic and it is known; `cluster` uint32[n_rows]: rows of one patient share a code
    0, 1, ... made at load (None: every row stands for itself). Patient ids are not kept. `changes`: how many values were
    changed in reading, by column and rule; `about`: what anyone would see first in this table; `assumed`: how the file
    was read, in words."""

    name: str
    table: pl.DataFrame
    outcome: NDArray[np.int8]
    split: NDArray[np.uint8]
    best_score: NDArray[np.float64] | None = None
    cluster: NDArray[np.uint32] | None = field(default=None, repr=False)
    changes: tuple[Change, ...] = ()
    about: tuple[Finding, ...] = ()
    assumed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"HospitalData({self.name!r}, {self.table.height} rows)"

    def fingerprint(self, key: bytes) -> bytes:
        """Keyed digest of the rows as the study reads them, 32 bytes: table, outcome, split and patients' codes."""
        digest = hashlib.blake2b(key=key, digest_size=32, person=b"cipherward-table")
        for name, series in zip(self.table.columns, self.table.get_columns(), strict=True):
            digest.update(f"\0{name}\0{len(series)}\0".encode())
            digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
            if series.dtype == pl.Float64:
                digest.update(series.fill_null(0.0).to_numpy().astype("<f8").tobytes())
            else:
                text = series.fill_null("")
                digest.update(text.str.len_bytes().to_numpy().astype("<u4").tobytes())
                digest.update("".join(text.to_list()).encode())
        digest.update(self.outcome.tobytes() + self.split.tobytes())
        digest.update(b"" if self.cluster is None else self.cluster.astype("<u4").tobytes())
        return digest.digest()


@dataclass(frozen=True)
class _Found:
    name: str
    raw: RawTable
    best_score: NDArray[np.float64] | None = None
    left_out: int = 0


def hospital_names(study: Study) -> tuple[str, ...]:
    """The roster's names, or those that the synthetic cohort's hospitals get: hospital-1, hospital-2, ..."""
    if study.hospitals:
        return tuple(hospital.name for hospital in study.hospitals)
    width = len(str(study.n_hospitals))
    return tuple(f"hospital-{number:0{width}d}" for number in range(1, study.n_hospitals + 1))


def load_hospitals(
    study: Study, path: Source | None, base: Path, *, only: Collection[str] | None = None
) -> list[HospitalData]:
    """Every hospital's data, in roster order.

    `path` (--data): for source "files" the one file or query with every hospital's rows, or the folder that replaces
    `base`; for "diabetes130" the downloaded file or its folder. `base`: the study file's folder. `only`: load just these
    hospitals, as a hospital does that has its own table and nobody else's.

    Raises:
        DataError: once, with every problem of every hospital in `problems`.
    """
    names = hospital_names(study)
    if only is not None and (strangers := sorted(set(only) - set(names))):
        raise DataError(
            f"not on the roster: {', '.join(strangers)}", hint=f"hospitals of this study: {', '.join(names[:20])}"
        )
    wanted = [name for name in names if only is None or name in only]
    problems: list[Problem] = []
    loaded: list[HospitalData] = []
    negatives: dict[str, str] = {}
    for found in _tables(study, wanted, path, base, problems):
        result = admit(found.raw, study, found.name, best_score=found.best_score, left_out=found.left_out)
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
    raw = read_table(path)
    found = convert(raw.table, columns, raw.rows, each_row_alone=True)
    if found.problems:
        raise table_error(
            f"{path} has {len(found.problems)} problem(s)",
            found.problems,
            hint="the table needs the model's input columns, named and written as in the study's data dictionary",
        )
    return raw, found


@dataclass(frozen=True)
class Admitted:
    """A table at the gate: `data` is None exactly when there are problems."""

    examined: Examined
    problems: tuple[Problem, ...]
    data: HospitalData | None


def admit(
    raw: RawTable,
    study: Study,
    name: str,
    *,
    best_score: NDArray[np.float64] | None = None,
    left_out: int = 0,
) -> Admitted:
    """Check, convert and split one hospital's table. `left_out`: rows of its file that belong to no hospital of the study."""
    examined = examine(raw.table, study, name, file=raw.origin, rows=raw.rows)
    if examined.problems:
        return Admitted(examined, examined.problems, None)
    data = _split(examined, raw, study, name, best_score, left_out)
    problems = [problem.at(name, raw.origin) for problem in _unfit(data, study)]
    return Admitted(examined, tuple(problems), None if problems else data)


def _split(
    examined: Examined,
    raw: RawTable,
    study: Study,
    name: str,
    best_score: NDArray[np.float64] | None,
    left_out: int,
) -> HospitalData:
    data = study.data
    split = split_patients(
        examined.patients,
        salt=data.split_salt,
        test_fraction=data.test_fraction,
        validation_fraction=data.validation_fraction,
    )
    cluster = examined.patients.codes.astype(np.uint32) if data.patient_column else None
    about = findings(examined.table, examined.outcome, split, cluster, study.columns)
    if left_out:
        about = (
            *about,
            Finding("", f"{left_out} row(s) of {raw.origin} belong to no hospital of this study: not used"),
        )
    return HospitalData(
        name, examined.table, examined.outcome, split, best_score, cluster, examined.changes, about, raw.assumed
    )


def _unfit(data: HospitalData, study: Study) -> Iterator[Problem]:
    """Why these rows cannot be trained on."""
    in_training = data.outcome[data.split == TRAIN]
    n, positive = len(in_training), int(in_training.sum())
    if not n:
        said = f"no training row among {len(data.outcome)} rows after the split by patient"
        yield Problem(said, said)
        return
    if not study.data.allow_single_class and positive in (0, n):
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


def _tables(
    study: Study, wanted: list[str], path: Source | None, base: Path, problems: list[Problem]
) -> Iterator[_Found]:
    source = study.data.source
    if source == "readmission":
        cohort = cast(Cohort, study.data.cohort)  # Study guarantees it for this source
        index = {name: place for place, name in enumerate(hospital_names(study))}
        for name in wanted:
            table, probability = cohorts.generate(cohort, study.seed, index[name])
            yield _Found(name, RawTable(table, np.arange(1, table.height + 1), "synthetic cohort"), probability)
    elif source == "diabetes130":
        given = path if isinstance(path, Path) else None
        table = public.load_diabetes130(public.locate("diabetes130", given))
        yield from _blocks(_whole(table, "Diabetes 130-US"), "hospital", wanted, problems, diabetes130.HOSPITALS)
    elif source == "breast-cancer":
        yield from _blocks(
            _whole(breast_cancer.load(), "Breast Cancer Wisconsin"),
            "hospital",
            wanted,
            problems,
            breast_cancer.HOSPITALS,
        )
    else:
        yield from _files(study, wanted, path, base, problems)


def _files(
    study: Study, wanted: list[str], path: Source | None, base: Path, problems: list[Problem]
) -> Iterator[_Found]:
    data = study.data
    if isinstance(path, Path) and not path.exists():
        said = "there is no such file or folder"
        problems.append(Problem(f"{path}: {said} (--data)", said))
        return
    folder = path if isinstance(path, Path) and path.is_dir() else base
    given = path if isinstance(path, Database) or (path is not None and not path.is_dir()) else None
    if data.hospital_column:
        raw = read_source(given or folder / data.path)
        raw = dataclasses.replace(raw, table=with_declared_names(raw.table, [data.hospital_column]))
        if data.hospital_column not in raw.table.columns:
            said = f"column {data.hospital_column!r} (data.hospital_column) is missing"
            problems.append(Problem(f"{raw.origin}: {said}; found: {', '.join(raw.table.columns[:20])}", said))
            return
        yield from _blocks(raw, data.hospital_column, wanted, problems, ())
        return
    if given is not None and len(wanted) != 1:
        said = f"one file, but the study has {len(wanted)} hospitals with a file each"
        problems.append(Problem(f"{given} is {said}; give a folder", said))
        return
    paths = {hospital.name: hospital.path for hospital in study.hospitals}
    for name in wanted:
        if given is None and not paths[name]:
            said = f"{name}: the study names no path for its table (it was frozen for a deployment)"
            problems.append(Problem(said, said))
            continue
        try:
            yield _Found(name, read_source(given or folder / paths[name]))
        except DataError as error:
            problems += [problem.at(name) for problem in problems_of(error)]


def _whole(table: pl.DataFrame, origin: str) -> RawTable:
    return RawTable(table, np.arange(1, table.height + 1), origin)


def _blocks(
    raw: RawTable, column: str, wanted: list[str], problems: list[Problem], valid: Sequence[str]
) -> Iterator[_Found]:
    """One hospital's rows after the other, told apart by a column."""
    labels = names_of(raw.table[column]).series
    keys = {name: number_key(same_text(name)) or same_text(name) for name in wanted}
    present = set(labels.drop_nulls().unique().to_list())
    strangers = int((~labels.is_in([*keys.values(), *valid])).fill_null(True).sum())
    for name in wanted:
        if keys[name] in present:
            yield _Found(name, raw.where((labels == keys[name]).fill_null(False)), left_out=strangers)
            strangers = 0  # said once
        else:
            listed = ", ".join(valid or sorted(present)[:20])
            said = f"{name}: no row has this name in column {column!r}"
            problems.append(Problem(f"{name} ({raw.origin}): no row has {column} = {name!r}; found: {listed}", said))
