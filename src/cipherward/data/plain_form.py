"""What a table's own form hides, before the data dictionary is laid against it: numbers written in another way, codes whose labels
the file itself holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from cipherward.data.number_forms import plain_numbers
from cipherward.data.problems import Problem
from cipherward.data.schema import with_declared_names
from cipherward.data.tables import RawTable
from cipherward.data.values import Change, Labels, Mark, Rule, as_text, is_missing, is_value, of_column
from cipherward.study import Column, Data, same_text

_TOTALS = {
    "total",
    "totals",
    "grand total",
    "sum",
    "summe",
    "gesamt",
    "gesamtsumme",
    "somme",
    "totale",
    "totaal",
    "suma",
}


@dataclass(frozen=True)
class Written:
    """A table with declared names, numbers in plain digits, and labels where the study declares labels. `marks`: the rows that this
    has changed; `changes`: these, and what reading the file changed in declared columns."""

    raw: RawTable
    marks: list[Mark]
    problems: list[Problem]
    changes: tuple[Change, ...]


def in_plain_form(
    raw: RawTable, columns: Sequence[Column], data: Data | None = None, *, each_row_alone: bool = False
) -> Written:
    """The table as the data dictionary expects its values to be written; see `Written`.

    Args:
        data: of the study, for its outcome; None: there is none.
        each_row_alone: other rows of a column say nothing about one.
    """
    keys = [name for name in (data.outcome, data.patient_column) if name] if data else []
    table = with_declared_names(raw.table, [*(column.name for column in columns), *keys])
    numbers = {column.name for column in columns if column.kind == "numeric"}
    if data and data.form in ("range", "whole"):
        numbers.add(data.outcome)
    table, marks, problems = plain_numbers(table, numbers, raw.rows, raw.settings, each_row_alone=each_row_alone)
    for name, labels in _declared_labels(columns, data).items():
        if name in table.columns and (own := raw.labels.get(name)) and is_value(table.schema[name]):
            table, found = _with_labels(table, name, labels, own)
            marks += found
    problems += [*_other_units(raw, columns), *_totals(table, raw, data)]
    declared = {*keys, *(column.name for column in columns)}
    changes = [change for change in raw.changes if change.column in declared]
    return Written(dataclasses.replace(raw, table=table), marks, problems, (*changes, *(mark.change for mark in marks)))


def _other_units(raw: RawTable, columns: Sequence[Column]) -> Iterator[Problem]:
    for column in columns:
        to = raw.units.get(column.name, column.unit)
        if to != column.unit:
            said = f"column {column.name!r}: the mapping file converts it to {to!r}, and the study declares {column.unit or 'no unit'!r}"
            yield Problem(f"{said}; correct `to` in the mapping file", said)


def _totals(table: pl.DataFrame, raw: RawTable, data: Data | None) -> list[Problem]:
    """A spreadsheet's last line, which adds up the others and would pass for a patient."""
    name = data.patient_column if data else ""
    if name not in table.columns or not table.height or table.schema[name] != pl.String:
        return []
    last = table[name][-1]
    if last is None or same_text(last).rstrip(": ").casefold() not in _TOTALS:
        return []
    said = f"column {name!r}, row {raw.rows[-1]} is a line of totals and no patient"
    return [Problem(f"{said} ({last!r}); remove it, or say so in a mapping file ([file] skip_last = 1)", said)]


def _declared_labels(columns: Sequence[Column], data: Data | None) -> dict[str, Labels]:
    found = {column.name: of_column(column) for column in columns if column.kind == "categorical"}
    if data and data.form in ("sides", "labels"):
        found[data.outcome] = Labels(data.classes or (data.positive, *data.negative))
    return found


def _with_labels(
    table: pl.DataFrame, name: str, labels: Labels, own: Mapping[str, str]
) -> tuple[pl.DataFrame, list[Mark]]:
    """Codes read as the file's labels for them, where the study declares labels and not these codes."""
    text = as_text(table[name])
    codes = [code for code in text.drop_nulls().unique().sort().to_list() if code in own and not is_missing(code)]
    if all(labels.declares(code) for code in codes) or not any(labels.declares(own[code]) for code in codes):
        return table, []
    read = text.replace(codes, [own[code] for code in codes])
    return table.with_columns(read), [Mark(name, Rule.LABEL, text.is_in(codes).fill_null(False).to_numpy())]
