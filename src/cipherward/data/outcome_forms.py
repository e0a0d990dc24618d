"""Outcome columns that are not of two sides: one of the listed classes, or a number in the declared range.

A row without an outcome, or with one that the study does not declare, is refused; nothing is cut to the range.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.advice import number_advice, suggested
from cipherward.data.problems import Problem, first_of
from cipherward.data.values import Change, Labels, Rule, as_text, is_missing
from cipherward.study import Data, same_text

Found = tuple[list[Problem], NDArray[np.generic], tuple[Change, ...]]
"""Problems, the outcomes [n_rows], and what was read as another spelling."""

_LISTED = 3


def read_classes(series: pl.Series, data: Data, rows: NDArray[np.int64]) -> Found:
    """int8[n_rows]: the place of each row's class in `data.classes`."""
    text = as_text(series)
    raws: list[str] = text.drop_nulls().unique().sort().to_list()
    labels = Labels(data.classes)
    read = {raw: labels.read(labels.of_boolean(raw) if series.dtype == pl.Boolean else raw) for raw in raws}
    missing = [raw for raw, reading in read.items() if reading.value is None and not reading.trouble]
    odd = [raw for raw, reading in read.items() if reading.trouble]
    problems = without_outcome(data.outcome, (text.is_null() | text.is_in(missing).fill_null(False)).to_numpy(), rows)
    wrong = text.is_in(odd).fill_null(False).to_numpy()
    if place := first_of(wrong, rows, data.outcome):
        listed = ", ".join(suggested(same_text(raw), data.classes) for raw in odd[:_LISTED])
        more = f" and {len(odd) - _LISTED} more" if len(odd) > _LISTED else ""
        problems.append(
            Problem(
                f"{place}: {listed}{more} is no class of the outcome ({wrong.sum()} such row(s)); data.classes lists "
                f"{', '.join(map(repr, data.classes))}",
                f"{place} is no class of the outcome ({wrong.sum()} such row(s))",
            )
        )
    if problems:
        return problems, np.zeros(len(series), np.int8), ()
    places = {label: place for place, label in enumerate(data.classes)}
    found = text.replace_strict(raws, [places[str(read[raw].value)] for raw in raws], return_dtype=pl.Int8)
    respelled = [raw for raw in raws if read[raw].value != raw.strip()] if series.dtype == pl.String else []
    counted = int(text.is_in(respelled).sum())
    return [], found.to_numpy(), (Change(data.outcome, Rule.NUMBER, counted),) if counted else ()


def read_numbers(series: pl.Series, data: Data, rows: NDArray[np.int64]) -> Found:
    """float64[n_rows], in the column's own unit; whole numbers where the study declares no `outcome_minimum`."""
    text = as_text(series)
    values = text.cast(pl.Float64, strict=False)
    if values.null_count() > text.null_count():
        values = text.str.strip_chars().cast(pl.Float64, strict=False)
    values = values.fill_nan(None)
    unread = (text.is_not_null() & values.is_null()).to_numpy()
    empty = np.array([raw is not None and is_missing(raw) for raw in text.to_list()]) if unread.any() else unread
    problems = without_outcome(data.outcome, text.is_null().to_numpy() | (unread & empty), rows)
    found = values.fill_null(0.0).to_numpy()
    low, high = float(data.outcome_minimum or 0.0), float(data.outcome_maximum or 0.0)
    there = values.is_not_null().to_numpy()
    is_outside, is_whole = (found < low) | (found > high), found == np.rint(found)
    wanted = "declare the range that the outcome can have (data.outcome_minimum, data.outcome_maximum)"
    for wrong, said, advice in (
        (unread & ~empty, "is not a number", "write plain numbers"),
        (there & is_outside, f"lies outside the declared range {low:g} to {high:g}", f"correct it, or {wanted}"),
        (
            there & ~is_outside & ~is_whole & (data.form == "whole"),
            "is no whole number",
            'counts are whole; for measured numbers set data.outcome_type = "continuous"',
        ),
    ):
        if place := first_of(wrong, rows, data.outcome):
            raw = str(text[int(wrong.argmax())])
            hint = number_advice(raw) if said == "is not a number" else ""
            problems.append(
                Problem(
                    f"{place}: {raw!r} {said}{hint} ({wrong.sum()} such row(s)); {advice}",
                    f"{place} {said} ({wrong.sum()} such row(s))",
                )
            )
    return problems, found.astype(np.float64), ()


def without_outcome(name: str, missing: NDArray[np.bool_], rows: NDArray[np.int64]) -> list[Problem]:
    """What is wrong where some rows have no outcome."""
    if not (place := first_of(missing, rows, name)):
        return []
    said = f"{place} has no outcome ({missing.sum()} such row(s))"
    return [Problem(f"{said}; leave out rows whose outcome is not known", said)]
