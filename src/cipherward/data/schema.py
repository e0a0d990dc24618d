"""The data dictionary against a table: every problem at once, then the typed columns and what was changed.

What is read as what stands in `values`. Row numbers in problems start at 1 below the header.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import arrays
from cipherward.data.advice import number_advice, suggested
from cipherward.data.outcomes import read_outcome
from cipherward.data.problems import Problem, first_of
from cipherward.data.values import (
    Change,
    Mark,
    Names,
    Reading,
    Rule,
    as_text,
    is_missing,
    is_value,
    names_of,
    of_column,
)
from cipherward.study import Column, Study, same_text

MAX_LISTED = 3
REPEATED_SHARE = 0.25
"""A value outside the range that occurs twice and makes up this share of those on its side is a code, not a measurement."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Converted:
    """Input columns, typed: `table` holds exactly the declared ones (Float64, String, or Array of images and series; null = missing)."""

    problems: list[Problem]
    table: pl.DataFrame
    marks: list[Mark]

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(mark.change for mark in self.marks)


@dataclass(frozen=True)
class Examined:
    """What `examine` found. Without problems: `table` as in `Converted`, `outcome` [n_rows] as in `Outcomes`, `patients`
    each row's patient id, `negative` the text of the outcome that counts as 0 ("" when there is none)."""

    problems: tuple[Problem, ...]
    table: pl.DataFrame
    outcome: NDArray[Any]
    patients: Names
    negative: str = ""
    changes: tuple[Change, ...] = ()


def check_table(
    table: pl.DataFrame, study: Study, hospital_name: str, *, file: str = "", rows: Rows | None = None
) -> list[Problem]:
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
    table = with_declared_names(table, [*(column.name for column in study.columns), data.outcome, *extra])
    dates = (data.index_date, data.outcome_date, data.date_column, *(column.recorded for column in study.columns))
    other = {data.hospital_column, *dates}
    found = convert(table, study.columns, rows, also=[data.outcome, *extra], may_lack=True, other=other)
    problems, changes = found.problems, found.changes
    outcome: NDArray[Any] = np.zeros(table.height, np.int8)
    negative = ""
    patients = Names(pl.Series(rows).cast(pl.String), np.arange(table.height))
    if table.height:
        if data.outcome in table.columns:
            read = read_outcome(table[data.outcome], data, rows)
            problems, outcome, negative = [*problems, *read.problems], read.outcome, read.negative
            changes = (*changes, *read.changes)
        if data.patient_column in table.columns and not is_value(kind := table.schema[data.patient_column]):
            text = f"column {data.patient_column!r} holds {kind}, not patient ids"
            problems.append(Problem(f"{text}; write text or whole numbers", text))
        elif data.patient_column in table.columns:
            patients = names_of(table[data.patient_column])
            without = patients.codes < 0
            if place := first_of(without, rows, data.patient_column):
                text = f"{place} has no patient id ({without.sum()} such row(s))"
                problems.append(Problem(f"{text}: rows are split by patient, so give every row an id", text))
            rounded = patients.rounded
            if place := first_of(rounded, rows, data.patient_column):
                text = f"{place}: a spreadsheet has cut the digits of this id ({rounded.sum()} such row(s))"
                remedy = "patients may have become one: export the column as text, with every digit"
                problems.append(Problem(f"{text}; {remedy}", text))
    return Examined(
        tuple(problem.at(hospital_name, file) for problem in problems),
        found.table,
        outcome,
        patients,
        negative,
        changes,
    )


def with_declared_names(table: pl.DataFrame, declared: Sequence[str]) -> pl.DataFrame:
    """The table with its columns renamed to the declared names that are the same text."""
    known = {same_text(name): name for name in declared}
    renamed = {name: known[key] for name in table.columns if (key := same_text(name)) in known and known[key] != name}
    free = {old: new for old, new in renamed.items() if new not in table.columns}
    return table.rename(free) if len(set(free.values())) == len(free) else table


def convert_inputs(
    table: pl.DataFrame, columns: Sequence[Column], rows: Rows, *, also: Sequence[str] = ()
) -> tuple[list[Problem], pl.DataFrame]:
    """`convert`'s problems and table."""
    found = convert(table, columns, rows, also=also)
    return found.problems, found.table


