"""Units that a source itself says: a FHIR Quantity, a unit concept of OMOP, a mapping file. Values become the study's
unit, counted, or the column is refused by name; two units in one column are never mixed.

A source's unit and its conversion meet where the study is known, after a register has looked at the values as the source
has them: otherwise a study in another unit would take rows for changed ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import units
from cipherward.data.problems import Problem, problems_of
from cipherward.data.tables import RawTable
from cipherward.data.values import Mark, Rule, as_text, is_missing
from cipherward.errors import DataError
from cipherward.study import Column, same_text

if TYPE_CHECKING:
    from cipherward.data.local_mapping import MappedColumn

_DIGITS = 12
"""Significant digits of a converted number: what a conversion's own rounding adds is no part of a value."""


def said(raw: RawTable, name: str, column: MappedColumn, texts: pl.Series | None, problems: list[Problem]) -> RawTable:
    """What a mapping file says of a column's unit, beside what its table says. `texts`: of `unit_column`, one for each
    row."""
    carried = dict(raw.carried)
    before = carried.pop(name, "")
    if texts is not None:
        column_unit = _one(raw, name, texts, column.unit_column, problems)
        carried |= {name: column_unit} if column_unit else {}
        return dataclasses.replace(raw, carried=carried)
    if column.factor is not None:
        return dataclasses.replace(raw, carried=carried)
    if before and column.unit and before != column.unit:
        text = f"column {name!r}: the mapping file says {column.unit!r}, and the table itself says {before!r}"
        problems.append(Problem(f"{text}; correct or remove `unit`", text))
    if not column.to and (unit := column.unit or before):
        carried[name] = unit
    return dataclasses.replace(raw, carried=carried)


def _one(raw: RawTable, name: str, texts: pl.Series, where: str, problems: list[Problem]) -> str:
    """The unit of all rows that have a value; "" where there is none, with a problem where there are several."""
    values = as_text(raw.table[name])
    has_value = [value is not None and not is_missing(value) for value in values.to_list()]
    found: dict[str, list[int]] = {}
    for row, (unit, is_there) in enumerate(zip(texts.to_list(), has_value, strict=True)):
        if is_there:
            found.setdefault("" if unit is None or is_missing(unit) else same_text(unit), []).append(row)
    if len(found) > 1:
        problems.append(
            several(name, ((unit, int(raw.rows[rows[0]]), len(rows)) for unit, rows in found.items()), where)
        )
    return next(iter(found), "")


def several(name: str, found: Iterable[tuple[str, int, int]], where: str) -> Problem:
    """A column in several units: each (unit, first row, rows)."""
    told = list(found)
    listed = ", ".join(
        f"{unit!r} from row {row} on ({n} row(s))" if unit else f"none from row {row} on ({n})" for unit, row, n in told
    )
    fact = f"column {name!r} is in {len(told)} units"
    remedy = "convert them to one in the query or export, or leave the rows of the others out there"
    return Problem(
        f"{fact}, says {where!r}: {listed}; {remedy}",
        f"{fact}, first in row(s) {', '.join(str(row) for _, row, _ in told)}",
    )


def in_declared_units(
    raw: RawTable, columns: Iterable[Column], outcome: str = ""
) -> tuple[RawTable, list[Mark], list[Problem]]:
    """Numeric columns in the study's unit where the source says another; the rows changed, and problems. Numbers stand
    in plain digits already; the study's codes for missing stay codes. `outcome`: a measured one, for which a study has
    no unit."""
    table, marks, problems, notes = raw.table, [], [], []
    declared = {column.name: column for column in columns}
    for name, given in raw.carried.items():
        column = declared.get(name)
        if (column is None and name != outcome) or name not in table.columns:
            continue
        if column is None or column.kind != "numeric" or not column.unit:
            notes.append(f"column {name!r} is in {given!r}, says the source; the study declares no unit for it")
            continue
        if given == column.unit:
            continue
        try:
            convert = _converter(given, column.unit)
        except DataError as error:
            problems += [
                Problem(
                    f"column {name!r}: the source has it in {given!r}, and the study declares {column.unit!r}: {text}",
                    f"column {name!r}: the source's unit cannot become the study's",
                )
                for text in problems_of(error)
            ]
            continue
        series = _numbers(table[name])
        if series is not None:
            read, changed = in_other_unit(series, convert, kept=[float(code) for code in column.missing])
            unread = series.is_null() & table[name].is_not_null()
            if not unread.any():
                table = table.with_columns(read)
            elif changed.any():
                text = pl.select(pl.when(unread).then(table[name].cast(pl.String)).otherwise(read.cast(pl.String)))
                table = table.with_columns(text.to_series().alias(name))
            if changed.any():
                marks.append(Mark(name, Rule.UNIT, changed))
    return dataclasses.replace(raw, table=table, assumed=(*raw.assumed, *notes)), marks, problems


def _converter(given: str, wanted: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return units.converter(units.code_of(given) or given, units.code_of(wanted) or wanted)


def _numbers(series: pl.Series) -> pl.Series | None:
    """Float64 where a number can be read, else null: what is none is refused later, by its row."""
    if series.dtype == pl.String:
        series = series.str.strip_chars()
    elif not series.dtype.is_numeric():
        return None
    return series.cast(pl.Float64, strict=False).fill_nan(None)


def in_other_unit(
    series: pl.Series, convert: Callable[[NDArray[np.float64]], NDArray[np.float64]], kept: Iterable[float] = ()
) -> tuple[pl.Series, NDArray[np.bool_]]:
    """Float64 converted, null where it was; and which rows became other numbers. `kept`: codes that are no
    measurements."""
    values = series.to_numpy()
    rounded = np.array([float(f"{value:.{_DIGITS}g}") for value in convert(values).tolist()], dtype=np.float64)
    found = np.where(np.isin(values, list(kept)), values, rounded)
    changed = np.isfinite(found) & (found != values)
    return pl.Series(series.name, found).fill_nan(None), changed


def undeclared(columns: Iterable[Column]) -> Iterator[str]:
    """Of each column whose unit is no UCUM code: what it is, and what to write.

    Raises:
        DataError: the libraries that know units are not installed.
    """
    for column in columns:
        if column.unit and not units.is_code(column.unit):
            code = units.suggestion(column.unit)
            meant = (
                f"in UCUM it is {code!r}"
                if code
                else "ucum.org lists the codes; things that are counted are '{visits}'"
            )
            yield f"column {column.name!r}: the unit {column.unit!r} is no UCUM code; {meant}"
