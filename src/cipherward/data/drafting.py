"""A first study from a hospital's table: a guess at every column, for people to correct.

The draft may be passed on, so no cell stands in it but categories that enough patients (or rows, where there is no patient column)
have. Bounds of numbers are rounded, and come from values that as many rows lie beyond.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.advice import has_unit
from cipherward.data.number_forms import plain_numbers
from cipherward.data.tables import RawTable
from cipherward.data.tails import is_for_logarithm
from cipherward.data.values import OTHER, as_text, is_missing, is_value, number_key
from cipherward.errors import DataError
from cipherward.study import same_text
from cipherward.study_sections import is_number

LEAST = 10
"""Patients (or rows) that have a category, or lie beyond a bound, at least."""
_MOST_CATEGORIES = 60
_MOST_CLASSES = 10
_FEW_VALUES = 5  # numbers with no more different values than this, all whole, are codes
_MOSTLY = 0.9
_PATIENT = re.compile(
    r"^(patient|patienten|pat|subject|person|mrn|pid|ipp|case|encounter_patient)([_\s-]?(id|nr|nbr|no|number|nummer|key|hash))?$"
    r"|^(id|nr|no|numer|num[ée]ro)[_\s-](patient|pacjenta)$",
    re.IGNORECASE,
)
_OUTCOME = re.compile(r"readm|outcome|died|death|dead|mortal|event|target|label|^y$", re.IGNORECASE)
_ID = re.compile(
    r"(^|[_\s-])(id|nr|nbr|no|number|mrn|key|uid|uuid|name|phone|email|address|zip|postcode)($|[_\s-])", re.IGNORECASE
)
_DATE = re.compile(r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ].*)?$")
_CODED_NAME = re.compile(r"(^|[_\s-])(id|code|type|class|category|group)$", re.IGNORECASE)
_LETTER_CODE = re.compile(r"[A-Za-z]+\.?\d")
_CODES = (-9.0, -99.0, -999.0, -9999.0, -1.0, 99.0, 999.0, 9999.0, 99999.0, 888.0, 777.0)
_YES = ("1", "yes", "true", "y", "ja", "oui", "si", "dead", "died", "positive")


@dataclass(frozen=True)
class Draft:
    """`document`: the study, as TOML will hold it; `said`: one line for each column, and what was left out; `counts`: of values, for
    the hospital's own people only."""

    document: dict[str, Any]
    said: tuple[str, ...]
    counts: tuple[str, ...]

    def to_toml(self) -> str:
        """The study file, with what was guessed as comments in front."""
        import tomli_w

        notes = "".join(f"# {' '.join(line.split())}\n" for line in self.said)
        head = (
            "# A draft from one hospital's table: every line is a guess. Correct names, ranges, units (UCUM codes), categories and descriptions\n"
            "# with the people who know them, add [[hospitals]], and see docs/study.md for what else a study can say. What was guessed:\n"
        )
        return f"{head}{notes}\n{tomli_w.dumps(self.document)}"


