"""Missing numbers of some columns, predicted from the row's other columns by linear regressions that every hospital
shares.

Each row is predicted by itself, adding up in a fixed order, so that it gets the same bits whatever rows stand beside
it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.study import Column


@dataclass(frozen=True)
class Regression:
    """How a missing number of `column` is predicted, in standard deviations from its middle. `weights`: one for each of
    the model's `value_places` (0 for the column's own), then the intercept; () where too few rows have a value: then it
    stays in the middle. `rows`: training rows that it was fitted to; `explained`: the share of their variance that it
    explains."""

    column: str
    rows: int
    explained: float
    weights: tuple[float, ...]


def predicted(columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns whose missing numbers are predicted."""
    return tuple(column.name for column in columns if column.is_predicted)


def value_places(columns: Sequence[Column], widths: Sequence[int]) -> Mapping[str, range]:
    """Where among a model's inputs each column's values stand: the number, or each category; not whether it is missing.
    Images and series predict nothing. `widths`: of each column's inputs."""
    found, at = {}, 0
    for column, width in zip(columns, widths, strict=True):
        if not column.is_array:
            found[column.name] = range(at, at + width - 1)
        at += width
    return found


def fill(
    matrix: NDArray[np.float32],
    places: Mapping[str, range],
    regressions: Sequence[Regression],
    ends: Mapping[str, tuple[float, float]],
) -> None:
    """Write predictions in place of missing numbers, which count as 0 in `matrix`, float32[n_rows, n_features], before.

    Args:
        ends: by column, the ends of its declared range in standard deviations: no prediction lies beyond.
    """
    inputs = [place for each in places.values() for place in each]
    found = {}
    for each in regressions:
        at = places[each.column].start
        rows = np.flatnonzero(matrix[:, at + 1])
        if not each.weights or not len(rows):
            continue
        total = np.full(len(rows), each.weights[-1])
        for place, weight in zip(inputs, each.weights, strict=False):
            if weight:
                total += matrix[rows, place].astype(np.float64) * weight
        found[at] = rows, np.clip(total, *ends[each.column])
    for at, (rows, values) in found.items():  # after all: a prediction is no input of another one
        matrix[rows, at] = values


def is_sound(regressions: Sequence[Regression], columns: Sequence[Column], places: Mapping[str, range]) -> bool:
    """Whether these can be regressions of a study's columns."""
    size = 1 + sum(len(each) for each in places.values())
    return [each.column for each in regressions] in ([], list(predicted(columns))) and all(
        each.rows >= 0
        and 0.0 <= each.explained <= 1.0
        and len(each.weights) in (0, size)
        and all(map(math.isfinite, each.weights))
        for each in regressions
    )
