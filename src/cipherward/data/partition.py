"""Which rows train, validate and test: by patient, so that no patient is on two sides, and without a random state."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = 0, 1, 2
N_BUCKETS = 10_000


def bucket(patient: str, salt: str) -> int:
    """0..9999: the first 4 bytes (big endian) of SHA-256(salt + ":" + patient), modulo 10,000."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{patient}".encode()).digest()[:4], "big") % N_BUCKETS


def split_patients(
    patients: pl.Series, *, salt: str, test_fraction: float, validation_fraction: float
) -> NDArray[np.uint8]:
    """uint8[n_rows]: 0 train, 1 validation, 2 test. Rows of one patient id always get the same answer.

    Fractions are of patients, in steps of 1/10,000; `patients` is a String series without nulls.
    """
    test = round(test_fraction * N_BUCKETS)
    validation = round((test_fraction + validation_fraction) * N_BUCKETS)
    names = patients.unique()
    buckets = np.array([bucket(name, salt) for name in names.to_list()], dtype=np.int64)
    sides = np.where(buckets < test, TEST, np.where(buckets < validation, VALIDATION, TRAIN)).astype(np.uint8)
    return patients.replace_strict(names, pl.Series(sides), return_dtype=pl.UInt8).to_numpy().astype(np.uint8)
