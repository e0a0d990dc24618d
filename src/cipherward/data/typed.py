"""Columns from values of Python: numbers as numbers, everything else as the text that a CSV export would hold.

`Batches` makes the same columns from rows that come in batches, so that a whole answer is never held as Python's objects.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

_Part = pl.Series | list[Any]
_NUMBERS = {int, float, Decimal, bool}


def column(name: str, values: Sequence[Any]) -> pl.Series:
    """A column of one type: Boolean, whole numbers as text, Float64, lists of numbers (for series), or text."""
    batches = Batches([name])
    batches.add([(value,) for value in values])
    return batches.table()[name]


class Batches:
    """A table that grows by batches of rows, the values of each typed as they come."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.n_rows = 0
        self._parts: list[list[_Part]] = [[] for _ in self.names]

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """The next rows, each with a value for every column."""
        self.n_rows += len(rows)
        for place, parts in enumerate(self._parts):
            parts.append(_typed([row[place] for row in rows]))

    def table(self) -> pl.DataFrame:
        """All rows so far; the batches are given up."""
        columns = []
        for name, parts in zip(self.names, self._parts, strict=True):
            columns.append(_together(parts).rename(name))
            parts.clear()
        return pl.DataFrame(columns)


def _typed(values: list[Any]) -> _Part:
    """One batch, in the narrowest of Null, Boolean, Int64, Float64, List and String that holds it; numbers of several kinds as
    they are, since what they become depends on the other batches."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pl.Series(values, dtype=pl.Null)
    if kinds == {bool}:
        return pl.Series(values, dtype=pl.Boolean)
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pl.Series(values, dtype=pl.Int64)
    if kinds in ({float}, {Decimal}):
        return pl.Series([None if value is None else float(value) for value in values], dtype=pl.Float64)
    if kinds <= _NUMBERS:
        return values
    if kinds == {list}:
        return _lists(values)
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


def _lists(values: list[list[Any] | None]) -> pl.Series:
    kinds = {type(each) for value in values if value is not None for each in value}
    if kinds <= {int, float, Decimal}:
        numbers = [None if value is None else [float(each) for each in value] for value in values]
        return pl.Series(numbers, dtype=pl.List(pl.Float64))
    texts = [None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in values]
    return pl.Series(texts, dtype=pl.String)


def _together(parts: list[_Part]) -> pl.Series:
    kinds = {kind for part in parts for kind in _kinds(part)}
    if not kinds:
        return pl.Series([None] * sum(map(len, parts)), dtype=pl.Null)
    if kinds == {pl.Boolean()}:
        wanted: pl.DataType = pl.Boolean()
    elif kinds <= {pl.Boolean(), pl.Int64()}:
        return pl.concat([_whole(part) for part in parts])
    elif kinds <= {pl.Boolean(), pl.Int64(), pl.Float64()}:
        wanted = pl.Float64()
    else:
        wanted = next(iter(kinds)) if len(kinds) == 1 else pl.String()
    return pl.concat([_as(part, wanted) for part in parts])


def _kinds(part: _Part) -> set[pl.DataType]:
    if isinstance(part, pl.Series):
        return {part.dtype} - {pl.Null()}
    has_fraction = any(isinstance(value, float | Decimal) for value in part)
    return {pl.Float64() if has_fraction else pl.Int64()}


def _whole(part: _Part) -> pl.Series:
    """Whole numbers as text: they may be codes, and longer than 64 bits."""
    if isinstance(part, pl.Series):
        return part.cast(pl.Int64).cast(pl.String)
    return pl.Series([None if value is None else str(int(value)) for value in part], dtype=pl.String)


def _as(part: _Part, wanted: pl.DataType) -> pl.Series:
    if isinstance(part, pl.Series) and (part.dtype in (wanted, pl.Null()) or wanted != pl.String()):
        return part.cast(wanted)
    if wanted == pl.Float64():
        return pl.Series([None if value is None else float(value) for value in part], dtype=wanted)
    return pl.Series([None if value is None else str(value) for value in part], dtype=pl.String)
