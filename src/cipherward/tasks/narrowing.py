"""A first noisy sum says where the values of each column lie, so that the noise of the next one is measured by that
part of its range.

Noise on sums of values is as large as the declared range: where values fill a small part of it, mean and standard
deviation drown. So rows are counted by value first, with a share of the budget, and the statistics are then asked as if
the range had been declared that narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import robust_constants
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.robust_constants import BINS
from cipherward.data.schema import declared_range
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, StudyError
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.study import Column, Study
from cipherward.tasks import moves, statistics
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.noise import noise_of
from cipherward.tasks.row_groups import RowGroup
from cipherward.tasks.task import Question, Sums, Values, canonical, limbs_for

TITLE = "Before the statistics: in which part of its declared range the values of each column lie"
MEANING = {
    "histogram": "for each column of numbers: how many training rows by value, in 256 equal bins of the declared range"
}

Parts = tuple[tuple[int, int], ...]
"""Of each column that is counted, the first of its bins that is left and the one after the last."""
WHOLE = (0, BINS)

_SURE = 4.5
"""Standard deviations of the noise on the number of rows beyond an edge: fewer rows than that may be none. Every bin is
tried for an edge, so that with three of them one column in some dozens would keep all of its range by chance."""
_ANY = 4.0
"""The same of the noise on all bins together: a column with fewer values is not known well enough to be narrowed."""
_MOST = BINS // 4
"""A part that is wider gains less than half of the budget costs, and what lies beyond it would be cut off for
nothing."""


def columns_of(study: Study) -> tuple[Column, ...]:
    """The columns that are counted: numbers without a transform, and an outcome that is a number."""
    own = (column for column in study.columns if column.kind == "numeric" and column.transform == "none")
    return (*own, *statistics.number(study))


def is_wanted(study: Study) -> bool:
    return bool(study.own_noise and study.own_noise.narrow and columns_of(study))


def question(study: Study) -> Question:
    n = len(columns_of(study)) * BINS
    layout = Layout((CountSegment("histogram", n, limbs_for(48, study.bits)),), study.bits)
    asked = canonical(statistics.shared_parameters(study))
    moved = moves.of_counts("histogram", n, len(columns_of(study)))
    about = (RowGroup(TRAIN),)
    return Question("ranges", TITLE, asked, layout, MEANING, on_model=False, sensitivity=moved, about=about)


def answer(study: Study, data: HospitalData, randomness: Randomness = SYSTEM) -> tuple[Values, int]:
    """One hospital's counts, and how many rows were left out, as `statistics.answer` has them."""
    most = study.noise.rows_per_patient
    rows, dropped = records.kept_rows(data.cluster, data.split == TRAIN, most, randomness)
    table = data.table.with_columns(
        [pl.Series(column.name, data.outcome, dtype=pl.Float64) for column in statistics.number(study)]
    )
    return {"histogram": robust_constants.histograms(table, columns_of(study), rows, {})}, dropped


def parts(study: Study, sums: Sums, n_contributors: int) -> Parts:
    """Which part of each range is left, by + - * / and square roots in a fixed order.

    Raises:
        DataError: counts of another number of columns.
    """
    noise, counts = noise_of(study, question(study)), np.asarray(sums["histogram"], dtype=np.int64)
    if counts.shape != (len(columns_of(study)) * BINS,):
        raise DataError("the sums of ranges do not have one histogram for each column of numbers")
    stddev = noise.stddevs(n_contributors)["histogram"] if noise else 0.0
    return tuple(part(each, stddev) for each in np.split(counts, len(columns_of(study))))


def part(counts: NDArray[np.int64], stddev: float) -> tuple[int, int]:
    """Of one column: the bins beyond which noise may be all there is, and half as many on either side, since as many
    rows may lie there. `stddev`: of the noise on a bin."""
    low, high = _first(counts.tolist(), stddev), _first(counts[::-1].tolist(), stddev)
    if low is None or high is None or int(counts.sum()) <= _ANY * stddev * math.sqrt(BINS):
        return WHOLE
    more = max((BINS - high - low + 1) // 2, 1)
    found = max(low - more, 0), min(BINS - high + more, BINS)
    return found if 0 < found[1] - found[0] <= _MOST else WHOLE


def narrowed(study: Study, chosen: Parts) -> Study:
    """The study as if these parts had been declared: what its statistics are asked and answered for."""
    of = {
        column.name: _ends(column, own) for column, own in zip(columns_of(study), chosen, strict=True) if own != WHOLE
    }
    columns = tuple(
        column.model_copy(update={"minimum": of[column.name][0], "maximum": of[column.name][1]})
        if column.name in of
        else column
        for column in study.columns
    )
    data = study.data
    if data.outcome in of and statistics.number(study):
        low, high = of[data.outcome]
        data = data.model_copy(update={"outcome_minimum": low, "outcome_maximum": high})
    return study.model_copy(update={"columns": columns, "data": data})


def widened(study: Study, chosen: Parts, found: Preprocessor) -> Preprocessor:
    """Constants of the narrowed study, in units of the declared ranges."""
    own = dict(zip((column.name for column in columns_of(study)), chosen, strict=True))
    ranged = [column for column in study.columns if column.kind != "categorical"]
    each = zip(ranged, found.mean, found.stddev, strict=True)
    scales = [_widened(mean, stddev, own.get(column.name, WHOLE)) for column, mean, stddev in each]
    outcome = _widened(found.outcome[0], found.outcome[1], chosen[-1]) if found.outcome else ()
    return replace(
        found,
        columns=study.columns,
        mean=tuple(mean for mean, _ in scales),
        stddev=tuple(stddev for _, stddev in scales),
        outcome=outcome,
    )


def facts(study: Study, chosen: Parts | None) -> dict[str, list[float]]:
    """The narrower ranges by column, for the result."""
    found = zip(columns_of(study), chosen or (), strict=False)
    return {column.name: [*_ends(column, own)] for column, own in found if own != WHOLE}


def refuse(study: Study, *, takes_it: bool) -> None:
    """For `noise.narrow`.

    Raises:
        StudyError: the task asks for no statistics that could be narrowed.
    """
    if study.noise.narrow and not takes_it:
        raise StudyError(
            f"task {study.task!r} narrows no ranges", hint="remove narrow from [noise], or declare narrower ranges"
        )


def _first(counts: Sequence[int], stddev: float) -> int | None:
    """The first bin up to which there are surely rows."""
    below = 0
    for place, count in enumerate(counts):
        below += count
        if below > _SURE * stddev * math.sqrt(place + 1):
            return place
    return None


def _ends(column: Column, own: tuple[int, int]) -> tuple[float, float]:
    low, high = declared_range(column)
    step = (high - low) / BINS
    return low + step * own[0], low + step * own[1]


def _widened(mean: float, stddev: float, own: tuple[int, int]) -> tuple[float, float]:
    share = (own[1] - own[0]) / BINS
    return own[0] / BINS + mean * share, stddev * share
