"""What is asked for a table of points, and a hospital's answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import coding as bins
from cipherward.data.coding import Coding
from cipherward.learning.baselines import Rows
from cipherward.learning.points import Points
from cipherward.privacy import records
from cipherward.study import Study
from cipherward.tasks import cells, points_fit
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment, RealSegment, Segment
from cipherward.tasks.points_fit import Entries
from cipherward.tasks.points_state import PointsState
from cipherward.tasks.rows import TRAIN
from cipherward.tasks.task import Values, limbs_for

TITLES = {
    "values": "Before the fit: rows by value of each column, from which bins follow",
    "counts": "Before the fit: rows by pairs of bins, without outcomes",
    "outcomes": "The first step of the fit: rows with the outcome in each bin",
    "pairs": "Once: which pairs of columns say more together",
    "fit": "In each further step of the fit, at most",
}

MEANING = {
    "rows": "how many training rows there are, and how many have the outcome",
    "values": "for each column: training rows by value, in 64 equal parts of a declared range or by category",
    "joint": "for every two bins of two columns: how many training rows are in both, without their outcomes; it may be one row",
    "positive": "for each bin of a column: how many of its training rows have the outcome",
    "gradient": "for each bin, or cell of two columns: the sum over its training rows of (predicted - actual outcome)",
    "curvature": "for each bin or cell, in the fit for every two of them: the sum over training rows of how unsure the model is; of one "
    "row it follows from its columns and the model",
}

MOST_ROWS = 24
"""Bits of one hospital's rows."""


def segments(study: Study, state: PointsState) -> Iterator[Segment]:
    """Of the next question before the evaluation."""
    limbs = limbs_for(MOST_ROWS, study.bits)
    if state.stage == "values":
        yield CountSegment("rows", 2, limbs)
        yield CountSegment("values", n_values(study), limbs)
        return
    if state.stage == "pairs":
        yield RealSegment("gradient", state.n_cells, 1.0)
        yield RealSegment("curvature", state.n_cells, 0.25)
        return
    size, entries = state.coding.n_features, Entries.count(state.coding.sizes)
    if state.stage == "counts":
        yield CountSegment("joint", entries, limbs)
        return
    if state.stage == "outcomes":
        yield CountSegment("positive", size, limbs)
        return
    yield RealSegment("gradient", size, 1.0)
    yield RealSegment("curvature", entries, 0.25)


def values(study: Study, at: HospitalWork) -> tuple[Values, int]:
    """One hospital's rows by fine value, and how many rows were left out, of one patient beyond `noise.rows_per_patient`."""
    data, dropped = at.data, 0
    counted = data.split == TRAIN
    if study.own_noise:
        most = study.own_noise.rows_per_patient
        counted, dropped = records.kept_rows(data.cluster, counted, most, at.randomness)
    found = []
    for column in study.columns:
        values = bins.fine_values(data.table[column.name], column)[counted]
        found.append(np.bincount(values, minlength=bins.n_values(column)))
    rows = np.array([counted.sum(), data.outcome[counted].sum()], dtype=np.int64)
    return {"rows": rows, "values": np.concatenate(found).astype(np.int64)}, dropped


def sums(state: PointsState, at: HospitalWork) -> Values:
    """One hospital's sums; real ones as shares of the rows that all hospitals together have there, which bounds them."""
    coding = state.coding
    if state.stage == "counts":
        x, labels = counted(at, coding)
        joint = points_fit.joint_totals(coding, entries_of(coding), x, np.ones(len(labels)))
        return {"joint": np.rint(joint).astype(np.int64)}
    if state.stage == "outcomes":
        x, labels = counted(at, coding)
        return {"positive": np.rint(points_fit.totals(coding, x, labels.astype(np.float64))).astype(np.int64)}
    module = Points(state.model.weights)
    if state.stage == "pairs":
        compared = state.compared
        x, labels = counted(at, compared)
        error, unsure = points_fit.derivatives(module, module.vector, x[:, : len(coding.binned)], labels)
        of_pairs = slice(compared.n_bins, None)
        return {
            "gradient": points_fit.totals(compared, x, error)[of_pairs] / state.rows[of_pairs],
            "curvature": points_fit.totals(compared, x, unsure)[of_pairs] / state.rows[of_pairs],
        }
    x, labels = counted(at, coding)
    error, unsure = points_fit.derivatives(module, module.vector, x, labels)
    entries = entries_of(coding)
    return {
        "gradient": points_fit.totals(coding, x, error) / state.rows,
        "curvature": points_fit.joint_totals(coding, entries, x, unsure) / bounds(state.rows, entries),
    }


def counted(at: HospitalWork, coding: Coding) -> Rows:
    """The training rows' bins and cells, and their outcomes, as `cells.table` lets them be counted."""
    chosen = at.data.split == TRAIN
    table = at.kept(
        ("counted", coding.columns),
        lambda: cells.table(at.data.table.filter(pl.Series(chosen)), coding.columns, at.cell_min),
    )
    return coding.transform(table), at.data.outcome[chosen]


def n_values(study: Study) -> int:
    """Fine values of all columns."""
    return sum(map(bins.n_values, study.columns))


def entries_of(coding: Coding) -> Entries:
    """Of the curvature over all bins and cells."""
    return Entries.of(coding.sizes)


def bounds(rows: NDArray[np.int64], entries: Entries) -> NDArray[np.float64]:
    """How many rows an entry of the curvature can be of, at most: float64[n_entries]."""
    of_bins = rows.astype(np.float64)
    return np.asarray(np.minimum.outer(of_bins, of_bins)[entries.there])
