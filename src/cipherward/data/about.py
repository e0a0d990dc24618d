"""What anyone would see first in a hospital's table: said before anything is trained. Column names and counts, no cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess, tails
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.rare_categories import codes
from cipherward.data.values import OTHER
from cipherward.study import Column

NEAR_PERFECT = 0.995
"""The AUROC of one column alone from which on it is taken for the outcome itself."""
_FEW = 10
_SHARE = 0.1  # of the rows, from which on one patient's, or copies, are no accident
_ID_ROWS = 30
_SAMPLE = 20_000  # rows of each outcome that are looked at first
_FIRST = 500  # rows that usually show that values are no ids
_NEAR = 0.01  # how far the sample's AUROC may be from that of all rows, many times over
_SIDES: tuple[Literal["left"], Literal["right"]] = "left", "right"
_ID_NAME = re.compile(r"(^|[_\s-])(id|nr|no|number|mrn|key|uid|uuid)($|[_\s-])", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One sentence about one hospital's table. `must_confirm`: the study has to list the column before anything runs."""

    column: str
    text: str
    must_confirm: bool = False


def findings(
    table: pl.DataFrame,
    outcome: NDArray[Any],
    split: NDArray[np.uint8],
    cluster: NDArray[np.uint32] | None,
    columns: Sequence[Column],
) -> tuple[Finding, ...]:
    """What to say about a typed table (see `HospitalData` for the arguments)."""
    found = []
    sides = [(side, _sample(side)) for side in _sides(outcome)]
    for column in columns:
        found += _column(table[column.name], column, sides, split, cluster, is_all=outcome is sides[0][0])
    if cluster is not None and len(outcome) >= _ID_ROWS:
        found += _patients(table, outcome, cluster)
    if outcome.dtype.kind == "f" and len(outcome) >= _ID_ROWS and tails.is_stretched(outcome):
        text = "a few outcomes lie far from the rest, and a fit by squares is mostly about them: is that another unit, or a mistake?"
        found.append(Finding("", text))
    tested = outcome[split == TEST]
    n_test = len(tested)
    if n_test < _FEW:
        size = f"fewer than {_FEW} rows" if n_test else "no row"
        found.append(Finding("", f"the test set has {size}: what is measured on it says little"))
    elif tested.min() == tested.max():
        found.append(Finding("", "the test rows have one outcome only"))
    return tuple(found)


def _column(
    values: pl.Series,
    column: Column,
    sides: Sequence[tuple[NDArray[np.int8], NDArray[np.int64]]],
    split: NDArray[np.uint8],
    cluster: NDArray[np.uint32] | None,
    *,
    is_all: bool,
) -> list[Finding]:
    name, present = column.name, values.drop_nulls() if values.null_count() else values
    if not len(values):
        return []
    if not len(present):
        return [Finding(name, f"column {name!r} has no value in any row")]
    if column.is_array:
        return []
    if column.kind == "categorical" and present[0] == OTHER and (present == OTHER).all():
        return [
            Finding(name, f"column {name!r} is {OTHER!r} in every row that has a value: is it coded otherwise here?")
        ]
    if not values.null_count() and present[0] == present[-1] and (present == present[0]).all():
        return [Finding(name, f"column {name!r} has the same value in every row")]
    found = []
    best = max(_alone(values, column, side, sample) for side, sample in sides)
    if best >= NEAR_PERFECT:
        error = "without error" if best == 1.0 and is_all else f"almost without error (AUROC {best:.4f})"
        same = f"alone tells the outcome {error}"
        found.append(Finding(name, f"column {name!r} {same}: is it known before the outcome is?", must_confirm=True))
    if _is_id(values, present, column, cluster):
        found.append(
            Finding(name, f"column {name!r} looks like an id or a row number: a model should not learn from it")
        )
    if column.kind == "numeric":
        found += _numeric(values.to_numpy()[split == TRAIN], column)
    return found


def _numeric(values: NDArray[np.float64], column: Column) -> list[Finding]:
    advice = tails.advice(values, column)
    if preprocess.is_too_wide(values, column):
        advice = "the declared range is so wide that these values cannot be told apart in it"
    return [Finding(column.name, f"column {column.name!r}: {advice}")] if advice else []


def _sides(outcome: NDArray[Any]) -> list[NDArray[np.int8]]:
    """The outcome as 0 and 1, in every way in which a column may tell it: each class beside all others; numbers above their median."""
    if outcome.dtype.kind == "f":
        return [(outcome > np.median(outcome)).astype(np.int8)] if len(outcome) else [outcome.astype(np.int8)]
    if not len(outcome) or int(outcome.max()) <= 1:
        return [outcome]
    return [(outcome == each).astype(np.int8) for each in np.unique(outcome)]


