"""A split by time: what came from a day on is the test set, so that a model is measured on patients of after its training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.data.dates import moment, written
from cipherward.data.partition import TEST, split_patients
from cipherward.data.problems import Problem
from cipherward.data.schema import with_declared_names
from cipherward.data.tables import RawTable
from cipherward.data.values import Names
from cipherward.study import Data

BETWEEN_HOSPITALS = (
    "data.test_from splits by time, which is for simulations: between hospitals the split belongs to the register"
)


@dataclass(frozen=True)
class TimeSplit:
    """`rows` int64[n]: the rows that are used; `parts` uint8[n]: the part of each; `left_out`: earlier rows of patients who have later ones."""

    rows: NDArray[np.int64]
    parts: NDArray[np.uint8]
    left_out: int


def split(raw: RawTable, patients: Names, data: Data) -> TimeSplit | Problem:
    """Rows from `data.test_from` on are test rows. Patients without such rows train and validate, as `split_patients` says;
    earlier rows of the others are left out, so that no patient is on two sides."""
    found = _days(raw, data.date_column)
    if isinstance(found, Problem):
        return found
    assert data.test_from is not None  # noqa: S101 - the caller asks for a split by time
    is_late = found >= np.datetime64(data.test_from, "D")
    has_late = np.zeros(len(patients.distinct), dtype=bool)
    has_late[patients.codes[is_late]] = True
    sides = split_patients(
        patients, salt=data.split_salt, test_fraction=0.0, validation_fraction=data.validation_fraction
    )
    parts = np.where(is_late, TEST, sides).astype(np.uint8)
    keep = is_late | ~has_late[patients.codes]
    return TimeSplit(np.flatnonzero(keep), parts[keep], int((~keep).sum()))


def _days(raw: RawTable, name: str) -> NDArray[np.datetime64] | Problem:
    """datetime64[D] of each row, as it was written."""
    table = with_declared_names(raw.table, [name])
    if name not in table.columns:
        said = f"column {name!r} (data.date_column) is missing"
        return Problem(f"{said}; found: {', '.join(raw.table.columns[:20])}", said)
    series = table[name]
    if (texts := written(series)) is None:
        said = f"column {name!r} holds {series.dtype}, not dates"
        return Problem(f"{said}; write them as 2024-02-29", said)
    days = np.zeros(len(texts), "datetime64[D]")
    wrong = []
    for row, text in enumerate(texts):
        try:
            days[row] = np.datetime64(moment(text or "").day, "D")
        except ValueError:
            wrong.append(row)
    if wrong:
        said = f"column {name!r}, row {raw.rows[wrong[0]]} holds no date ({len(wrong)} such row(s))"
        return Problem(
            f"{said}; every row needs one, written as 2024-02-29: export the column so, or let a query write it", said
        )
    return days
