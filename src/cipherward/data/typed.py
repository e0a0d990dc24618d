"""Columns from values of Python: numbers as numbers, everything else as the text that a CSV export would hold."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import polars as pl


def column(name: str, values: list[Any]) -> pl.Series:
    """A column of one type: Boolean, whole numbers as text, Float64, lists of numbers (for series), or text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pl.Series(name, values, dtype=pl.Boolean if kinds else pl.Null)
    if kinds <= {int, bool}:
        return pl.Series(name, [None if value is None else str(int(value)) for value in values], dtype=pl.String)
    if kinds <= {int, float, Decimal, bool}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    if kinds <= {list}:
        return _lists(name, values)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _lists(name: str, values: list[list[Any] | None]) -> pl.Series:
    kinds = {type(each) for value in values if value is not None for each in value}
    if kinds <= {int, float, Decimal}:
        numbers = [None if value is None else [float(each) for each in value] for value in values]
        return pl.Series(name, numbers, dtype=pl.List(pl.Float64))
    texts = [None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in values]
    return pl.Series(name, texts, dtype=pl.String)
