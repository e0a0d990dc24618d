"""A hospital's rows as a model sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.cuts import Cuts
from cipherward.data.inputs import Inputs
from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.learning.baselines import Rows
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.score_groups import may_measure
from cipherward.tasks.hospital_work import HospitalWork

__all__ = ["TEST", "TRAIN", "VALIDATION", "check_classes", "labels_of", "n_rows_at", "rows_at", "rows_of"]


def rows_of(data: HospitalData, preprocessor: Inputs, split: int, cuts: Cuts = ()) -> Rows:
    """The model's inputs float32[n, n_features] and the outcomes [n] of one split. `cuts`: as in `Preprocessor.transform`."""
    chosen = data.split == split
    table = data.table.filter(pl.Series(chosen))
    inputs = (
        preprocessor.transform(table, cuts) if isinstance(preprocessor, Preprocessor) else preprocessor.transform(table)
    )
    return inputs, data.outcome[chosen]


def rows_at(at: HospitalWork, preprocessor: Inputs, split: int) -> Rows:
    """As `rows_of`, made once for a hospital; training rows as the sum that is being answered cuts them."""
    cuts = at.cuts if split == TRAIN else ()
    return at.kept(("rows", preprocessor, split, cuts), lambda: rows_of(at.data, preprocessor, split, cuts))


def n_rows_at(at: HospitalWork, split: int) -> int:
    """How many rows a split has."""
    return int(np.count_nonzero(at.data.split == split))


def check_classes(hospitals: Sequence[HospitalData], group_rows: int, outcome: Outcome = BINARY) -> None:
    """Every split needs outcomes that differ over all hospitals, or no metrics and no model come of it.

    Args:
        group_rows: a hospital with fewer test rows is not measured.

    Raises:
        DataError: a split has one class, or one value, only; or no training row has one of several classes.
    """
    trained = labels_of(hospitals, TRAIN)
    names = outcome.data.classes
    if absent := [name for place, name in enumerate(names) if not bool((trained == place).any())]:
        raise DataError(
            f"no training row of any hospital has the class {', '.join(map(repr, absent))}",
            hint="correct data.classes in the study, or merge classes that hardly anybody has",
        )
    measured = [h for h in hospitals if may_measure(int((h.split == TEST).sum()), group_rows)]
    for split, name, those in ((TRAIN, "training", hospitals), (TEST, "test", measured)):
        labels: NDArray[np.generic] = labels_of(those, split)
        if split == TEST and not labels.size and outcome.data.test_from:
            raise DataError(
                f"no hospital has {group_rows} test rows from {outcome.data.test_from} on (data.test_from)",
                hint="choose an earlier day, or give more rows; evaluation.group_rows says how many a hospital needs",
            )
        if trouble := outcome.unfit(labels):
            settings = "data.outcome and data.positive" if outcome.form == "sides" else "data.outcome"
            raise DataError(
                f"all {name} rows of all hospitals together have {trouble} ({labels.size} rows)",
                hint=f"check {settings} in the study, or give more rows; a hospital with fewer "
                f"than {group_rows} test rows (evaluation.group_rows) is not measured",
            )


def labels_of(hospitals: Sequence[HospitalData], split: int) -> NDArray[np.generic]:
    """The outcomes of one split of all hospitals, in roster order."""
    return np.concatenate(
        [np.zeros(0, dtype=np.int8)] + [hospital.outcome[hospital.split == split] for hospital in hospitals]
    )
