"""Where a study's tables come from, and the one gate through which every table passes: checked, typed, split."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import breast_cancer, cohorts, diabetes130, public
from cipherward.data.partition import TRAIN, split_patients
from cipherward.data.schema import as_text, convert_inputs, examine
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import DataError
from cipherward.study import Cohort, Column, Study

HINT = "correct the tables (or the study's data dictionary) at the places named above; docs/study.md shows the format"
SINGLE_CLASS_HINT = (
    "a hospital needs both outcomes to train: give it more data, leave it out, or set data.allow_single_class = true"
)


@dataclass(frozen=True)
class HospitalData:
    """One hospital's rows. `table`: exactly the declared columns, Float64 or String, null = missing; `outcome`
    int8[n_rows] 0/1; `split` uint8[n_rows] 0 train, 1 validation, 2 test; `best_score` float64[n_rows]: the true
    probability, where the data are synthetic and it is known; `cluster` uint32[n_rows]: rows of one patient share a code
    0, 1, ... made at load (None: every row stands for itself). Patient ids are not kept."""

    name: str
    table: pl.DataFrame
    outcome: NDArray[np.int8]
    split: NDArray[np.uint8]
    best_score: NDArray[np.float64] | None = None
    cluster: NDArray[np.uint32] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"HospitalData({self.name!r}, {self.table.height} rows)"


@dataclass(frozen=True)
class _Found:
    name: str
    raw: RawTable
    best_score: NDArray[np.float64] | None = None


def hospital_names(study: Study) -> tuple[str, ...]:
    """The roster's names, or those that the synthetic cohort's hospitals get: hospital-1, hospital-2, ..."""
    if study.hospitals:
        return tuple(hospital.name for hospital in study.hospitals)
    width = len(str(study.n_hospitals))
    return tuple(f"hospital-{number:0{width}d}" for number in range(1, study.n_hospitals + 1))


def load_hospitals(
    study: Study, path: Path | None, base: Path, *, only: Collection[str] | None = None
) -> list[HospitalData]:
    """Every hospital's data, in roster order.

    `path` (--data): for source "files" the one file with every hospital's rows, or the folder that replaces `base`;
    for "diabetes130" the downloaded file or its folder. `base`: the study file's folder. `only`: load just these
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
    problems: list[str] = []
    single_class = False
    loaded: list[HospitalData] = []
    for found in _tables(study, wanted, path, base, problems):
        result = _admit(found, study)
        if isinstance(result, HospitalData):
            loaded.append(result)
            continue
        problems += result
        single_class = single_class or any("training row" in text or "positive case" in text for text in result)
    if problems:
        raise DataError(
            f"{len(problems)} problem(s) in the data:\n  - " + "\n  - ".join(problems),
            problems=tuple(problems),
            hint=SINGLE_CLASS_HINT if single_class else HINT,
        )
    return loaded


def load_table_for_prediction(path: Path, columns: Sequence[Column]) -> pl.DataFrame:
    """The input columns of a table to predict on, typed as in `HospitalData.table`; other columns are ignored.

    Raises:
        DataError: unreadable, or a declared column missing or wrong; `problems` lists all.
    """
    raw = read_table(path)
    problems, table = convert_inputs(raw.table, columns, raw.rows)
    if problems:
        raise DataError(
            f"{path} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems),
            problems=tuple(f"{path}: {text}" for text in problems),
            hint="the table needs the model's input columns, named and written as in the study's data dictionary",
        )
    return table


def _admit(found: _Found, study: Study) -> HospitalData | list[str]:
    data, raw = study.data, found.raw
    examined = examine(raw.table, study, found.name, file=raw.origin, rows=raw.rows)
    if examined.problems:
        return list(examined.problems)
    split = split_patients(
        examined.patients,
        salt=data.split_salt,
        test_fraction=data.test_fraction,
        validation_fraction=data.validation_fraction,
    )
    outcome = examined.outcome
    in_training = outcome[split == TRAIN]
    positive = int(in_training.sum())
    place = f"{found.name} ({raw.origin})"
    if not len(in_training):
        return [f"{place}: no training row among {len(outcome)} rows after the split by patient"]
    if not data.allow_single_class and positive in (0, len(in_training)):
        which = "positive" if positive == 0 else "negative"
        return [f"{place}: none of the {len(in_training)} training rows is {which}"]
    cluster = (examined.patients.rank("dense") - 1).to_numpy().astype(np.uint32) if data.patient_column else None
    return HospitalData(found.name, examined.table, outcome, split, found.best_score, cluster)


def _tables(study: Study, wanted: list[str], path: Path | None, base: Path, problems: list[str]) -> Iterator[_Found]:
    source = study.data.source
    if source == "readmission":
        cohort = cast(Cohort, study.data.cohort)  # Study guarantees it for this source
        index = {name: place for place, name in enumerate(hospital_names(study))}
        for name in wanted:
            table, probability = cohorts.generate(cohort, study.seed, index[name])
            yield _Found(name, RawTable(table, np.arange(1, table.height + 1), "synthetic cohort"), probability)
    elif source == "diabetes130":
        table = public.load_diabetes130(public.locate("diabetes130", path))
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


def _files(study: Study, wanted: list[str], path: Path | None, base: Path, problems: list[str]) -> Iterator[_Found]:
    data = study.data
    folder = path if path is not None and path.is_dir() else base
    given = path if path is not None and not path.is_dir() else None
    if data.hospital_column:
        raw = read_table(given or folder / data.path)
        if data.hospital_column not in raw.table.columns:
            problems.append(
                f"{raw.origin}: column {data.hospital_column!r} (data.hospital_column) is missing; "
                f"found: {', '.join(raw.table.columns[:20])}"
            )
            return
        yield from _blocks(raw, data.hospital_column, wanted, problems, ())
        return
    if given is not None and len(wanted) != 1:
        problems.append(
            f"{given} is one file, but the study has {len(wanted)} hospitals with a file each; give a folder"
        )
        return
    paths = {hospital.name: hospital.path for hospital in study.hospitals}
    for name in wanted:
        if given is None and not paths[name]:
            problems.append(f"{name}: the study names no path for its table (it was frozen for a deployment)")
            continue
        try:
            yield _Found(name, read_table(given or folder / paths[name]))
        except DataError as error:
            problems += [f"{name}: {text}" for text in (error.problems or (error.message,))]


def _whole(table: pl.DataFrame, origin: str) -> RawTable:
    return RawTable(table, np.arange(1, table.height + 1), origin)


def _blocks(
    raw: RawTable, column: str, wanted: list[str], problems: list[str], valid: Sequence[str]
) -> Iterator[_Found]:
    """One hospital's rows after the other, told apart by a column."""
    labels = as_text(raw.table[column])
    present = set(labels.drop_nulls().unique().to_list())
    for name in wanted:
        if name in present:
            yield _Found(name, raw.where((labels == name).fill_null(False)))
        else:
            listed = ", ".join(valid or sorted(present)[:20])
            problems.append(f"{name} ({raw.origin}): no row has {column} = {name!r}; found: {listed}")