def convert(
    table: pl.DataFrame,
    columns: Sequence[Column],
    rows: Rows,
    *,
    also: Sequence[str] = (),
    each_row_alone: bool = False,
    may_lack: bool = False,
    other: Collection[str] = (),
) -> Converted:
    """Check and type the input columns; absent columns are all null.

    Args:
        also: further columns (outcome, patient) that must exist.
        other: columns that the study knows, and that are none of these.
        may_lack: a table without some of the input columns will do, unless another name in it looks like one of them.
        each_row_alone: leave out the checks that look at a column as a whole, so that a row is read alike in any company.
    """
    table = with_declared_names(table, [*(column.name for column in columns), *also])
    problems = [] if table.height else [Problem("the table has no rows", "the table has no rows")]
    unused = [name for name in table.columns if name not in {*(c.name for c in columns), *also, *other}]
    inputs = [column.name for column in columns]
    optional = [column.name for column in columns if not column.required]
    may_lack = may_lack and not set(inputs).isdisjoint(table.columns)
    for name in (*inputs, *also):
        if name not in table.columns and not (may_lack and name in optional and not _close(name, unused)):
            problems.append(_absent(name, unused, table.width))
    typed, marks = [], []
    for column in columns:
        if column.name not in table.columns:
            typed.append(_nulls(column, table.height))
            continue
        convert = _CONVERT[column.kind]
        series, found, marked = convert(table[column.name], column, rows, each_row_alone)
        typed.append(series.rename(column.name))
        problems += found
        marks += marked
    return Converted(problems, pl.DataFrame(typed), marks)


def declared_range(column: Column) -> tuple[float, float]:
    """(minimum, maximum) of a numeric column, which `Column` guarantees to be there."""
    return cast(float, column.minimum), cast(float, column.maximum)


_Found = tuple[pl.Series, list[Problem], list[Mark]]


def _absent(name: str, unused: Sequence[str], width: int) -> Problem:
    said = f"column {name!r} is missing"
    if width == 1 and unused and any(mark in unused[0] for mark in " ^~:!,;|\t"):
        text = (
            f"{said}: the file was read as one column, {unused[0]!r}; separate its fields by a comma and save it again"
        )
        return Problem(text, f"{said}: the file was read as one column")
    if quoted := next((text for text in unused if text.strip("\"' ") == name), ""):
        text = f"{said}: the header line has {quoted!r}"
        return Problem(
            f'{text}; write names and fields without these quotation marks, or with nothing before a "', said
        )
    close = _close(name, unused)
    advice = f"; did you mean {close!r}? Rename it, or map it (mapping file, from)" if close else "; add it"
    return Problem(f"{said}{advice}, or correct the study", said)


def _close(name: str, unused: Sequence[str]) -> str:
    """The one of these names that is most like it, or begins with it; empty where none does."""
    simple = {text.lower().replace(" ", "_").replace("-", "_"): text for text in unused}
    wanted = name.lower().replace(" ", "_").replace("-", "_")
    longer = [text for text in simple if text.startswith(wanted)]
    close = difflib.get_close_matches(wanted, simple, n=1, cutoff=0.6) or longer
    return simple[close[0]] if close else ""


def _marks(column: Column, series: dict[Rule, NDArray[np.bool_]]) -> list[Mark]:
    return [Mark(column.name, rule, rows) for rule, rows in series.items() if rows.any()]


