"""Where a study's tables come from, and the one gate through which every table passes: checked, typed, split."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import catalogue
from cipherward.data.database import Source
from cipherward.data.partition import TRAIN, split_patients
from cipherward.data.schema import convert_inputs, examine
from cipherward.data.source import Found
from cipherward.data.tables import read_table
from cipherward.errors import DataError
from cipherward.study import Column, Study

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


def load_hospitals(
    study: Study, path: Source | None, base: Path, *, only: Collection[str] | None = None
) -> list[HospitalData]:
    """Every hospital's data, in roster order.

    `path` (--data): for source "files" the one file or query with every hospital's rows, or the folder that replaces
    `base`; for "diabetes130" the downloaded file or its folder; other sources leave it aside. `base`: the study file's folder. `only`: load just these
    hospitals, as a hospital does that has its own table and nobody else's.

    Raises:
        DataError: once, with every problem of every hospital in `problems`.
    """
    names = study.hospital_names
    if only is not None and (strangers := sorted(set(only) - set(names))):
        raise DataError(
            f"not on the roster: {', '.join(strangers)}", hint=f"hospitals of this study: {', '.join(names[:20])}"
        )
    wanted = [name for name in names if only is None or name in only]
    problems = catalogue.problems(study)
    single_class = False
    loaded: list[HospitalData] = []
    tables = () if problems else catalogue.source(study.data.source).tables(study, wanted, path, base, problems)
    for found in tables:
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


def _admit(found: Found, study: Study) -> HospitalData | list[str]:
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
