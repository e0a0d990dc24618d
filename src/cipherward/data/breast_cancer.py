"""Breast Cancer Wisconsin (Diagnostic), bundled in scikit-learn, dealt to four simulated hospitals.

Source: Wolberg, Mangasarian, Street, Street (1995), UCI 17, DOI 10.24432/C5DW2B, CC BY 4.0. 569 rows, 30 numeric
columns, outcome malignant = 1. The set has no hospital id: the hospitals are quarters of the rows in order of a noisy
mean radius, so that case-mix differs (a screening unit at one end, a referral centre at the other) and every hospital
has both outcomes.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

HOSPITALS = ("hospital-1", "hospital-2", "hospital-3", "hospital-4")
OUTCOME = "malignant"
PATIENT = "row"
# width of the uniform noise on the mean radius, in its standard deviations
NOISE_WIDTH = 3.0


def load() -> pl.DataFrame:
    """569 rows: row (String, from 1), hospital (String), malignant (Int64 0/1), 30 Float64 columns ("mean radius", ...)."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    values = np.asarray(bunch.data, dtype=np.float64)
    rows = [str(number) for number in range(1, len(values) + 1)]
    radius = values[:, list(bunch.feature_names).index("mean radius")]
    noise = np.array([int.from_bytes(hashlib.sha256(f"hospital:{row}".encode()).digest()[:4], "big") for row in rows])
    place = radius + (noise / 2**32 - 0.5) * NOISE_WIDTH * radius.std()
    rank = np.argsort(np.argsort(place, kind="stable"), kind="stable")
    block = rank * len(HOSPITALS) // len(rows)
    table = pl.DataFrame(
        {PATIENT: rows, "hospital": [HOSPITALS[index] for index in block], OUTCOME: 1 - np.asarray(bunch.target)}
    )
    columns = {str(name).replace(" ", "_"): values[:, index] for index, name in enumerate(bunch.feature_names)}
    return table.with_columns(pl.Series(name, column) for name, column in columns.items())
