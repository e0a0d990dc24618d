"""RetinaMNIST as a table: one row for each fundus image, its grade of diabetic retinopathy, and a simulated hospital.

The set names no hospital and no patient. Its published split (DeepDRiD's, between patients) is kept: which part a row is in is given,
not drawn. Hospitals differ in their grades: of each grade every hospital gets a share that is drawn from a Dirichlet distribution
(Hsu et al. 2019, arXiv 1909.06335), the same in each part of the split.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.public import dataset, no_network_hint, sha256_of
from cipherward.errors import DataError

SHAPE = (3, 28, 28)
SKEW = 1.0
_PARTS = (("train", TRAIN), ("val", VALIDATION), ("test", TEST))
_DRAW = 20_260_101  # the simulated hospitals are the same for every seed of a study


def load(path: Path) -> tuple[pl.DataFrame, NDArray[np.uint8]]:
    """Columns "image" (channels first, 0 to 255), "grade" (0 to 4) and "any_dr" (0 or 1), and each row's part of the split.

    Raises:
        DataError: unreadable, or not the published file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}", hint=no_network_hint("retinamnist")) from None
    expected = dataset("retinamnist").sha256
    if (found := sha256_of(content)) != expected:
        raise DataError(
            f"{path} has SHA-256 {found}, but the published file has SHA-256 {expected}",
            hint='use the file as Zenodo publishes it; for other images write a study with source "files"',
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            images = np.concatenate([archive[f"{name}_images"] for name, _ in _PARTS])
            grades = np.concatenate([archive[f"{name}_labels"].reshape(-1) for name, _ in _PARTS])
            sizes = [len(archive[f"{name}_labels"]) for name, _ in _PARTS]
    except (ValueError, KeyError, OSError, zipfile.BadZipFile):  # its digest is right: a numpy that cannot read it
        raise DataError(f"{path} cannot be read as a NumPy archive", hint="update numpy") from None
    flat = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)
    parts = np.repeat(np.array([part for _, part in _PARTS], np.uint8), sizes)
    table = pl.DataFrame(
        [
            pl.Series("image", flat, dtype=pl.Array(pl.UInt8, flat.shape[1])),
            pl.Series("grade", [str(grade) for grade in grades.tolist()]),
            pl.Series("any_dr", ["1" if grade else "0" for grade in grades.tolist()]),
        ]
    )
    return table, parts


def hospitals(table: pl.DataFrame, parts: NDArray[np.uint8], count: int, skew: float) -> NDArray[np.int64]:
    """int64[n_rows]: the simulated hospital of each row, 0 to count - 1. `skew`: the Dirichlet parameter; small: unlike hospitals."""
    rng = np.random.default_rng(_DRAW)
    grades = table["grade"].to_numpy()
    found = np.zeros(table.height, np.int64)
    for grade in sorted(set(grades.tolist())):
        shares = np.cumsum(rng.dirichlet(np.full(count, skew)))
        for part in (TRAIN, VALIDATION, TEST):
            rows = rng.permutation(np.flatnonzero((grades == grade) & (parts == part)))
            ends = np.rint(shares * len(rows)).astype(np.int64)
            for hospital, (start, end) in enumerate(zip(np.append(0, ends[:-1]), ends, strict=True)):
                found[rows[start:end]] = hospital
    return found
