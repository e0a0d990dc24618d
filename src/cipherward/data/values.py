"""What is read as what: every rule by which a cell becomes a value, in one place (docs/data.md says them in words).

A text is compared under one form (`study.same_text`), a code is its text, and a number is its value however it is written.
Whatever a rule changes is counted under the rule's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.study import Column, same_text
from cipherward.study_sections import number_key as number_key


class Rule(StrEnum):
    """How a value was changed when it was read."""

    MISSING_WORD = "word for missing, read as no value"
    MISSING_CODE = "declared code for missing, read as no value"
    MISSING_IN_FILE = "missing by the file's own definition, read as no value"
    MAPPED_MISSING = "code for missing of the mapping file, read as no value"
    RECODED = "recoded by the mapping file"
    CONVERTED = "converted to another unit by the mapping file"
    DATE = "date in the mapping file's form, read as that day"
    UNIT = "converted from the source's unit to the study's"
    LABEL = "code with a label in the file, read as that label"
    DECIMAL_COMMA = "number with a decimal comma, read as that number"
    THOUSANDS = "number with marks between thousands, read as that number"
    CODE = "declared code of a category, read as that category"
    NUMBER = "number written otherwise, read as the declared one"
    LETTERS = "text in another Unicode form, read as the declared one"
    UNDECLARED = "category not declared, read as other"
    CUT = "outside the declared range, cut to it"


@dataclass(frozen=True)
class Change:
    """How many values of one column one rule has changed."""

    column: str
    rule: Rule
    count: int


@dataclass(frozen=True)
class Mark:
    """Which rows of a column a rule has changed: bool[n_rows]."""

    column: str
    rule: Rule
    rows: NDArray[np.bool_] = field(repr=False)

    @property
    def change(self) -> Change:
        return Change(self.column, self.rule, int(self.rows.sum()))


_WORDS = (
    "? na n/a n.a. n.a #n/a #na <na> nan -nan +nan nat null (null) <null> none nil \\n . .. - -- --- \u2013 \u2014 "
    "#null! #value! #div/0! #num! #ref! #name? 1.#qnan 1.#ind -1.#ind"
)
MISSING = frozenset(["", *_WORDS.split(" ")])
"""Words for "no value", as pandas, R, SAS, SQL and spreadsheets write them; compared without regard to case."""

OTHER = "other"

_FRACTION = re.compile(r"\d+\.\d*[1-9]\d*", re.ASCII)
_LETTER_CODE = re.compile(r"[A-Za-z]+\.?\d[\w.]*", re.ASCII)
_PLAIN_NAME = r"^(?:0|[1-9][0-9]{0,14}|[A-Za-z0-9]*[A-Za-z][A-Za-z0-9-]*)$"  # its own form, if no word for missing
_ROUNDED_NAME = r"^[0-9](?:\.[0-9]+)?[eE]\+[0-9]{2,}$|^[0-9]\.[0-9]+[eE][0-9]{2,}$"  # 1.23457E+17
_SHORT_FLOAT = 2.0**24
"""From here on a float of 32 bits leaves out whole numbers."""
_BOOLEANS = {"true": ("true", "True", "TRUE", "1"), "false": ("false", "False", "FALSE", "0")}


def is_missing(text: str) -> bool:
    """Whether a text is a word for "no value"."""
    return same_text(text).casefold() in MISSING


@dataclass(frozen=True)
class Reading:
    """What a cell's text is read as: `value` (None: no value) by `rule` (None: as it stands), or why it cannot be read."""

    value: str | None
    rule: Rule | None = None
    trouble: str = ""