def draft(raw: RawTable, *, outcome: str = "", patient: str = "", least: int = LEAST, name: str = "draft") -> Draft:
    """Guess a data dictionary.

    Args:
        outcome, patient: the columns with these roles; "": guessed from names and values.

    Raises:
        DataError: no such column, no rows, or no column that looks like an outcome.
    """
    table = _with_labels(raw)
    if not table.height:
        raise DataError(f"{raw.origin} has no rows", hint="give a table with rows")
    for role, given in (("outcome", outcome), ("patient", patient)):
        if given and given not in table.columns:
            raise DataError(
                f"{raw.origin} has no column {given!r} (--{role})", hint=f"columns: {', '.join(table.columns[:40])}"
            )
    patient = patient or next((each for each in table.columns if _PATIENT.match(each) and _is_filled(table[each])), "")
    clusters = _clusters(table, patient)
    outcome = outcome or _guessed_outcome(table, patient)
    if not outcome:
        two = [each for each in table.columns if each != patient and len(_labels(table[each])) == 2]
        hint = f"name it with --outcome; columns with two values: {', '.join(two) or 'none'}"
        raise DataError(f"{raw.origin}: no column looks like an outcome by its name", hint=hint)
    data: dict[str, Any] = {"source": "files", "outcome": outcome}
    said = [
        f"patient column: {patient!r}"
        if patient
        else "no patient column found: each row counts as a patient of its own"
    ]
    numbers, marks, _ = plain_numbers(table, {*table.columns}, raw.rows, raw.settings)
    said.append(_outcome(numbers[outcome], outcome, clusters, least, data))
    if patient:
        data["patient_column"] = patient
    columns = []
    for each in table.columns:
        if each in (outcome, patient):
            continue
        entry, words = _column(each, numbers[each], clusters, least)
        said.append(words)
        if entry:
            columns.append(entry)
    kept = {entry["name"] for entry in columns} | {outcome}
    counts = [
        f"column {mark.column!r}: {int(mark.rows.sum()):,} value(s): {mark.rule}"
        for mark in marks
        if mark.column in kept
    ]
    if not columns:
        raise DataError(f"{raw.origin}: no column can be an input", hint="; ".join(said[2:8]))
    return Draft({"name": name, "data": data, "columns": columns}, tuple(said), tuple(counts))


def _with_labels(raw: RawTable) -> pl.DataFrame:
    """The table with the labels that the file itself gives its codes, in columns whose every code has one."""
    changed = []
    for name, labels in raw.labels.items():
        if name in raw.table.columns and is_value(raw.table.schema[name]):
            text = as_text(raw.table[name])
            if {*text.drop_nulls().unique().to_list()} <= {*labels}:
                changed.append(text.replace([*labels], [*labels.values()]))
    return raw.table.with_columns(changed)


def _is_filled(series: pl.Series) -> bool:
    return is_value(series.dtype) and series.null_count() == 0


def _clusters(table: pl.DataFrame, patient: str) -> NDArray[np.int64]:
    """int64[n_rows]: whose row each is."""
    if not patient:
        return np.arange(table.height)
    return as_text(table[patient]).fill_null("").rank("dense").cast(pl.Int64).to_numpy()


def _text(series: pl.Series) -> pl.Series:
    """A column as text without words for missing, in one form."""
    if not is_value(series.dtype):
        return pl.Series(series.name, [None] * len(series), dtype=pl.String)
    text = as_text(series)
    found: list[str] = text.drop_nulls().unique().to_list()
    read = [None if is_missing(raw) else number_key(same_text(raw)) or same_text(raw) for raw in found]
    return text.replace_strict(found, pl.Series(read, dtype=pl.String), default=None, return_dtype=pl.String)


def _labels(series: pl.Series) -> list[str]:
    return sorted(_text(series).drop_nulls().unique().to_list())


def _guessed_outcome(table: pl.DataFrame, patient: str) -> str:
    named = [each for each in table.columns if each != patient and _OUTCOME.search(each)]
    two = [each for each in named if len(_labels(table[each])) == 2]
    return two[0] if two else ""


def _often(text: pl.Series, clusters: NDArray[np.int64], least: int) -> tuple[list[str], int]:
    """The labels that at least `least` patients have, the most frequent first; and how many others there are."""
    counts = (
        pl.DataFrame({"label": text, "patient": clusters})
        .drop_nulls()
        .unique()
        .group_by("label")
        .len()
        .sort(["len", "label"], descending=[True, False])
    )
    often = counts.filter(pl.col("len") >= least)["label"].to_list()
    return often, counts.height - len(often)


