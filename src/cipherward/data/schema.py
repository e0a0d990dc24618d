"""The data dictionary against a table: every problem at once, then the typed columns.

A value counts as missing when it is null, empty, or one of `MISSING` (unless a categorical column declares that text
as a category). Row numbers in problems start at 1 below the header.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.study import Column, Study

MISSING = ("", "?", "NA", "N/A", "null", "NULL")
MAX_LISTED = 3

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Examined:
    """What `examine` found. Without problems: `table` holds exactly the declared columns (Float64 or String, null =
    missing), `outcome` int8[n_rows] of 0/1, `patients` String of n_rows ids."""

    problems: tuple[str, ...]
    table: pl.DataFrame
    outcome: NDArray[np.int8]
    patients: pl.Series


def check_table(
    table: pl.DataFrame, study: Study, hospital_name: str, *, file: str = "", rows: Rows | None = None
) -> list[str]:
    """Every problem of one hospital's table against the study; an empty list means it can be used.

    `rows` int64[n_rows]: the row numbers to report where they differ from 1..n_rows.
    """
    return list(examine(table, study, hospital_name, file=file, rows=rows).problems)


def examine(
    table: pl.DataFrame, study: Study, hospital_name: str, *, file: str = "", rows: Rows | None = None
) -> Examined:
    """Check one hospital's table and convert it; see `Examined`."""
    rows = np.arange(1, table.height + 1) if rows is None else rows
    data = study.data
    extra = [data.patient_column] if data.patient_column else []
    problems, typed = convert_inputs(table, study.columns, rows, also=[data.outcome, *extra])
    outcome = np.zeros(table.height, np.int8)
    patients = pl.Series("patient", rows).cast(pl.String)
    if table.height:
        if data.outcome in table.columns:
            found, outcome = _outcome(table[data.outcome], study, rows)
            problems += found
        if data.patient_column in table.columns:
            patients = as_text(table[data.patient_column]).replace(list(MISSING), [None] * len(MISSING))
            problems += [
                f"{place} has no patient id ({count} such row(s)): rows are split by patient, so give every row an id"
                for place, count in _first(patients.is_null(), rows, data.patient_column)
            ]
    place = f"{hospital_name} ({file})" if file else hospital_name
    return Examined(tuple(f"{place}: {text}" for text in problems), typed, outcome, patients)


def convert_inputs(
    table: pl.DataFrame, columns: Sequence[Column], rows: Rows, *, also: Sequence[str] = ()
) -> tuple[list[str], pl.DataFrame]:
    """Problems of the input columns, and the table of exactly these columns, typed (absent columns all null).

    `also` names further columns (outcome, patient) that must exist.
    """
    problems = [] if table.height else ["the table has no rows"]
    unused = [name for name in table.columns if name not in {*(c.name for c in columns), *also}]
    problems += [_absent(name, unused) for name in (*(c.name for c in columns), *also) if name not in table.columns]
    typed = []
    for column in columns:
        kind = pl.Float64 if column.kind == "numeric" else pl.String
        if column.name not in table.columns:
            typed.append(pl.Series(column.name, [None] * table.height, dtype=kind))
            continue
        convert = _numeric if column.kind == "numeric" else _categorical
        found, series = convert(table[column.name], column, rows)
        problems += found
        typed.append(series.rename(column.name))
    return problems, pl.DataFrame(typed)


def declared_range(column: Column) -> tuple[float, float]:
    """(minimum, maximum) of a numeric column, which `Column` guarantees to be there."""
    return cast(float, column.minimum), cast(float, column.maximum)


def _absent(name: str, unused: Sequence[str]) -> str:
    simple = {text.lower().replace(" ", "_").replace("-", "_"): text for text in unused}
    close = difflib.get_close_matches(name.lower().replace(" ", "_").replace("-", "_"), simple, n=1, cutoff=0.6)
    advice = f"; did you mean {simple[close[0]]!r}? Rename it" if close else "; add it"
    return f"column {name!r} is missing{advice}, or correct the study"


def _first(bad: pl.Series, rows: Rows, name: str) -> list[tuple[str, int]]:
    """Zero or one (place of the first bad row, number of bad rows)."""
    where = np.flatnonzero(bad.fill_null(False).to_numpy())
    return [(f"column {name!r}, row {rows[where[0]]}", len(where))] if len(where) else []


def as_text(series: pl.Series) -> pl.Series:
    """Any simple column as trimmed text; whole floats without ".0"; types that are not values become null."""
    if series.dtype.is_float():
        whole = series.is_null() | (series == series.round(0))
        series = series.cast(pl.Int64, strict=False) if whole.all() else series
    if series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Categorical, pl.Enum, pl.String, pl.Null):
        return series.cast(pl.String).str.strip_chars()
    return pl.Series(series.name, [None] * len(series), dtype=pl.String)


def _is_value(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Categorical, pl.Enum, pl.String, pl.Null)


