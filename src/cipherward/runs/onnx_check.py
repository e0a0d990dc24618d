"""An exported model beside `predict`, on rows made for it: every category, spelling and code, both ends of every range and all cut
points of bins, missing values, and values beyond. onnxruntime is in the extra "onnx" and imported when a model is checked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import graphs
from cipherward.data.schema import declared_range
from cipherward.data.values import OTHER, of_column
from cipherward.study import Column

_ROWS = 2048
"""At least; half of a column's values are special ones, each at least once."""
_FEWEST, _MOST_CELLS = 8, 1 << 20
"""Rows with images or series, and numbers in all of them."""
_SEED = 0x6F6E6E78
_BEYOND = 0.1
"""Of a range, how far values lie outside it."""
_MISSING = 0.1
"""Of a column, how many of its values are missing."""


def rows(columns: Sequence[Column], number: str = "float64") -> pl.DataFrame:
    """A raw table for `predict`, Float64 and String columns with nulls, none of them refused; numbers as `number` holds them."""
    source = np.random.default_rng(_SEED)
    plain = [each for each in columns if not each.is_array]
    specials = {each.name: [*(_special(each) if each.kind == "numeric" else _texts(each))] for each in plain}
    n = max(_ROWS, 3 * max(map(len, specials.values()), default=0))
    cells = sum(each.size for each in columns if each.is_array)
    n = min(n, max(_FEWEST, _MOST_CELLS // cells)) if cells else n
    found: dict[str, pl.Series] = {}
    for column in columns:
        if column.is_array:
            found[column.name] = _arrays(column, n, source)
            continue
        special, usual = specials[column.name], list[Any]()
        if column.kind == "numeric":
            low, high = declared_range(column)
            width = (high - low) * _BEYOND
            usual = source.uniform(low - width, high + width, n).tolist()
            codes = {float(code) for code in column.missing}
            if number == "float32":
                usual = np.array(usual, np.float32).tolist()
                special = [each if each in codes else float(np.float32(each)) for each in special]
        else:
            usual = [column.categories[place] for place in source.integers(0, len(column.categories), n)]
        places = source.permutation(n)
        for place, value in zip(places, itertools.islice(itertools.cycle(special), n // 2), strict=False):
            usual[place] = value
        absent = source.random(n) < _MISSING
        values = [None if gone else value for gone, value in zip(absent, usual, strict=True)]
        found[column.name] = pl.Series(values, dtype=pl.Float64 if column.kind == "numeric" else pl.String)
    return pl.DataFrame(found)


def run(model: bytes, table: pl.DataFrame) -> NDArray[np.float64]:
    """What an ONNX model gives for a raw table, float64[n, width]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found = session.run(None, _fed(table, {each.name: each.type for each in session.get_inputs()}))[0]
    return np.asarray(found, dtype=np.float64)


def difference(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """The largest between two tables of predictions; infinite where one has no number."""
    apart = np.abs(found - wanted.reshape(found.shape))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))


def _fed(table: pl.DataFrame, types: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    fed: dict[str, NDArray[Any]] = {}
    for name, kind in types.items():
        series = table[name]
        if isinstance(series.dtype, pl.Array):
            fed[name] = series.to_numpy().astype(np.float32)
        elif kind == "tensor(string)":
            fed[name] = np.array(series.fill_null("").to_list(), dtype=object)[:, None]
        else:
            dtype = np.float32 if kind == "tensor(float)" else np.float64
            fed[name] = series.fill_null(float("nan")).to_numpy().astype(dtype)[:, None]
    return fed


def _arrays(column: Column, n: int, source: np.random.Generator) -> pl.Series:
    """Images or series, Array of Float32; of series some without any value."""
    low, high = declared_range(column)
    width = (high - low) * _BEYOND
    # Rows of different height: what is the same in all of them would be averaged away.
    centre, half = source.uniform(low, high, (n, 1)), source.uniform(0.0, (high - low) / 2.0, (n, 1))
    values = np.clip(source.uniform(centre - half, centre + half, (n, column.size)), low - width, high + width)
    if column.kind == "series":
        for code in column.missing:
            values[source.random(values.shape) < _MISSING] = float(code)
        values[source.random(values.shape) < _MISSING] = np.nan
        values[:: n // 4] = np.nan
    return pl.Series(column.name, values.astype(np.float32), dtype=pl.Array(pl.Float32, column.size))


def _special(column: Column) -> Iterator[float]:
    low, high = declared_range(column)
    yield from (low, high, 0.0, *(float(code) for code in column.missing))
    for cut in graphs.cuts(column).tolist():
        yield from (cut, float(np.nextafter(cut, low)))


def _texts(column: Column) -> Iterator[str]:
    labels = of_column(column)
    for text, place in graphs.spellings(column).items():
        if place <= len(column.categories) and not labels.read(text).trouble:
            yield text
    if OTHER in column.categories:
        yield "declared nowhere"
