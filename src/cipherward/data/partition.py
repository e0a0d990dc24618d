"""Which rows train, validate and test: by patient, so that no patient is on two sides, and without a random state."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from cipherward.data.values import Names

TRAIN, VALIDATION, TEST = 0, 1, 2
N_BUCKETS = 10_000


def buckets(patients: list[str], salt: str) -> NDArray[np.int64]:
    """int64[n] of 0..9999: the first 4 bytes (big endian) of SHA-256(salt + ":" + patient), modulo 10,000."""
    digests = b"".join([hashlib.sha256(f"{salt}:{patient}".encode()).digest()[:4] for patient in patients])
    return np.frombuffer(digests, ">u4").astype(np.int64) % N_BUCKETS


def split_patients(
    patients: Names, *, salt: str, test_fraction: float, validation_fraction: float
) -> NDArray[np.uint8]:
    """uint8[n_rows]: 0 train, 1 validation, 2 test. Rows of one patient id always get the same answer.

    Fractions are of patients, in steps of 1/10,000; every row has a patient.
    """
    test = round(test_fraction * N_BUCKETS)
    validation = round((test_fraction + validation_fraction) * N_BUCKETS)
    found = buckets(patients.distinct.to_list(), salt)
    sides = np.where(found < test, TEST, np.where(found < validation, VALIDATION, TRAIN)).astype(np.uint8)
    return sides[patients.codes]
