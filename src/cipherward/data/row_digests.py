"""Keyed digests of a table's rows, by which a register knows them again; without the key they say nothing of a cell.

A cell is digested as what it says, not as it is written: 1, 1.0 and 1.00 are one number, texts are compared in one form,
words for "no value" are none (docs/data.md). What the study makes of it, ranges and codes, plays no part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import arrays
from cipherward.data.values import Names, as_text, names_of

Digests = NDArray[np.uint64]

_NUMBER = r"^[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?$"  # not 007 or 1E50, which may be codes
_BETWEEN = "\x1f"
_CELL = "cell"
_FEW = 4_096
"""Up to so many rows it takes longer to find the distinct cells than to read each one."""


def of_patients(patients: Names, key: bytes) -> Digests:
    """uint64[n_rows]: one number for each patient, the same in every table of this key."""
    return _hashed(patients.distinct.to_list(), key, b"patient")[patients.codes]


def of_cells(table: pl.DataFrame, columns: Sequence[str], key: bytes) -> Digests:
    """uint64[n_rows]: what each row says in these columns. Rows that say the same have the same digest."""
    if not table.height:
        return np.zeros(0, np.uint64)
    said = table.select(pl.concat_str([_canonical(table[name]) for name in columns], separator=_BETWEEN))
    return _hashed(said.to_series().to_list(), key, _BETWEEN.join(columns).encode())


def occurrences(digests: Digests) -> NDArray[np.int64]:
    """int64[n]: how many equal digests stand before each one."""
    order = np.argsort(digests, kind="stable")
    ordered = digests[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, np.int64)
    lengths = np.diff(np.append(begins, len(ordered)))
    found = np.empty(len(digests), np.int64)
    found[order] = np.arange(len(ordered)) - np.repeat(begins, lengths)
    return found


def _canonical(series: pl.Series) -> pl.Series:
    """String without nulls: "#" and the value of a number, "@" and the digest of many, "=" and a text in its one form, or nothing where there is no value."""
    if isinstance(series.dtype, pl.Array | pl.List):
        return pl.Series(["" if one is None else f"@{one}" for one in arrays.digests(series)], dtype=pl.String)
    if not series.dtype.is_numeric():
        series = as_text(series)
    if len(series) <= _FEW or len(distinct := series.unique()) == len(series):
        return _said(series)
    return series.replace_strict(distinct, _said(distinct), return_dtype=pl.String)


def _said(series: pl.Series) -> pl.Series:
    """Few calls: each costs more than what it does to a small table."""
    cells = pl.DataFrame({_CELL: series})
    if series.dtype.is_numeric():
        return cells.select(pl.coalesce(_number(pl.col(_CELL).fill_nan(None)), pl.lit(""))).to_series()
    texts = cells.select(pl.col(_CELL).str.strip_chars())
    is_number = texts.to_series().str.contains(_NUMBER)
    if is_number.all():
        return texts.select(_number(pl.col(_CELL)).fill_null("")).to_series()
    number, other = pl.when(is_number).then(_CELL), pl.when(~is_number).then(_CELL)
    numbers, others = texts.select(_number(number).alias("numbers"), other.alias("others"))
    if others.null_count() == len(others):
        return numbers.fill_null("")
    return pl.select(pl.coalesce(numbers, "=" + names_of(others).series, pl.lit(""))).to_series()


def _number(numbers: pl.Expr) -> pl.Expr:
    value = numbers.cast(pl.Float64)
    return "#" + pl.when(value == 0.0).then(pl.lit(0.0)).otherwise(value).cast(pl.String)  # -0 is 0


def _hashed(texts: Iterable[str], key: bytes, purpose: bytes) -> Digests:
    prefix = hashlib.blake2b(purpose, key=key, digest_size=8, person=b"cipherward-row")
    found = bytearray()
    for text in texts:
        digest = prefix.copy()
        digest.update(text.encode())
        found += digest.digest()
    return np.frombuffer(bytes(found), "<u8").astype(np.uint64)
