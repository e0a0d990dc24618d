"""The outcome column: every row is positive or negative, of a listed class or a number in the declared range, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.outcome_forms import read_classes, read_numbers, without_outcome
from cipherward.data.problems import Problem, first_of
from cipherward.data.values import Change, Labels, Rule, as_text, is_value, number_key
from cipherward.study import Data, same_text

_LISTED = 3
_SIDES = 2
_TRUTH = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class Outcomes:
    """`outcome` [n_rows]: int8 of 0/1, int8 places in `data.classes`, or float64 numbers; `negative`: the text of the other side,
    "" when no row has it, it is declared, or there are no two sides."""

    problems: list[Problem]
    outcome: NDArray[Any]
    negative: str
    changes: tuple[Change, ...]


def read_outcome(series: pl.Series, data: Data, rows: NDArray[np.int64]) -> Outcomes:
    """The outcome column in the form that the study declares.

    Of two sides, 0/1: with `positive = "1"` the other side is 0; else what `negative` lists, or the one other value.
    """
    if not is_value(series.dtype):
        said = f"column {data.outcome!r} holds {series.dtype}, not outcomes"
        written = "0 and 1" if data.form == "sides" else "text or plain numbers"
        return Outcomes([Problem(f"{said}; write {written}", said)], np.zeros(len(series), np.int8), "", ())
    if data.form != "sides":
        read_column = read_classes if data.form == "labels" else read_numbers
        troubles, read_as, changed = read_column(series, data, rows)
        return Outcomes(troubles, read_as, "", changed)
    text = as_text(series)
    found: list[str] = sorted(raw for raw in text.unique().to_list() if raw is not None)
    declared = ("0",) if data.positive == "1" else data.negative
    labels = Labels((data.positive, *declared))
    read: dict[str, str | None] = {}
    odd: list[str] = []
    respelled: list[str] = []
    others: dict[str, list[str]] = {}
    for raw in found:
        plain = labels.of_boolean(raw) if series.dtype == pl.Boolean else raw
        if data.positive == "1":
            plain = _TRUTH.get(same_text(raw).lower(), plain)
        reading = labels.read(plain)
        if not reading.trouble:
            read[raw] = reading.value
            if reading.value is not None and reading.value != raw.strip():
                respelled.append(raw)
        elif reading.trouble == "unknown" and not declared and not _resembles(raw, data.positive):
            others.setdefault(number_key(same_text(raw)) or same_text(raw), []).append(raw)
        else:
            odd.append(raw)
    if len(others) == 1:
        ((negative, spellings),) = others.items()
        read |= dict.fromkeys(spellings, negative)
    else:
        negative = ""
        odd += [raw for spellings in others.values() for raw in spellings]
    problems = _problems(text, data, rows, [raw for raw, label in read.items() if label is None], odd)
    positive = text.is_in([raw for raw, label in read.items() if label == data.positive]).fill_null(False)
    outcome = positive.to_numpy().astype(np.int8)
    if not problems and not data.allow_single_class:
        problems += _one_sided(outcome, sorted({label for label in read.values() if label}), data)
    counted = int(text.is_in(respelled).sum()) if respelled and series.dtype == pl.String else 0
    changes = (Change(data.outcome, Rule.NUMBER, counted),) if counted else ()
    return Outcomes(problems, outcome, negative, changes)


def _resembles(raw: str, positive: str) -> bool:
    return same_text(raw).casefold() == same_text(positive).casefold()


def _problems(
    text: pl.Series, data: Data, rows: NDArray[np.int64], missing: list[str], odd: list[str]
) -> list[Problem]:
    without = (
        (text.is_null() | text.is_in(missing).fill_null(False)).to_numpy() if missing else text.is_null().to_numpy()
    )
    problems = without_outcome(data.outcome, without, rows)
    if not odd:
        return problems
    wrong = text.is_in(odd).fill_null(False).to_numpy()
    place = first_of(wrong, rows, data.outcome)
    alike = [raw for raw in odd if _resembles(raw, data.positive)]
    if data.positive == "1":
        several = text.drop_nulls().n_unique() > _SIDES + len(missing)
        other = (
            "; of more than two values, set data.outcome_type (multiclass, ordinal, continuous, counts)"
            if several
            else ""
        )
        advice = f"outcomes are 0 or 1, or set data.positive in the study{other}"
    elif alike or data.negative:
        sides = f"; negative: {', '.join(map(repr, data.negative))}" if data.negative else ""
        advice = f"the positive outcome is written {data.positive!r} (data.positive){sides}"
    else:
        listed = ", ".join(repr(same_text(raw)) for raw in odd[:_LISTED]) + (", ..." if len(odd) > _LISTED else "")
        advice = (
            f"beside the positive {data.positive!r} (data.positive) only one other value can be the negative outcome, and "
            f"these are {len(odd)}: {listed}; leave out rows whose outcome is not known, or list data.negative in the study"
        )
    example = same_text((alike or [text[int(wrong.argmax())]])[0])
    problems.append(
        Problem(
            f"{place}: {example!r} is not an outcome ({wrong.sum()} such row(s)); {advice}",
            f"{place} is not an outcome ({wrong.sum()} such row(s))",
        )
    )
    return problems


def _one_sided(outcome: NDArray[np.int8], values: list[str], data: Data) -> list[Problem]:
    if not outcome.any():
        said = f"column {data.outcome!r} has no positive case"
        listed = ", ".join(map(repr, values[:_LISTED]))
        advice = (
            f"none of its values ({listed}) is {data.positive!r}; correct data.positive if it is written otherwise, or set "
            "data.allow_single_class = true if none of this hospital's rows has the outcome"
        )
        return [Problem(f"{said}: {advice}", said)]
    if outcome.all():
        said = f"column {data.outcome!r} has only positive cases"
        return [
            Problem(
                f"{said} ({data.positive!r}, data.positive), nothing to tell them from; set data.allow_single_class = true if that is so",
                said,
            )
        ]
    return []