def _outcome(series: pl.Series, name: str, clusters: NDArray[np.int64], least: int, data: dict[str, Any]) -> str:
    text = _text(series)
    labels = sorted(text.drop_nulls().unique().to_list())
    often, _ = _often(text, clusters, least)
    numbers = pl.Series(labels).cast(pl.Float64, strict=False)
    are_many, are_named = len(labels) > _MOST_CLASSES, set(often) == set(labels)
    if len(labels) > 2 and not numbers.null_count() and (are_many or not are_named):
        values = np.sort(text.drop_nulls().cast(pl.Float64).to_numpy())
        if len(values) < 2 * least:
            raise DataError(
                f"column {name!r} has a number in {len(values)} rows: too few to guess its range without naming any of them",
                hint="write the study by hand (docs/study.md, types of outcome)",
            )
        low, high = nice_range(float(values[least - 1]), float(values[-least]), is_positive=bool(values[0] >= 0))
        if values[least - 1] == 0.0 and _are_codes(numbers):
            data |= {"outcome_type": "counts", "outcome_maximum": high}
            return (
                f"outcome: {name!r}, counted, at most {high:.12g}: a number beyond that is refused, so set the maximum"
            )
        if are_many:
            data |= {"outcome_type": "continuous", "outcome_minimum": low, "outcome_maximum": high}
            return f"outcome: {name!r}, measured, {low:.12g} to {high:.12g}: a number beyond that is refused, so set the range"
    if len(labels) > 2 and are_named and not are_many:
        data |= {"outcome_type": "multiclass", "classes": labels}
        grades = 'if they are grades, set outcome_type = "ordinal", and data.classes in their order'
        return f"outcome: {name!r}, one of {len(labels)} classes; {grades}{_unnamed(series, labels)}"
    if len(labels) > 2:
        raise DataError(
            f"column {name!r} has {len(labels)} values, some of fewer than {least} patients: no type of outcome can be guessed",
            hint="name another column with --outcome, or write the study by hand (docs/study.md, types of outcome)",
        )
    folded = {label.casefold(): label for label in labels}
    positive = next((folded[word] for word in _YES if word in folded), labels[-1] if labels else "1")
    if {*labels} <= {"0", "1"} or {*folded} <= {"true", "false"}:
        return f"outcome: {name!r}, positive where it is 1 or true"
    if positive not in often:
        data["positive"] = "1"
        return f"outcome: {name!r}; fewer than {least} patients have a value of it, so none is named: set data.positive"
    data["positive"] = positive
    return f"outcome: {name!r}, positive where it is {positive!r}: correct data.positive if it is the other value"


def _unnamed(series: pl.Series, labels: list[str]) -> str:
    """Of "none", which is a grade in some tables and no value in others."""
    has_none = bool((as_text(series).str.strip_chars().str.to_lowercase() == "none").any())
    return (
        "; 'none' was read as no value: list it in data.classes if it is one"
        if has_none and "none" not in labels
        else ""
    )


def _column(name: str, series: pl.Series, clusters: NDArray[np.int64], least: int) -> tuple[dict[str, Any] | None, str]:
    place = f"column {name!r}"
    if series.dtype in (pl.Date, pl.Datetime, pl.Time, pl.Duration):
        return None, f"{place}: left out, a date or time: make a number of it, such as days from the index date"
    if not is_value(series.dtype):
        return None, f"{place}: left out, as it holds {series.dtype}"
    text = _text(series)
    there = text.drop_nulls()
    if not len(there):
        return None, f"{place}: left out, as it has no value in any row"
    n_different = there.n_unique()
    if n_different == 1:
        return None, f"{place}: left out, as it has the same value in every row"
    numbers = there.cast(pl.Float64, strict=False)
    numeric = (len(numbers) - numbers.null_count()) / len(numbers)
    are_codes = _are_codes(numbers) and (
        n_different <= _FEW_VALUES or (n_different <= _MOST_CATEGORIES and bool(_CODED_NAME.search(name)))
    )
    are_codes = are_codes or bool(there.filter(numbers.is_null()).str.contains(_LETTER_CODE.pattern).any())
    if series.dtype != pl.Boolean and numeric >= _MOSTLY and not are_codes:
        if _looks_like_id(name, there, n_different):
            return None, f"{place}: left out, as it looks like an id or a row number"
        return _numeric(name, numbers.drop_nulls().to_numpy(), int(numbers.null_count()), least)
    if int(there.str.contains(_DATE.pattern).sum()) >= _MOSTLY * len(there):
        return None, f"{place}: left out, a date: make a number of it, such as days from the index date"
    units = sum(has_unit(each) for each in there.unique().to_list())
    if units >= _MOSTLY * n_different and n_different > _FEW_VALUES:
        return None, f"{place}: left out, as it holds numbers with their unit: export the column as the number alone"
    often, n_rare = _often(text, clusters, least)
    if _looks_like_id(name, there, n_different) or len(often) > _MOST_CATEGORIES or n_rare > max(len(often) * 10, 200):
        return None, f"{place}: left out, as {n_different:,} different texts look like ids or free text"
    if len(often) < 2:
        return None, f"{place}: left out, as fewer than two of its values are those of at least {least} patients"
    entry: dict[str, Any] = {"name": name, "kind": "categorical", "categories": sorted(c for c in often if c != OTHER)}
    if n_rare or OTHER in often:
        entry["categories"].append(OTHER)
    rare = f"; {n_rare} more, of fewer than {least} patients each, read as {OTHER!r}" if n_rare else ""
    return entry, f"{place}: categorical, {len(often)} categories{rare}"