class Labels:
    """Reads texts against declared labels: a column's categories, or the two sides of an outcome.

    `as_numbers`: numbers are compared by value. That holds where every label, apart from "other" and words for missing,
    is a number: beside a label like E11, 250 is a code, and a code is its text.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        missing: Iterable[str] = (),
        has_other: bool = False,
        codes: Mapping[str, str] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self._exact = {same_text(label): label for label in labels}
        self._folded = {key.casefold(): label for key, label in self._exact.items()}
        self._codes = {same_text(code) for code in missing}
        self._code_numbers = {key for code in self._codes if (key := number_key(code)) is not None}
        numbers = {label: number_key(same_text(label)) for label in labels if label != OTHER and not is_missing(label)}
        self.as_numbers = bool(numbers) and None not in numbers.values()
        self._numbers = {key: label for label, key in numbers.items() if key is not None} if self.as_numbers else {}
        self._has_other = has_other
        self._meant = {same_text(code): label for code, label in (codes or {}).items()}
        self._meant_numbers = {
            key: label for code, label in self._meant.items() if (key := number_key(code)) is not None
        }

    def read(self, raw: str) -> Reading:
        """What one cell's text stands for."""
        text = same_text(raw)
        if (label := self._exact.get(text)) is not None:
            return Reading(label, None if raw.strip() == label else Rule.LETTERS)
        key = number_key(text)
        if text in self._codes or (key is not None and key in self._code_numbers):
            return Reading(None, Rule.MISSING_CODE)
        if (label := self._meant.get(text) or self._meant_numbers.get(key or "")) is not None:
            return Reading(label, Rule.CODE)
        folded = text.casefold()
        if folded in MISSING:
            if folded in self._folded:
                return Reading(None, trouble=f"may be missing, or the category {self._folded[folded]!r}")
            return Reading(None, Rule.MISSING_WORD if text else None)
        if key is not None and key in self._numbers:
            return Reading(self._numbers[key], Rule.NUMBER)
        if self._has_other:
            return Reading(OTHER, Rule.UNDECLARED)
        return Reading(text, trouble="unknown")

    def declares(self, raw: str) -> bool:
        """Whether a text is one of these labels, or a declared code for missing."""
        reading = self.read(raw)
        return not reading.trouble and reading.rule not in (Rule.UNDECLARED, Rule.MISSING_WORD)

    def doubtful(self, raw: str) -> bool:
        """Whether an unread text shows that the column holds codes with decimals or letters: 250.1, V58.1."""
        text = same_text(raw)
        return bool(_FRACTION.fullmatch(text) or _LETTER_CODE.fullmatch(text))

    def of_boolean(self, text: str) -> str:
        """The label that a Boolean column's true or false stands for, else the text itself."""
        return next((label for label in _BOOLEANS[text] if label in self._exact), text)


def of_column(column: Column) -> Labels:
    """The reader of a categorical column."""
    return Labels(
        column.categories, missing=column.missing, has_other=OTHER in column.categories, codes=dict(column.codes)
    )


def is_value(dtype: pl.DataType) -> bool:
    """Whether a column of this type can hold numbers or labels."""
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Categorical, pl.Enum, pl.String, pl.Null)


def as_text(series: pl.Series) -> pl.Series:
    """Any simple column as text, as it stands; whole floats without ".0"; types that are not values become null."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
        whole = series.is_null() | ((series == series.round(0)) & (series.abs() < 2.0**53))
        series = series.cast(pl.Int64) if whole.all() else series
    if is_value(series.dtype):
        return series.cast(pl.String)
    return pl.Series(series.name, [None] * len(series), dtype=pl.String)


@dataclass(frozen=True)
class Names:
    """A column of names. `distinct`: String, sorted; `codes` int64[n_rows]: places in it, -1 where a row has no name."""

    distinct: pl.Series
    codes: NDArray[np.int64]

    @property
    def rounded(self) -> NDArray[np.bool_]:
        """bool[n_rows]: where a name is a number that a spreadsheet, or a float, has left too few digits."""
        return np.append(self.distinct.str.contains(_ROUNDED_NAME).to_numpy(), False)[self.codes]

    @property
    def series(self) -> pl.Series:
        """String of n_rows, null = no name."""
        return self.distinct.gather(pl.Series(self.codes).replace(-1, None))


def names_of(series: pl.Series) -> Names:
    """A column of names (patients, hospitals): one form, words for missing are none, 12.0 the same name as 12."""
    text = as_text(series).rename("")
    if series.dtype == pl.Float32 and (series.abs() >= _SHORT_FLOAT).any():
        cut = pl.Series([None if value is None else f"{value:.7E}" for value in series.to_list()], dtype=pl.String)
        text = pl.select(pl.when((series.abs() >= _SHORT_FLOAT).fill_null(False)).then(cut).otherwise(text)).to_series()
    found = text.drop_nulls().unique().sort()
    odd = found.filter(~found.str.contains(_PLAIN_NAME) | found.str.to_lowercase().is_in(list(MISSING)))
    codes = _places(text, found)
    if not len(odd):
        return Names(found, codes)
    read: list[str | None] = []
    for raw in odd:
        name = same_text(raw)
        read.append(None if name.casefold() in MISSING else number_key(name) or name)
    named = found.replace_strict(odd, pl.Series(read, dtype=pl.String), default=found)
    distinct = named.drop_nulls().unique().sort()
    return Names(distinct, np.append(_places(named, distinct), -1)[codes])


def _places(text: pl.Series, sorted_names: pl.Series) -> NDArray[np.int64]:
    """int64[n]: where each text stands among the names, -1 for null."""
    if not len(sorted_names):
        return np.full(len(text), -1, dtype=np.int64)
    return text.cast(pl.Enum(sorted_names)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
