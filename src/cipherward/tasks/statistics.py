"""The question every model begins with: training rows, and the sums that mean and standard deviation follow from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess, rare_categories, robust_constants
from cipherward.data.noisy_constants import fit_noisy
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.robust_constants import BINS
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcomes import outcome_of
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.study import Column, Study
from cipherward.tasks import cells, class_weights, moves
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.noise import noise_of
from cipherward.tasks.row_groups import by_outcome
from cipherward.tasks.task import Question, Sums, Values, canonical, limbs_for

CELL_MIN = 10
"""Rows of a hospital that its counts need, where a study says nothing else."""

_ONE_IN_TWENTY = 1.645
"""Standard deviations that Gaussian noise exceeds in one of twenty draws."""

BEARABLE = 25.0
"""With fewer rows than so many standard deviations of the noise on their count, a model suffers (docs/privacy.md)."""

TITLE = "Before training: statistics that scale the model's inputs"

MEANING = {
    "rows": "how many training rows there are, and how many have the outcome",
    "present": "for each column of numbers: how many training rows have a value",
    "sum": "for each column of numbers: the sum of its values (scaled to 0..1, training rows); of an image or a series their mean",
    "square": "for each column of numbers: the sum of its squared values (likewise)",
    "sum_fine": "for each column of numbers: further digits of its sum",
    "histogram": "for each column of numbers: how many training rows by value, in 256 equal bins of the declared range; the median and the spread "
    "follow from them",
    "categories": "for each categorical column: how many training rows have each category; those that few have are merged",
    "square_fine": "for each column of numbers: further digits of the sum of its squares",
}


_OF_CLASSES = {"rows": "how many training rows there are, and how many are of each class but the first"}
_OF_NUMBER = {
    "rows": "how many training rows there are",
    "present": f"{MEANING['present']}; last, how many have an outcome",
    **{name: f"{MEANING[name]}; last, of the outcome" for name in ("sum", "square", "sum_fine", "square_fine")},
}


def meaning(outcome: Outcome) -> dict[str, str]:
    """What the numbers of the statistics are."""
    if not outcome.classes:
        return MEANING | _OF_NUMBER
    return MEANING if outcome.form == "sides" else MEANING | _OF_CLASSES


_WHERE_SAID = ("outcome_type", "classes", "outcome_minimum", "outcome_maximum", "date_column", "test_from")


def shared_parameters(study: Study) -> dict[str, object]:
    """What every question about a study's rows names: columns, outcome, and how rows are split."""
    document = study.model_dump(mode="json")
    data = document["data"]
    return {
        "columns": document["columns"],
        "outcome": data["outcome"],
        "split": [data[key] for key in ("split_salt", "test_fraction", "validation_fraction", "positive")],
    } | {key: data[key] for key in _WHERE_SAID if key in data}


def question(study: Study) -> Question:
    """Ask for the statistics of a study's columns."""
    bits = study.bits
    limbs = limbs_for(48, bits)
    n_numeric = _n_numeric(study)
    outcome = outcome_of(study.data)
    n_counts = 1 + len(outcome.classes[1:])
    parts = [CountSegment("rows", n_counts, limbs)]
    if n_numeric and study.training.is_robust:
        parts += [CountSegment("present", n_numeric, limbs), CountSegment("histogram", n_numeric * BINS, limbs)]
    elif n_numeric:
        parts += [CountSegment(name, n_numeric, limbs) for name in _totals(study)]
    n_categorical, n_cells = len(study.columns) - _n_numeric(study, ()), rare_categories.n_cells(study.columns)
    if n_cells:
        parts.append(CountSegment("categories", n_cells, limbs))
    asked = canonical(shared_parameters(study) | ({"scale": study.training.scale} if study.training.is_robust else {}))
    moved = moves.of_statistics(n_numeric, n_categorical, n_cells, n_counts, BINS if study.training.is_robust else 0)
    layout = Layout(tuple(parts), bits)
    about = by_outcome(outcome, TRAIN)
    return Question(
        "statistics", TITLE, asked, layout, meaning(outcome), on_model=False, sensitivity=moved, about=about
    )


def answer(study: Study, data: HospitalData, randomness: Randomness = SYSTEM, least: int = 0) -> tuple[Values, int]:
    """One hospital's sums over its training rows, and how many rows were left out: of one patient beyond
    `noise.rows_per_patient`. `least`: rows of the hospital in a bin of an exact histogram, or none."""
    counted, dropped = None, 0
    if study.own_noise:
        most = study.own_noise.rows_per_patient
        counted, dropped = records.kept_rows(data.cluster, data.split == TRAIN, most, randomness)
    table, numbers = data.table, number(study)
    if numbers:
        table = table.with_columns(pl.Series(numbers[0].name, data.outcome, dtype=pl.Float64))
    classes = outcome_of(study.data).classes[1:]
    columns = (*study.columns, *numbers)
    found = preprocess.local_statistics(table, data.outcome, data.split, columns, counted, classes)
    if study.training.is_robust and "present" in found:
        rows = (data.split == TRAIN) & (np.ones(len(data.split), dtype=bool) if counted is None else counted)
        found = {name: found[name] for name in ("rows", "present", "categories") if name in found}
        return found | {"histogram": _binned(study, data, rows, 0 if study.own_noise else least)}, dropped
    names = (
        "rows",
        *(_totals(study) if _n_numeric(study) else ()),
        *(("categories",) if "categories" in found else ()),
    )
    return {name: found[name] for name in names}, dropped