def _numeric(series: pl.Series, column: Column, rows: Rows) -> tuple[list[str], pl.Series]:
    name = column.name
    if not _is_value(series.dtype):
        return [f"column {name!r} holds {series.dtype}, not numbers; write plain numbers"], _nulls(series, pl.Float64)
    problems: list[str] = []
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        values = series.cast(pl.Float64)
    else:
        text = as_text(series)
        text = text.set(text.is_in(MISSING), None)
        values = text.cast(pl.Float64, strict=False)
        for place, count in _first(text.is_not_null() & values.is_null(), rows, name):
            example = text.filter(text.is_not_null() & values.is_null())[0]
            comma = " (use a decimal point)" if "," in example else ""
            problems.append(
                f"{place}: {example!r} is not a number{comma} ({count} such row(s)); "
                "write a number, or leave the field empty if it is missing"
            )
    for place, count in _first(~values.is_finite(), rows, name):
        problems.append(
            f"{place} is NaN or infinite ({count} such row(s)); leave the field empty if the value is missing"
        )
        values = values.set(~values.is_finite(), None)
    problems += _range_problem(values, column)
    return problems, values


def _range_problem(values: pl.Series, column: Column) -> list[str]:
    """Single values outside the range are clipped; most values outside mean another unit, which clipping would hide."""
    low, high = declared_range(column)
    present = values.drop_nulls()
    outside = int(((present < low) | (present > high)).sum())
    if outside * 2 <= len(present):
        return []
    unit = f" {column.unit}" if column.unit else ""
    return [
        f"column {column.name!r}: {outside} of {len(present)} values lie outside the declared range "
        f"{low:g} to {high:g}{unit} (median {np.median(present.to_numpy()):g}); convert them to the declared unit"
    ]


def _categorical(series: pl.Series, column: Column, rows: Rows) -> tuple[list[str], pl.Series]:
    name = column.name
    if not _is_value(series.dtype):
        return [f"column {name!r} holds {series.dtype}, not categories; write text"], _nulls(series, pl.String)
    known = set(column.categories)
    text = as_text(series)
    text = text.set(text.is_in([token for token in MISSING if token not in known]), None)
    found = text.drop_nulls().unique().to_list()
    # pandas writes whole numbers as 1.0 once a column has a missing value
    renamed = {value: value[:-2] for value in found if value not in known and value.endswith(".0")}
    renamed = {value: short for value, short in renamed.items() if short in known}
    if renamed:
        text = text.replace(list(renamed), list(renamed.values()))
    unknown = sorted(value for value in found if value not in known and value not in renamed)
    if not unknown or "other" in known:
        return [], text
    listed = ", ".join(_suggest(value, column.categories) for value in unknown[:MAX_LISTED])
    more = f" and {len(unknown) - MAX_LISTED} more" if len(unknown) > MAX_LISTED else ""
    return [
        f"{place}: unknown category: {listed}{more} ({count} such row(s)); known: "
        f"{', '.join(column.categories[:12])}{', ...' if len(column.categories) > 12 else ''}"
        for place, count in _first(text.is_in(unknown), rows, name)
    ], text


def _suggest(value: str, known: Sequence[str]) -> str:
    lower = {text.lower(): text for text in known}
    close = difflib.get_close_matches(value.lower(), lower, n=1, cutoff=0.75)
    return f"{value!r} (did you mean {lower[close[0]]!r}?)" if close else repr(value)


def _outcome(series: pl.Series, study: Study, rows: Rows) -> tuple[list[str], NDArray[np.int8]]:
    name, positive = study.data.outcome, study.data.positive
    text = as_text(series)
    if positive == "1":
        # the default outcome is 0/1 and may be written as a Boolean or as 0.0/1.0
        text = text.str.to_lowercase().replace(["true", "false", "1.0", "0.0"], ["1", "0", "1", "0"])
    missing = text.is_null() | text.is_in([token for token in MISSING if token != positive])
    problems = [
        f"{place} has no outcome ({count} such row(s)); leave out rows whose outcome is not known"
        for place, count in _first(missing, rows, name)
    ]
    present = text.set(missing, None)
    if positive == "1":
        odd = present.is_not_null() & ~present.is_in(["0", "1"])
        expected = "outcomes are 0 or 1, or set data.positive in the study"
    else:
        odd = present.is_not_null() & (present != positive) & (present.str.to_lowercase() == positive.lower())
        expected = f"the positive outcome is written {positive!r}"
    for place, count in _first(odd, rows, name):
        problems.append(f"{place}: {present.filter(odd)[0]!r} is not an outcome ({count} such row(s)); {expected}")
    outcome = (text == positive).fill_null(False).to_numpy().astype(np.int8)
    if not study.data.allow_single_class and not problems:
        if not outcome.any():
            values = ", ".join(repr(value) for value in present.drop_nulls().unique().sort().to_list()[:MAX_LISTED])
            problems.append(f"column {name!r} has no positive case: none of its values ({values}) is {positive!r}")
        elif outcome.all():
            problems.append(f"column {name!r} has only positive cases ({positive!r}), nothing to tell them from")
    return problems, outcome


def _nulls(series: pl.Series, dtype: type[pl.DataType]) -> pl.Series:
    return pl.Series(series.name, [None] * len(series), dtype=dtype)