def _are_codes(numbers: pl.Series) -> bool:
    present = numbers.drop_nulls()
    return bool((present == present.round(0)).all() and (present >= 0).all())


def _looks_like_id(name: str, there: pl.Series, n_different: int) -> bool:
    return (
        n_different == len(there) and len(there) >= 2 * LEAST and bool(_ID.search(name) or not is_number(there[0]))
    ) or (n_different > 0.5 * len(there) and bool(_ID.search(name)))


def _numeric(name: str, values: NDArray[np.float64], n_words: int, least: int) -> tuple[dict[str, Any] | None, str]:
    place = f"column {name!r}"
    codes = [code for code in _CODES if _is_code_for_missing(values, code, least)]
    real = np.sort(values[~np.isin(values, codes) & np.isfinite(values)])
    if len(real) < 2 * least:
        return None, f"{place}: left out, as fewer than {2 * least} rows have a number"
    low, high = nice_range(float(real[least - 1]), float(real[-least]), is_positive=bool(real[0] >= 0))
    entry: dict[str, Any] = {"name": name, "kind": "numeric", "minimum": low, "maximum": high}
    words = f"{place}: numeric, range {low:.12g} to {high:.12g} (a guess: values beyond it are cut)"
    if low >= 0.0 and is_for_logarithm(np.clip(real, low, high)):
        entry["transform"] = "log1p"
        words += ", by its logarithm, as a few values lie far above the rest"
    if codes:
        entry["missing"] = [f"{code:g}" for code in codes]
        words += f", and {', '.join(entry['missing'])} taken for missing"
    if n_words:
        words += "; some values are no numbers: see cipherward data check"
    return entry, words


def _is_code_for_missing(values: NDArray[np.float64], code: float, least: int) -> bool:
    """Whether a usual code occurs often enough to be named, far from everything else."""
    rest = np.sort(values[values != code])
    if int((values == code).sum()) < least or len(rest) < 2 * least:
        return False
    low, high = float(rest[least - 1]), float(rest[-least])
    if code < 0:
        return bool(rest[0] >= 0) or code < low - 0.25 * (high - low)
    return code > high + 0.5 * (high - low)


def nice_range(low: float, high: float, *, is_positive: bool) -> tuple[float, float]:
    """A range around these two, wider by their distance on each side, between round numbers; where no value is below 0 it is not
    either, and begins there unless that would more than double it."""
    width = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(width))
    bottom = math.floor((low - width) / step) * step
    top = math.ceil((high + width) / step) * step
    if is_positive and (bottom < 0 or bottom < top - bottom):
        bottom = 0.0
    digits = max(0, -math.floor(math.log10(step)))
    return round(bottom, digits), round(top, digits)