def fit(study: Study, sums: Sums, n_contributors: int) -> Preprocessor:
    """The scaling that all hospitals share from then on.

    Raises:
        DataError: no rows, one outcome class only, sums that no data give, or too few rows for the study's noise.
    """
    empty: NDArray[Any] = np.zeros(0, dtype=np.int64)
    if study.training.is_robust and "histogram" in sums:
        return _fit_robust(study, sums, n_contributors)
    sums = dict.fromkeys(_totals(study), empty) | dict(sums)
    if noise := noise_of(study, question(study)):
        check_rows(study, int(sums["rows"][0]), n_contributors)
        none = dict.fromkeys(("present", "sum", "square", "categories"), 0.0)
        stddevs = none | noise.stddevs(n_contributors)
        scaling = _scaling(study, fit_noisy((*study.columns, *number(study)), sums, stddevs))
        return _finished(study, scaling, sums, stddevs)
    _check_classes(study, [int(value) for value in sums["rows"]])
    fitted = _scaling(study, preprocess.fit((*study.columns, *number(study)), sums))
    return _finished(study, fitted, sums, {})


def _fit_robust(study: Study, sums: Sums, n_contributors: int) -> Preprocessor:
    noise = noise_of(study, question(study))
    stddevs = noise.stddevs(n_contributors) if noise else {}
    if noise:
        check_rows(study, int(sums["rows"][0]), n_contributors)
    else:
        _check_classes(study, [int(value) for value in sums["rows"]])
    scaling = robust_constants.fit(study.columns, sums, stddevs.get("histogram", 0.0))
    return _finished(study, scaling, sums, stddevs)


def _finished(study: Study, scaling: Preprocessor, sums: Sums, stddevs: Mapping[str, float]) -> Preprocessor:
    """With all that depends on counts of rows. `stddevs`: of their noise, where they carry any."""
    scaling = _merging(study, scaling, sums, stddevs.get("categories", 0.0))
    return _counting(study, _marking(study, scaling, sums, stddevs), sums)


def _marking(study: Study, scaling: Preprocessor, sums: Sums, stddevs: Mapping[str, float]) -> Preprocessor:
    """Where sums of products of inputs are opened, an input that few rows have would show all inputs of these rows."""
    if not study.fits_by_newton:
        return scaling
    present, counts = (np.asarray(sums.get(name, []), dtype=np.int64) for name in ("present", "categories"))
    least = {}
    for column in study.columns:
        if column.kind == "categorical":  # its counts are added up
            own = stddevs.get("categories", 0.0) * math.sqrt(len(column.categories))
        else:
            own = stddevs.get("present", 0.0)
        least[column.name] = least_rows(study, math.hypot(stddevs.get("rows", 0.0), own))
    unmarked = rare_categories.rarely_missing(study.columns, int(sums["rows"][0]), present, counts, least)
    return dataclasses.replace(scaling, unmarked=unmarked)


def _binned(study: Study, data: HospitalData, rows: NDArray[np.bool_], least: int) -> NDArray[np.int64]:
    """Exact counts are of whole groups of `least` of these rows, as everywhere where nobody adds noise."""
    values = {}
    for column in study.columns if least > 1 else ():
        if column.kind == "numeric":
            own = np.where(rows, preprocess.scaled(data.table[column.name].to_numpy(), column), np.nan)
            chosen = cells.grouped(cells.values(own[rows], least), least)
            values[column.name] = np.full(len(rows), np.nan)
            values[column.name][rows] = chosen
    return robust_constants.histograms(data.table, study.columns, rows, values)


def _counting(study: Study, scaling: Preprocessor, sums: Sums) -> Preprocessor:
    """With the training rows of each of several classes, where weights follow from them."""
    if study.training.class_weights != "balanced" or study.data.form != "labels":
        return scaling
    n_train, *others = (int(value) for value in sums["rows"])
    return dataclasses.replace(scaling, class_rows=(max(n_train - sum(others), 0), *(max(n, 0) for n in others)))