def _sample(outcome: NDArray[np.int8]) -> NDArray[np.int64]:
    """int64[n]: rows that stand for all, enough of each outcome, spread over the table."""
    rows = []
    for side in (0, 1):
        of_side = np.flatnonzero(outcome == side)
        rows.append(of_side[:: max(1, len(of_side) // _SAMPLE)])
    return np.sort(np.concatenate(rows))


def _alone(values: pl.Series, column: Column, outcome: NDArray[np.int8], sample: NDArray[np.int64]) -> float:
    """The AUROC of the column by itself, in whichever direction is better; 0 where the rows are too few to say.

    Of a sample of the rows where that is far below NEAR_PERFECT, else of all.
    """
    if min(int(outcome.sum()), len(outcome) - int(outcome.sum())) < _FEW:
        return 0.0
    if len(sample) < len(outcome):
        best = _best_area(values.gather(sample), column, outcome[sample], len(outcome))
        if best < NEAR_PERFECT - _NEAR:
            return best
    return _best_area(values, column, outcome, len(outcome))


def _best_area(values: pl.Series, column: Column, outcome: NDArray[np.int8], n_rows: int) -> float:
    scores: list[NDArray[np.float64]] = []
    if column.kind == "numeric":
        found = values.to_numpy().astype(np.float64)
        absent = np.isnan(found)
        scores.append(np.where(absent, -np.inf, found))
    else:
        places = codes(values, column.categories) + 1
        absent = places == len(column.categories) + 1
        counts = np.bincount(places)
        if np.count_nonzero(counts) * _FEW <= n_rows:
            scores.append((np.bincount(places, outcome) / np.maximum(counts, 1))[places])
    if absent.any():
        scores.append(absent.astype(np.float64))
    areas = [_auroc(each, outcome) for each in scores]
    return max((max(area, 1.0 - area) for area in areas), default=0.0)


def _auroc(values: NDArray[np.float64], outcome: NDArray[np.int8]) -> float:
    positive, negative = values[outcome == 1], np.sort(values[outcome == 0])
    below, up_to = (int(np.searchsorted(negative, positive, side).sum()) for side in _SIDES)
    return (below + up_to) / (2 * len(positive) * len(negative))


def _patients(table: pl.DataFrame, outcome: NDArray[np.int8], cluster: NDArray[np.uint32]) -> list[Finding]:
    """What patient ids show: one that stands for many people, and rows that were exported twice."""
    found = []
    most = int(np.bincount(cluster).max())
    if most > max(_FEW, _SHARE * len(cluster)):
        text = f"one patient id stands in {most} of {len(cluster)} rows: is it a code for unknown?"
        found.append(Finding("", f"{text} All of these rows count as one patient"))
    rows = table.with_columns(pl.Series("", outcome), pl.Series(" ", cluster))
    copies = rows.height - rows.n_unique()
    if copies > max(_FEW, _SHARE * rows.height):
        found.append(Finding("", f"{copies} rows equal another row of the same patient in everything: exported twice?"))
    return found


def _is_id(values: pl.Series, present: pl.Series, column: Column, cluster: NDArray[np.uint32] | None) -> bool:
    """Whole numbers, or labels, of which no two rows (or no two patients) share one. `present`: without nulls."""
    if len(present) < _ID_ROWS:
        return False
    if column.kind == "numeric" and not _are_whole(present.to_numpy()):
        return False
    if _all_differ(present):
        if column.kind == "categorical":
            return True
        span = float(np.ptp(present.to_numpy())) + 1.0
        return bool(_ID_NAME.search(column.name)) or span <= 1.1 * len(present) or present.is_sorted()
    if cluster is None or values.null_count() or not _ID_ROWS <= int(cluster.max()) + 1 < len(cluster):
        return False
    return _one_for_each(values[:_FIRST], cluster[:_FIRST]) and _one_for_each(values, cluster)


def _are_whole(numbers: NDArray[np.float64]) -> bool:
    return bool((numbers == np.rint(numbers)).all())


def _all_differ(values: pl.Series) -> bool:
    """Whether no two values are the same; a few rows usually show that they are not."""
    return all(part.n_unique() == len(part) for part in (values[:_FIRST], values))


def _one_for_each(values: pl.Series, cluster: NDArray[np.uint32]) -> bool:
    """Whether each patient has one value, and no two patients the same."""
    pairs = pl.DataFrame({"value": values, "patient": cluster}).unique()
    return pairs.height == pairs["value"].n_unique() == pairs["patient"].n_unique()
