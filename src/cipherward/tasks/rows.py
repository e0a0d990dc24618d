"""A hospital's rows as a model sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.learning.baselines import Rows
from cipherward.tasks.hospital_work import HospitalWork

__all__ = ["TEST", "TRAIN", "VALIDATION", "labels_of", "rows_at", "rows_of"]


def rows_of(data: HospitalData, preprocessor: Preprocessor, split: int) -> Rows:
    """The model's inputs float32[n, n_features] and the outcomes [n] of one split."""
    chosen = data.split == split
    return preprocessor.transform(data.table.filter(pl.Series(chosen))), data.outcome[chosen]


def rows_at(at: HospitalWork, preprocessor: Preprocessor, split: int) -> Rows:
    """As `rows_of`, made once for a hospital."""
    return at.kept(("rows", preprocessor, split), lambda: rows_of(at.data, preprocessor, split))


def labels_of(hospitals: Sequence[HospitalData], split: int) -> NDArray[np.generic]:
    """The outcomes of one split of all hospitals, in roster order."""
    return np.concatenate(
        [np.zeros(0, dtype=np.int8)] + [hospital.outcome[hospital.split == split] for hospital in hospitals]
    )
