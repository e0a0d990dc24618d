"""A mapping file's columns, carried out: names, codes for missing, other texts, other units. Every changed value is counted."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import carried_units, units
from cipherward.data.advice import number_advice
from cipherward.data.dates import in_form
from cipherward.data.number_forms import plain_numbers
from cipherward.data.problems import Problem, first_of, problems_of, table_error
from cipherward.data.tables import RawTable
from cipherward.data.values import Change, Rule, as_text, is_missing, is_value, number_key
from cipherward.errors import DataError
from cipherward.study import same_text
from cipherward.study_sections import is_number

if TYPE_CHECKING:
    from cipherward.data.local_mapping import MappedColumn


def mapped(raw: RawTable, columns: Mapping[str, MappedColumn]) -> RawTable:
    """The table under the study's names, with values as the mapping says.

    Raises:
        TableError: a column is not there, a name is taken, a number cannot be read, or units do not convert; every mistake at once.
    """
    known = {same_text(name): name for name in raw.table.columns}
    renamed: dict[str, str] = {}
    problems: list[Problem] = []
    for name, column in columns.items():
        wanted = column.source or name
        if (found := known.get(same_text(wanted))) is None:
            problems.append(_absent(name, wanted, raw.table.columns))
        else:
            renamed[found] = name
    problems += [
        Problem(
            f"column {name!r}: the table has a column of this name already, and the mapping gives it to {source!r}; map that one to "
            "another name, too",
            f"column {name!r}: the mapping gives this name to two columns",
        )
        for source, name in renamed.items()
        if source != name and name in raw.table.columns and name not in renamed
    ]
    beside = {name: known.get(same_text(column.unit_column)) for name, column in columns.items() if column.unit_column}
    problems += [
        _absent(name, columns[name].unit_column, raw.table.columns, "unit_column")
        for name, there in beside.items()
        if there is None
    ]
    if problems:
        raise _error(raw, problems)
    unit_texts = {name: as_text(raw.table[there]) for name, there in beside.items() if there}
    own = {old: (old, *raw.titles.get(old, ())) for old in {*raw.titles, *renamed} if renamed.get(old, old) != old}
    raw = dataclasses.replace(
        raw,
        table=raw.table.rename(renamed),
        labels={renamed.get(name, name): labels for name, labels in raw.labels.items()},
        changes=tuple(dataclasses.replace(each, column=renamed.get(each.column, each.column)) for each in raw.changes),
        carried={renamed.get(name, name): unit for name, unit in raw.carried.items()},
        titles={renamed.get(name, name): titles for name, titles in (dict(raw.titles) | own).items()},
    )
    for name, column in columns.items():
        if column.missing or column.recode:
            raw = _recoded(raw, name, column, problems)
        if column.date:
            raw = _dated(raw, name, column.date, problems)
        raw = carried_units.said(raw, name, column, unit_texts.get(name), problems)
        if column.converts:
            raw = _converted(raw, name, column, problems)
    if problems:
        raise _error(raw, problems)
    return raw


def _error(raw: RawTable, problems: list[Problem]) -> DataError:
    return table_error(
        f"{raw.origin} and its mapping file have {len(problems)} problem(s)", problems, hint="correct the mapping file"
    )


def _absent(name: str, wanted: str, there: list[str], key: str = "from") -> Problem:
    close = difflib.get_close_matches(wanted.lower(), {text.lower(): text for text in there}, n=1, cutoff=0.6)
    advice = next((f"; did you mean {text!r}?" for text in there if close and text.lower() == close[0]), "")
    said = f"column {name!r}: the table has no column {wanted!r} ({key})"
    return Problem(f"{said}{advice}", f"column {name!r}: the table has no such column")


def _with(raw: RawTable, series: pl.Series, counts: Mapping[Rule, int], unit: str = "") -> RawTable:
    changes = tuple(Change(series.name, rule, count) for rule, count in counts.items() if count)
    found = raw.units | {series.name: unit} if unit else raw.units
    return dataclasses.replace(raw, table=raw.table.with_columns(series), changes=(*raw.changes, *changes), units=found)


def _recoded(raw: RawTable, name: str, column: MappedColumn, problems: list[Problem]) -> RawTable:
    series = raw.table[name]
    if not is_value(series.dtype):
        problems.append(
            Problem(
                f"column {name!r} holds {series.dtype}, which cannot be recoded", f"column {name!r} cannot be recoded"
            )
        )
        return raw
    text = as_text(series)
    missing, codes = {*map(_key, column.missing)}, {_key(code): value for code, value in column.recode}
    found: list[str] = text.drop_nulls().unique().sort().to_list()
    named = {each: _named(each, raw.labels.get(name, {}), {*missing, *codes}) for each in found}
    gone = [each for each in found if named[each] in missing]
    other = [each for each in found if named[each] in codes and codes[named[each]] != each]
    counts = {
        Rule.MAPPED_MISSING: int(text.is_in(gone).sum()),
        Rule.RECODED: int(text.is_in(other).sum()),
    }
    read = text.replace([*gone, *other], [*(None for _ in gone), *(codes[named[each]] for each in other)])
    if series.dtype != pl.String and not counts[Rule.RECODED]:
        read = series.set(text.is_in(gone).fill_null(False), None)
    return _with(raw, read, counts)


def _named(text: str, labels: Mapping[str, str], known: Collection[str]) -> str:
    """What the mapping calls a text: as it stands, or by the label that the file gives it."""
    key = _key(text)
    return key if key in known or text not in labels else _key(labels[text])


def _key(text: str) -> str:
    """A number is its value, however it is written."""
    plain = same_text(text)
    return number_key(plain) or plain


def _dated(raw: RawTable, name: str, form: str, problems: list[Problem]) -> RawTable:
    """Texts in the named form as ISO 8601; a column that the file types as dates stays."""
    series = raw.table[name]
    if series.dtype.is_temporal():
        return raw
    read: dict[str, str] = {}
    wrong: list[str] = []
    for text in as_text(series).drop_nulls().unique().sort().to_list():
        if is_missing(text):
            continue
        try:
            found = in_form(text.strip(), form)
        except ValueError:
            wrong.append(text)
            continue
        read[text] = found.at.isoformat(sep=" ") if found.at else found.day.isoformat()
    texts = as_text(series)
    bad = texts.is_in(wrong).fill_null(False).to_numpy()
    if place := first_of(bad, raw.rows, name):
        said = f"{place}: no date in the form {form} ({int(bad.sum())} such row(s))"
        example = texts[int(bad.argmax())]
        problems.append(
            Problem(f"{said}: {example!r}; correct `date` in the mapping file, or list it in missing", said)
        )
        return raw
    changed = texts.is_in([text for text, day in read.items() if text != day]).fill_null(False)
    return _with(raw, texts.replace(read), {Rule.DATE: int(changed.sum())})


def _converted(raw: RawTable, name: str, column: MappedColumn, problems: list[Problem]) -> RawTable:
    try:
        convert = (
            _by_factor(column.factor, column.offset)
            if column.factor is not None
            else units.converter(column.unit, column.to)
        )
    except DataError as error:
        problems += [
            Problem(f"column {name!r}: {text}", f"column {name!r}: units cannot be converted")
            for text in problems_of(error)
        ]
        return raw
    table, marks, doubts = plain_numbers(raw.table, {name}, raw.rows, raw.settings)
    problems += doubts
    series, words = numbers(table[name], raw.rows, problems, is_doubtful=bool(doubts))
    if series is None:
        return raw
    read, changed = carried_units.in_other_unit(series, convert)
    counts = {Rule.MISSING_WORD: words, Rule.CONVERTED: int(changed.sum())} | {
        mark.rule: int(mark.rows.sum()) for mark in marks
    }
    return _with(raw, read, counts, column.to)


def numbers(
    series: pl.Series, rows: NDArray[np.int64], problems: list[Problem], *, is_doubtful: bool
) -> tuple[pl.Series | None, int]:
    """A column of plain numbers as Float64, and how many words for missing it has; None, with a problem, where it holds none."""
    name, words = series.name, 0
    if series.dtype == pl.String:
        text = series.str.strip_chars()
        odd = [each for each in text.drop_nulls().unique().to_list() if not is_number(each)]
        bad = [each for each in odd if not is_missing(each)]
        wrong = text.is_in(bad).fill_null(False).to_numpy()
        if (place := first_of(wrong, rows, name)) and not is_doubtful:
            example, count = text[int(wrong.argmax())], f"({int(wrong.sum())} such row(s))"
            remedy = number_advice(example) or " (list it in the mapping's missing, or recode it)"
            problems.append(
                Problem(
                    f"{place}: {example!r} is no number and cannot be converted {count}{remedy}",
                    f"{place} is no number and cannot be converted {count}",
                )
            )
        words = int((text.is_in(odd) & (text != "")).sum())
    elif not series.dtype.is_numeric():
        problems.append(
            Problem(f"column {name!r} holds {series.dtype}, not numbers", f"column {name!r} holds no numbers")
        )
        return None, 0
    return series.cast(pl.Float64, strict=False).fill_nan(None), words


def _by_factor(factor: float, offset: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda values: values * factor + offset