def _numeric(series: pl.Series, column: Column, rows: Rows, each_row_alone: bool) -> _Found:
    name = column.name
    if not is_value(series.dtype):
        said = f"column {name!r} holds {series.dtype}, not numbers"
        return _nulls(column, len(series)), [Problem(f"{said}; write plain numbers", said)], []
    problems: list[Problem] = []
    unread_most = False
    words = np.zeros(len(series), dtype=bool)
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        values = series.cast(pl.Float64)
        words = np.isnan(values.fill_null(0.0).to_numpy())
        values = _without_nan(values)
    else:
        text = as_text(series)
        values = text.cast(pl.Float64, strict=False)
        if values.null_count() > text.null_count():  # with space around, or no numbers
            values = text.str.strip_chars().cast(pl.Float64, strict=False)
        values = _without_nan(values)
        if values.null_count() > text.null_count():
            unread = text.is_not_null() & values.is_null()
            odd = text.filter(unread).unique().to_list()
            missing = [raw for raw in odd if is_missing(raw)]
            bad = [raw for raw in odd if not is_missing(raw)]
            words = (text.is_in(missing) & (text.str.strip_chars() != "")).fill_null(False).to_numpy()
            problems += _not_numbers(text, bad, rows, name)
            unread_most = 2 * int(text.is_in(bad).sum()) > text.count()
    infinite = np.isinf(values.to_numpy())
    if place := first_of(infinite, rows, name):
        said = f"{place} is infinite ({infinite.sum()} such row(s))"
        problems.append(Problem(f"{said}; leave the field empty if the value is missing", said))
        values = values.set(pl.Series(infinite), None)
    coded = np.isin(values.to_numpy(), [float(code) for code in column.missing])
    values = values.set(pl.Series(coded), None) if coded.any() else values
    low, high = declared_range(column)
    outside = (values.to_numpy() < low) | (values.to_numpy() > high)
    if not each_row_alone and outside.any() and not unread_most:
        problems += _range_problems(values.to_numpy(), outside, column, rows)
    return values, problems, _marks(column, {Rule.MISSING_WORD: words, Rule.MISSING_CODE: coded, Rule.CUT: outside})


def _without_nan(values: pl.Series) -> pl.Series:
    return values.fill_nan(None) if np.isnan(values.to_numpy()).sum() > values.null_count() else values


def _not_numbers(text: pl.Series, bad: list[str], rows: Rows, name: str) -> list[Problem]:
    wrong = text.is_in(bad).fill_null(False).to_numpy()
    place = first_of(wrong, rows, name)
    if not place:
        return []
    example = text[int(wrong.argmax())]
    is_word = len(bad) == 1 and not any(character.isdigit() for character in example)
    otherwise = ""
    if is_word:
        code = json.dumps(example, ensure_ascii=False)
        otherwise = f", or declare missing = [{code}] for the column, in the study or a mapping file"
        if wrong.sum() == 1 and wrong[0]:
            otherwise += "; a second line of names or units does not belong below the header: remove it"
    return [
        Problem(
            f"{place}: {example!r} is not a number{number_advice(example)} ({wrong.sum()} such row(s)); "
            f"write a number, or leave the field empty if it is missing{otherwise}",
            f"{place} is not a number ({wrong.sum()} such row(s))",
        )
    ]


def _range_problems(
    values: NDArray[np.float64], outside: NDArray[np.bool_], column: Column, rows: Rows
) -> list[Problem]:
    """Single values outside are cut. One that repeats is a code for missing, most of them another unit."""
    low, high = declared_range(column)
    name, present = column.name, values[~np.isnan(values)]
    unit = f" {column.unit_words}" if column.unit_words else ""
    problems = []
    for side in (values < low, values > high):
        counts = Counter(values[side].tolist())
        for value, count in counts.most_common(MAX_LISTED):
            if count < 2 or count < REPEATED_SHARE * side.sum() or 2 * outside.sum() > len(present) > 2 * count:
                continue
            place = first_of(values == value, rows, name)
            said = f"{place}: a value outside the declared range occurs {count} times"
            problems.append(
                Problem(
                    f"{place}: {value:g} lies outside the declared range {low:g} to {high:g}{unit} and occurs {count} "
                    f'times, as a code for "missing" does; leave these fields empty, declare missing = ["{value:g}"] for '
                    "the column in the study or a mapping file, or widen its range if the values are real",
                    said,
                )
            )
    if outside.sum() * 2 > len(present):
        said = f"column {name!r}: {outside.sum()} of {len(present)} values lie outside the declared range"
        problems.append(
            Problem(
                f"{said} {low:g} to {high:g}{unit} (median {np.median(present):g}); convert them to the declared unit (a mapping file does: unit and to)",
                said,
            )
        )
        return problems[-1:]
    return problems


