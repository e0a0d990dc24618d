"""Columns whose cells hold many numbers: images and series. A typed column is a polars Array; a series has NaN where a value
is missing, a cell that is null has none at all.

Scaling numbers follow from each row's mean and mean square in [0, 1], so a row moves the opened sums no further than a
single number does (`tasks.moves`).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.problems import Problem, first_of
from cipherward.data.values import is_missing
from cipherward.study import Column

ROWS_AT_ONCE = 256  # scaling needs a few float64 copies of so many cells
Floats = NDArray[np.float64]
Numbers = NDArray[np.floating[Any] | np.integer[Any]]


def width(column: Column) -> int:
    """A model's inputs of this column: its numbers, and of a series whether each is missing."""
    return column.size * (2 if column.kind == "series" else 1)


def names(column: Column) -> list[str]:
    """One for each input, in their order."""
    found = [f"{column.name}[{place}]" for place in range(column.size)]
    return found + [f"{name} is missing" for name in found] if column.kind == "series" else found


def nulls(column: Column, height: int) -> pl.Series:
    """A column without any value."""
    return pl.Series(column.name, [None] * height, dtype=pl.Array(pl.Float32, column.size))


def moments(series: pl.Series, column: Column) -> tuple[Floats, Floats]:
    """Mean and mean square of each row's numbers, scaled to [0, 1] by the declared range: float64[n_rows], NaN without any."""
    mean, square = np.full(len(series), np.nan), np.full(len(series), np.nan)
    for start in range(0, len(series), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        values = scaled(series[part], column)
        present = ~np.isnan(values)
        count = present.sum(axis=1)
        known = count > 0
        inside = np.where(present, values, 0.0)
        mean[part][known] = inside.sum(axis=1)[known] / count[known]
        square[part][known] = np.square(inside).sum(axis=1)[known] / count[known]
    return mean, square


def scaled(series: pl.Series, column: Column) -> Floats:
    """float64[n_rows, size] in [0, 1] by the declared range, NaN = missing."""
    low, high = _range(column)
    values = _matrix(series, column).astype(np.float64)
    np.clip(values, low, high, out=values)
    if column.transform == "log1p":
        np.log1p(values, out=values)
        low, high = math.log1p(low), math.log1p(high)
    values -= low
    values /= high - low
    return values


def features(
    series: pl.Series, column: Column, mean: float, stddev: float, limits: tuple[float, float]
) -> NDArray[np.float32]:
    """float32[n_rows, width]: standardised and cut at `limits`, in standard deviations, missing -> 0; of a series then 1
    for each missing value."""
    found = np.zeros((len(series), width(column)), dtype=np.float32)
    for start in range(0, len(series), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        values = (scaled(series[part], column) - mean) / stddev
        missing = np.isnan(values)
        found[part, : column.size] = np.where(missing, 0.0, np.clip(values, *limits))
        if column.kind == "series":
            found[part, column.size :] = missing
    return found


def digests(series: pl.Series) -> list[str | None]:
    """Of each cell's numbers, as hex; None where there is none. Types of numbers do not matter, -0 is 0."""
    if isinstance(series.dtype, pl.List):
        series = series.cast(pl.Array(pl.Float32, int(cast(int, series.list.len().max() or 0))))
    size = cast(pl.Array, series.dtype).shape[0]
    content, absent = contents(series), series.is_null().to_list()
    return [
        None if absent[row] else hashlib.blake2b(content[4 * size * row :][: 4 * size], digest_size=16).hexdigest()
        for row in range(len(series))
    ]


def contents(series: pl.Series) -> bytes:
    """All numbers of a typed column, for a digest."""
    values = _numbers(series).astype("<f4") + np.float32(0.0)
    values[np.isnan(values)] = np.nan
    return values.tobytes()


def as_text(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its arrays as text that `read` reads back as series: for a CSV file."""
    written = {
        name: [
            None if row is None else ";".join("" if v is None or math.isnan(v) else f"{v:g}" for v in row)
            for row in series
        ]
        for name, series in zip(table.columns, table.get_columns(), strict=True)
        if isinstance(series.dtype, pl.Array)
    }
    return table.with_columns(pl.Series(name, texts, dtype=pl.String) for name, texts in written.items())


def read(series: pl.Series, column: Column) -> tuple[pl.Series, NDArray[np.bool_], list[tuple[NDArray[np.bool_], str]]]:
    """A column as found -> typed, which rows have a number outside the declared range, and what is wrong with which rows.

    Cells are arrays or lists, or of a series text: numbers between semicolons, nothing where one is missing.
    """
    wanted = f"{column.size:,} numbers, as the declared shape {list(column.shape)} says"
    if series.dtype == pl.String and column.kind == "series":
        found, wrong = _from_text(series, column)
    elif isinstance(series.dtype, pl.Array | pl.List) and series.dtype.inner is not None and _is_flat(series.dtype):
        found, wrong = _from_lists(series, column)
    elif not series.null_count() < len(series):
        return nulls(column, len(series)), np.zeros(len(series), bool), []
    else:
        what = "images" if column.kind == "image" else "series: lists of numbers, or numbers between semicolons"
        return nulls(column, len(series)), np.zeros(len(series), bool), [(np.ones(len(series), bool), f"are no {what}")]
    problems = [(rows, text) for text, rows in wrong.items() if rows.any()]
    problems = [(rows, text.format(wanted=wanted)) for rows, text in problems]
    outside = np.zeros(len(series), bool)
    low, high = _range(column)
    for start in range(0, len(found), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        values = _matrix(found[part], column)
        outside[part] = ((values < low) | (values > high)).any(axis=1)
    return found, outside, problems


def problem(name: str, rows: NDArray[np.int64], wrong: NDArray[np.bool_], text: str) -> Problem:
    """About the first of the rows that something is wrong with; no value of the table is named."""
    said = f"{first_of(wrong, rows, name)}: {text} ({int(wrong.sum())} such row(s))"
    return Problem(said, said)


def _from_lists(series: pl.Series, column: Column) -> tuple[pl.Series, dict[str, NDArray[np.bool_]]]:
    absent = series.is_null().to_numpy()
    lengths = series.list.len() if isinstance(series.dtype, pl.List) else series.arr.len()
    length = ~absent & (lengths.fill_null(0).to_numpy() != column.size)
    if length.any():
        return nulls(column, len(series)), {"not {wanted}": length}
    inner = cast(pl.List, series.dtype).inner
    kept = inner if inner in (pl.UInt8, pl.Int16, pl.UInt16, pl.Float32) else pl.Float32
    if inner not in (pl.UInt8, pl.UInt16, pl.Int16):
        series = series.cast(
            pl.List(pl.Float64) if isinstance(series.dtype, pl.List) else pl.Array(pl.Float64, column.size)
        )
    found = series.cast(pl.Array(kept, column.size))
    return _cleaned(found, column, absent)


def _from_text(series: pl.Series, column: Column) -> tuple[pl.Series, dict[str, NDArray[np.bool_]]]:
    values = np.full((len(series), column.size), np.nan, dtype=np.float32)
    absent, length, unread = (np.zeros(len(series), bool) for _ in range(3))
    for row, text in enumerate(series.to_list()):
        if text is None or is_missing(text):
            absent[row] = True
            continue
        parts = text.split(";")
        if len(parts) != column.size:
            length[row] = True
            continue
        try:
            values[row] = [math.nan if is_missing(part) else float(part) for part in parts]
        except ValueError:
            unread[row] = True
    found = pl.Series(series.name, values, dtype=pl.Array(pl.Float32, column.size))
    found, wrong = _cleaned(_with_nulls(found, absent), column, absent)
    return found, {"not {wanted}": length, "holds text that is no number": unread} | wrong


def _cleaned(
    found: pl.Series, column: Column, absent: NDArray[np.bool_]
) -> tuple[pl.Series, dict[str, NDArray[np.bool_]]]:
    """Codes for missing become NaN; infinite numbers, and pixels that are none, are wrong."""
    values = _matrix(found, column)
    if values.dtype.kind != "f" and not column.missing:
        return found, {}
    values = values.astype(np.float32)
    infinite = np.asarray(np.isinf(values).any(axis=1), dtype=bool)
    no_pixel = np.zeros(len(found), bool)
    if column.kind == "image":
        no_pixel = np.asarray(np.isnan(values).any(axis=1) & ~absent, dtype=bool)
    coded = np.isin(values, np.array([float(code) for code in column.missing], np.float32))
    if coded.any():
        values[coded] = np.nan
        found = _with_nulls(pl.Series(found.name, values, dtype=pl.Array(pl.Float32, column.size)), absent)
    return found, {"holds an infinite number": infinite, "holds pixels that are not numbers": no_pixel}


def _with_nulls(series: pl.Series, absent: NDArray[np.bool_]) -> pl.Series:
    if not absent.any():
        return series
    frame = pl.DataFrame({"values": series, "absent": absent})
    chosen = pl.when(pl.col("absent")).then(None).otherwise(pl.col("values")).alias(series.name)
    return frame.select(chosen).to_series()


def _matrix(series: pl.Series, column: Column) -> Numbers:
    """The numbers [n_rows, size] of a typed column, float32 with NaN for a cell without any."""
    return _numbers(series) if len(series) else np.zeros((0, column.size), np.float32)


def _numbers(series: pl.Series) -> Numbers:
    found: Numbers = series.to_numpy()
    if series.null_count():
        found = found.astype(np.float32)
        found[series.is_null().to_numpy()] = np.nan
    return found


def _is_flat(dtype: pl.DataType) -> bool:
    return bool(cast(pl.List, dtype).inner.is_numeric()) and (not isinstance(dtype, pl.Array) or len(dtype.shape) == 1)


def _range(column: Column) -> tuple[float, float]:
    assert column.minimum is not None and column.maximum is not None  # noqa: S101, PT018  `Column` sees to it
    return column.minimum, column.maximum
