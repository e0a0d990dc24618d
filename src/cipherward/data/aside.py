"""A throwaway part of a table's patients, set aside for trials: never in the register that real studies read."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.tables import read_table
from cipherward.data.values import Names, names_of
from cipherward.errors import DataError

_KEY_BYTES = 32


@dataclass(frozen=True)
class Parted:
    """How many rows went where."""

    part_rows: int
    rest_rows: int


def set_aside(
    table: Path,
    patient: str,
    share: float,
    key: Path,
    *,
    part: Path,
    rest: Path,
    check: Callable[[Names, NDArray[np.bool_]], None] = lambda _patients, _inside: None,
) -> Parted:
    """Write the rows of a share of the patients to `part` and all others to `rest`, as CSV.

    Args:
        key: file of 32 secret bytes, made where there is none; it decides who is in the part, in every extract alike.
        check: called before anything is written, with each row's patient and whether it goes into the part, bool[n_rows].

    Raises:
        DataError: no such column, a row without a patient, an output that exists, or a side without rows; and what `check` raises.
    """
    for path in (part, rest):
        if path.exists():
            raise DataError(f"{path} exists", hint="choose new files; nothing was overwritten")
    found = read_table(table).table
    if patient not in found.columns:
        raise DataError(f"{table} has no column {patient!r}", hint=f"columns: {', '.join(found.columns[:20])}")
    names = found.get_column(patient).cast(pl.String).str.strip_chars()
    if names.is_null().any() or (names == "").any():
        raise DataError(
            f"{table} has rows without a value in {patient!r}", hint="a row that names no patient fits neither side"
        )
    secret = _secret(key)
    aside = {name for name in names.unique() if _draw(secret, name) < share}
    inside = names.is_in(list(aside))
    if inside.all() or not inside.any():
        raise DataError(f"with a share of {share:g} one of the two sides has no rows", hint="choose another share")
    check(names_of(found.get_column(patient)), inside.to_numpy())
    for path, rows in ((part, found.filter(inside)), (rest, found.filter(~inside))):
        try:
            path.touch(mode=0o600, exist_ok=False)
            path.write_bytes(rows.write_csv().encode())
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror or error}") from None
    return Parted(int(inside.sum()), int((~inside).sum()))


def _draw(secret: bytes, name: str) -> float:
    """A number in [0, 1) for each patient, known to nobody without the secret."""
    return int.from_bytes(hmac.new(secret, name.encode(), hashlib.sha256).digest()[:8]) / 2.0**64


def _secret(path: Path) -> bytes:
    try:
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
        secret = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot use the key {path}: {error.strerror or error}") from None
    if len(secret) != _KEY_BYTES:
        raise DataError(
            f"{path} is not a key of {_KEY_BYTES} bytes", hint="give a file that does not exist yet, or the earlier key"
        )
    return secret