def _categorical(series: pl.Series, column: Column, rows: Rows, each_row_alone: bool) -> _Found:
    name = column.name
    if not is_value(series.dtype):
        said = f"column {name!r} holds {series.dtype}, not categories"
        return _nulls(column, len(series)), [Problem(f"{said}; write text", said)], []
    labels, text = of_column(column), as_text(series)
    found: list[str] = sorted(raw for raw in text.unique().to_list() if raw is not None)
    plain = {raw: labels.of_boolean(raw) if series.dtype == pl.Boolean else raw for raw in found}
    read: dict[str, Reading] = {raw: labels.read(plain[raw]) for raw in found}
    values = text.replace_strict(
        found, pl.Series([read[raw].value for raw in found], dtype=pl.String), default=None, return_dtype=pl.String
    )
    marked = {
        rule: text.is_in([raw for raw in found if read[raw].rule == rule]).fill_null(False).to_numpy()
        for rule in {reading.rule for reading in read.values() if reading.rule}
    }
    if series.dtype != pl.String:
        marked.pop(Rule.NUMBER, None)  # a typed number is not written in any way
    problems = _unknown(text, read, column, rows)
    respelled = [raw for raw in found if read[raw].rule == Rule.NUMBER]
    unread = [raw for raw in found if read[raw].rule == Rule.UNDECLARED or read[raw].trouble]
    codes = [raw for raw in unread if labels.doubtful(raw)]
    if respelled and codes and not each_row_alone:
        place = first_of(text.is_in(respelled).fill_null(False).to_numpy(), rows, name)
        said = f"{place} may be a code of its own, or a declared number written with decimals"
        problems.append(
            Problem(
                f"{place}: {respelled[0]!r} may be a code of its own or the number {read[respelled[0]].value}, as the "
                f"column also holds codes like {codes[0]!r}; write the declared category, or declare this one",
                said,
            )
        )
    return values, problems, _marks(column, marked)


def _unknown(text: pl.Series, read: dict[str, Reading], column: Column, rows: Rows) -> list[Problem]:
    problems = []
    unknown = [raw for raw, reading in read.items() if reading.trouble == "unknown"]
    if unknown:
        wrong = text.is_in(unknown).fill_null(False).to_numpy()
        place = first_of(wrong, rows, column.name)
        listed = ", ".join(suggested(same_text(raw), column.categories) for raw in unknown[:MAX_LISTED])
        more = f" and {len(unknown) - MAX_LISTED} more" if len(unknown) > MAX_LISTED else ""
        known = f"{', '.join(column.categories[:12])}{', ...' if len(column.categories) > 12 else ''}"
        problems.append(
            Problem(
                f"{place}: unknown category: {listed}{more} ({wrong.sum()} such row(s)); known: {known}; a mapping file can recode it",
                f"{place}: unknown category ({wrong.sum()} such row(s))",
            )
        )
    for raw, reading in read.items():
        if reading.trouble and reading.trouble != "unknown":
            place = first_of((text == raw).fill_null(False).to_numpy(), rows, column.name)
            problems.append(
                Problem(
                    f"{place}: {raw!r} {reading.trouble}; leave the field empty, or write the category as declared",
                    f"{place} may be missing, or a category",
                )
            )
    return problems


def _array(series: pl.Series, column: Column, rows: Rows, each_row_alone: bool) -> _Found:
    values, outside, wrong = arrays.read(series, column)
    problems = [arrays.problem(column.name, rows, these, text) for these, text in wrong]
    if column.kind == "image" and values.null_count() and not problems:
        problems.append(arrays.problem(column.name, rows, values.is_null().to_numpy(), "has no image"))
    if not each_row_alone and not problems and 2 * int(outside.sum()) > len(values) - values.null_count():
        low, high = declared_range(column)
        said = f"column {column.name!r}: {outside.sum()} of {len(values)} rows have values outside the declared range"
        problems.append(Problem(f"{said} {low:g} to {high:g}; convert them to the declared unit", said))
    return values, problems, _marks(column, {Rule.CUT: outside})


def _nulls(column: Column, height: int) -> pl.Series:
    if column.is_array:
        return arrays.nulls(column, height)
    return pl.Series(column.name, [None] * height, dtype=pl.Float64 if column.kind == "numeric" else pl.String)


_CONVERT = {"numeric": _numeric, "categorical": _categorical, "image": _array, "series": _array}
