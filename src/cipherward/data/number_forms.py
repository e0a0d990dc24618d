"""Numbers as hospitals write them: 1,5 and 1.234,50 and 1'234. A text is read in the one way that it, or its column, allows.

1,234 may be 1.234 or 1234. It is read only where other numbers of the column show what its comma means, or the hospital has said
so ([file] decimal, thousands); otherwise it is refused. So is a column that shows both forms.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.file_settings import FileSettings
from cipherward.data.problems import Problem, first_of
from cipherward.data.values import Mark, Rule, as_text, is_missing
from cipherward.study import same_text
from cipherward.study_sections import is_number

_SPACES = {" ", "\u00a0", "\u202f", "\u2009"}
_QUOTES = {"'", "\u2019"}
_NEUTRAL = {*_SPACES, *_QUOTES}
"""Marks that only ever stand between thousands."""
_GROUPED = re.compile(r"([+-]?)(\d{1,3})((?:([.,'\u2019 \u00a0\u202f\u2009])\d{3})(?:\4\d{3})*)(?:([.,])(\d+))?")
_PLAIN = re.compile(r"([+-]?\d+),(\d+)([eE][+-]?\d+)?")
_HINT = (
    "write numbers with a decimal point and without marks between thousands, or say which is which in a mapping file, such as "
    '[file] decimal = ",", thousands = "."'
)


@dataclass(frozen=True)
class Read:
    """`text`: the number in plain digits; `rule`: what was done to it."""

    text: str
    rule: Rule


def plain_numbers(
    table: pl.DataFrame,
    columns: Collection[str],
    rows: NDArray[np.int64],
    settings: FileSettings,
    *,
    each_row_alone: bool = False,
) -> tuple[pl.DataFrame, list[Mark], list[Problem]]:
    """The table with the numbers of these text columns in plain digits, which rows were changed, and what is in doubt.

    Args:
        each_row_alone: other rows of a column say nothing about one.
    """
    marks: list[Mark] = []
    problems: list[Problem] = []
    changed = []
    for name in table.columns:
        if name not in columns or table.schema[name] != pl.String:
            continue
        series = as_text(table[name])
        if not settings.decimal and not settings.thousands and not _has_other_forms(series):
            continue
        found, doubts = _of_column(series, settings, each_row_alone)
        if said := list(_problems(series, name, rows, doubts)):
            problems += said  # once: what is in doubt is no word for the data dictionary to complain about
            found = {}
            series = series.set(series.is_in([raw for texts, _ in doubts for raw in texts]).fill_null(False), None)
        for rule in dict.fromkeys(read.rule for read in found.values()):
            these = series.is_in([raw for raw, read in found.items() if read.rule == rule])
            marks.append(Mark(name, rule, these.fill_null(False).to_numpy()))
        changed.append(series.replace(list(found), [read.text for read in found.values()]))
    return table.with_columns(changed), marks, problems


def _has_other_forms(series: pl.Series) -> bool:
    """Whether some text is no plain number: cheap for a column of plain ones."""
    return bool(series.str.contains(r"\d[,'\u{2019} \u{a0}\u{202f}\u{2009}]\d|\.\d{3}\.\d{3}").any())


def _of_column(
    series: pl.Series, settings: FileSettings, each_row_alone: bool
) -> tuple[dict[str, Read], list[tuple[list[str], str]]]:
    distinct: list[str] = [raw for raw in series.drop_nulls().unique().sort().to_list() if not is_missing(raw)]
    plain = {raw: same_text(raw) for raw in distinct}
    if settings.decimal or settings.thousands:
        return _as_set(plain, settings)
    if each_row_alone:
        found = {raw: read for raw, text in plain.items() if (read := _alone(text))}
        return found, [([raw for raw, text in plain.items() if _is_doubtful(text)], "may be two numbers")]
    return _as_shown(plain)


def _as_set(plain: dict[str, str], settings: FileSettings) -> tuple[dict[str, Read], list[tuple[list[str], str]]]:
    decimal = settings.decimal or "."
    between = {settings.thousands} if settings.thousands else {"." if decimal == "," else ","}
    found: dict[str, Read] = {}
    wrong = []
    for raw, text in plain.items():
        read = _under(text, decimal, between | _NEUTRAL)
        if read is None and is_number(text) and ("." not in text or decimal == "."):
            continue
        if read is None:
            wrong += (
                [raw]
                if is_number(text) or any(_under(text, mark, {",", "."} - {mark} | _NEUTRAL) for mark in ",.")
                else []
            )
        elif read.text != text:
            found[raw] = read
    return found, [
        (wrong, f"is no number with the decimal sign {decimal!r} and the marks between thousands that were set")
    ]


def _under(text: str, decimal: str, between: set[str]) -> Read | None:
    """The number that this is under one form, or None; plain whole numbers, too."""
    if match := _GROUPED.fullmatch(text):
        sign, first, rest, mark, sep, fraction = match.groups()
        whole = sign + first + re.sub(r"\D", "", rest)
        if mark in between and (sep is None or sep == decimal) and not first.startswith("0"):
            rule = Rule.DECIMAL_COMMA if sep == "," else Rule.THOUSANDS
            return Read(f"{whole}.{fraction}" if fraction else whole, rule)
    if decimal == "," and (match := _PLAIN.fullmatch(text)):
        return Read(f"{match[1]}.{match[2]}{match[3] or ''}", Rule.DECIMAL_COMMA)
    if decimal == "." and is_number(text):
        return Read(text, Rule.NUMBER)
    return None


def _point(text: str) -> Read | None:
    return _under(text, ".", {",", *_NEUTRAL})


def _comma(text: str) -> Read | None:
    return _under(text, ",", {".", *_NEUTRAL})


def _is_doubtful(text: str) -> bool:
    """1,234: a number under both forms, another one under each."""
    one, other = _point(text), _comma(text)
    return "," in text and one is not None and other is not None and one.text != other.text


def _alone(text: str) -> Read | None:
    """The number that this is under one form only (or the same under both), where it is not plain."""
    one, other = _point(text), _comma(text)
    found = one or other
    if found is None or is_number(text) or (one and other and one.text != other.text):
        return None
    return found


def _as_shown(plain: dict[str, str]) -> tuple[dict[str, Read], list[tuple[list[str], str]]]:
    """A column whose own numbers say what its marks mean."""
    shown: dict[str, list[str]] = {
        "decimal comma": [],
        "comma between thousands": [],
        "decimal point": [],
        "point between thousands": [],
    }
    found: dict[str, Read] = {}
    doubtful: list[str] = []
    points: list[str] = []
    for raw, text in plain.items():
        if read := _alone(text):
            found[raw] = read
            mark = re.sub(r"[^.,]", "", text)
            if text.count(",") == 1 and mark[-1:] == ",":
                shown["decimal comma"].append(raw)
            elif "," in mark:
                shown["comma between thousands"].append(raw)
            if "." in mark and (mark[-1] == "," or text.count(".") > 1):
                shown["point between thousands"].append(raw)
            elif "." in mark:
                shown["decimal point"].append(raw)
        elif _is_doubtful(text):
            doubtful.append(raw)
        elif is_number(text) and "." in text:
            (points if _comma(text) else shown["decimal point"]).append(raw)
    clash = [(a, b) for a, b in _CLASHES if shown[a] and shown[b]]
    if clash:
        ((one, other), *_) = clash
        return {}, [
            (shown[one], f"has a {one}, and other numbers of the column a {other}"),
            (shown[other], f"has a {other}, and other numbers of the column a {one}"),
        ]
    doubts = []
    if shown["decimal comma"]:
        found |= {raw: read for raw in doubtful if (read := _comma(plain[raw]))}
    elif shown["comma between thousands"]:
        found |= {raw: read for raw in doubtful if (read := _point(plain[raw]))}
    elif doubtful:
        doubts.append((doubtful, "may have a decimal comma, or a comma between thousands"))
    if shown["point between thousands"]:
        found |= {raw: read for raw in points if (read := _comma(plain[raw]))}
    elif shown["decimal comma"] and points:
        doubts.append(
            (
                points,
                "may have a decimal point, or a point between thousands, as other numbers of the column have a decimal comma",
            )
        )
    return found, doubts


_CLASHES = (
    ("decimal comma", "decimal point"),
    ("decimal comma", "comma between thousands"),
    ("decimal point", "point between thousands"),
    ("comma between thousands", "point between thousands"),
)


def _problems(
    series: pl.Series, name: str, rows: NDArray[np.int64], doubts: Sequence[tuple[list[str], str]]
) -> Iterator[Problem]:
    for texts, said in doubts:
        wrong = series.is_in(texts).fill_null(False).to_numpy()
        if place := first_of(wrong, rows, name):
            count = f"({wrong.sum()} such row(s))"
            example = series[int(wrong.argmax())]
            yield Problem(f"{place}: {example!r} {said} {count}; {_HINT}", f"{place}: a number {said} {count}")