def _check_classes(study: Study, counts: Sequence[int]) -> None:
    n_train, *of_classes = counts
    if study.data.form == "sides":
        if n_train == 0 or of_classes[0] in (0, n_train):
            raise DataError(
                f"the hospitals together have {n_train} training rows, {of_classes[0]} with the outcome: one class only",
                hint="check data.outcome and data.positive in the study",
            )
        return
    if n_train == 0:
        raise DataError("the hospitals together have no training rows", hint="give more rows")
    every = [n_train - sum(of_classes), *of_classes] if of_classes else []
    if absent := [name for name, count in zip(study.data.classes, every, strict=False) if not count]:
        raise DataError(
            f"no training row of any hospital has the class {', '.join(map(repr, absent))}",
            hint="correct data.classes in the study, or merge classes that hardly anybody has",
        )


def least_rows(study: Study, stddev: float = 0.0) -> float:
    """Rows of all hospitals together below which a category is merged: as many as if every hospital that is needed in a sum had
    `CELL_MIN`, and no fewer than the noise alone reaches in one of twenty counts.

    Args:
        stddev: of the noise on the opened count.
    """
    return max(study.thresholds.min_contributors * CELL_MIN, _ONE_IN_TWENTY * stddev)


def _merging(study: Study, scaling: Preprocessor, sums: Sums, stddev: float = 0.0) -> Preprocessor:
    if "categories" not in sums:
        return scaling
    counts = np.asarray(sums["categories"], dtype=np.int64)
    if counts.shape != (rare_categories.n_cells(study.columns),):
        raise DataError("the preprocessing sums do not have one entry for each category")
    least = least_rows(study, stddev)
    return dataclasses.replace(scaling, merged=rare_categories.merged(study.columns, counts, least))


def carried(study: Study) -> Preprocessor | None:
    """The scaling that the study carries over from an earlier one, for its columns; None where it asks for its own.

    Raises:
        DataError: no constants, or not of the study's columns.
    """
    if study.carry_over is None or not study.carry_over.constants:
        return None
    found = Preprocessor.from_json(study.carry_over.constants)
    columns = {column.name: column for column in found.columns}
    if not all(column.kind == getattr(columns.get(column.name), "kind", None) for column in study.columns):
        raise DataError("the constants that are carried over are not of the study's columns")
    kept = dataclasses.replace(found.restricted([c.name for c in study.columns]), columns=study.columns)
    if study.fits_by_newton and kept.unmarked is None:  # nobody knows how many rows lack a value
        kept = dataclasses.replace(kept, unmarked=tuple(c.name for c in study.columns if not c.is_array))
    class_weights.of(study, kept)
    return kept


def rows_needed(study: Study, n_contributors: int) -> int:
    """Training rows of all hospitals together below which the study's noise would spoil the model; 0 without noise."""
    noise = noise_of(study, question(study))
    return math.ceil(BEARABLE * noise.stddevs(n_contributors)["rows"]) if noise else 0


def check_rows(study: Study, n_rows: int, n_contributors: int) -> None:
    """That so many training rows (as far as noise lets them be known) bear the study's noise.

    Raises:
        DataError: they do not; it names both ways out.
    """
    needed = rows_needed(study, n_contributors)
    if n_rows < needed:
        wanted = study.noise
        raise DataError(
            f"about {max(n_rows, 0):,} training rows of all hospitals together are too few for noise of epsilon "
            f"{wanted.epsilon:g} at delta {wanted.delta:g}: it would spoil the model below {needed:,}",
            hint="start a new study with a larger noise.epsilon, or with noise.enabled = false for exact statistics, "
            "which promise no patient anything",
        )


def n_counted(study: Study, hospitals: Sequence[HospitalData]) -> int:
    """How many training rows a noisy count would be of, where all rows are in one place."""
    most = study.noise.rows_per_patient
    each = (records.kept_rows(h.cluster, h.split == TRAIN, most, SYSTEM)[0] for h in hospitals)
    return int(sum(kept.sum() for kept in each))


def number(study: Study) -> tuple[Column, ...]:
    """An outcome that is a number, as a column that is summed with the numeric ones, after them; () where it is none."""
    data, high = study.data, study.data.outcome_maximum
    if outcome_of(data).classes or high is None:
        return ()
    return (Column(name=data.outcome, kind="numeric", minimum=data.outcome_minimum or 0.0, maximum=high),)


def _scaling(study: Study, found: Preprocessor) -> Preprocessor:
    return found.of_outcome(study.columns) if number(study) else found


def _totals(study: Study) -> tuple[str, ...]:
    """What is summed of each numeric column: with noise on the sums no digits that it does not cover."""
    return preprocess.TOTALS[:3] if study.own_noise else preprocess.TOTALS


def _n_numeric(study: Study, more: Sequence[Column] | None = None) -> int:
    columns = (*study.columns, *(number(study) if more is None else more))
    return sum(column.kind != "categorical" for column in columns)
