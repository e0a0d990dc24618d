"""What survival curves ask, and a hospital's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import rare_categories
from cipherward.data.rare_categories import Merged
from cipherward.data.sources import HospitalData
from cipherward.errors import UnfitUpdateError
from cipherward.learning import cox, survival
from cipherward.privacy import records
from cipherward.privacy.randomness import Randomness
from cipherward.privacy.records import Sensitivity
from cipherward.study import Column, Study
from cipherward.tasks import fixed_point, moves
from cipherward.tasks.fixed_point import Scale
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment
from cipherward.tasks.regression_terms import complete
from cipherward.tasks.survival_settings import Settings, ends
from cipherward.tasks.survival_state import Curve
from cipherward.tasks.task import Values, limbs_for

TITLES = {
    "follow_up": "First: rows by length of follow-up, without outcomes",
    "at_risk": "Rows at risk over time, without outcomes",
    "events": "Events by wider cells of time: first a few cells, then as many as their events allow",
    "curve": "The curves, in cells with enough events",
    "log_rank": "The comparison of the curves",
}

MEANING = {
    "rows": "how many rows there are, how many of them have a value in every column, and how many of these the outcome",
    "groups": "how many rows have each category of the column whose groups are compared; those that few have are merged",
    "follow_up": "rows by length of follow-up in equal steps, by group, whether an event or not ended it; it may be one row",
    "leaving": "by cell of time and group: rows whose follow-up ends there, whether by an event or not",
    "place": "by cell of time and group: the sum over these rows of how far into the cell that is",
    "events": "by wider cell of time and group: rows with an event",
    "curve/steps": "by cell of time with enough events, and group: the sum over events of the logarithm of the share of those at risk who survive it",
    "curve/variances": "likewise: the sum over events of 1 / (rows at risk x one fewer)",
    "log_rank/score": "for each group but the last: events less those expected if all groups had the hazard of their hospital",
    "log_rank/covariance": "for every two of these: how much they vary by chance",
}

SMALL_CELLS = "cells of fewer rows than the hospital's cell_min"

PLACE = 1 << 20
"""Units of a place in a cell."""


@dataclass(frozen=True)
class Rows:
    """A hospital's rows with a value in every column: time float64[n], event bool[n], curve int64[n], -1 in none."""

    time: NDArray[np.float64] = field(repr=False)
    event: NDArray[np.bool_] = field(repr=False)
    curve: NDArray[np.int64] = field(repr=False)


def columns_of(study: Study, chosen: Settings) -> tuple[Column, Column | None]:
    """The column of time and that of groups."""
    by_name = {column.name: column for column in study.columns}
    return by_name[chosen.time], by_name.get(chosen.group)


def longest(study: Study, chosen: Settings) -> float:
    found = columns_of(study, chosen)[0].maximum
    return float(found or 0.0)


def n_groups(study: Study, chosen: Settings) -> int:
    """Declared ones."""
    group = columns_of(study, chosen)[1]
    return len(group.categories) if group else 1


def of_follow_up(study: Study, chosen: Settings) -> tuple[tuple[CountSegment, ...], Sensitivity]:
    """The first question's numbers, and how far a row moves them."""
    limbs, groups = limbs_for(48, study.bits), n_groups(study, chosen)
    size = groups * len(ends(chosen, longest(study, chosen)))
    parts, moved = [CountSegment("rows", 3, limbs)], moves.of_counts("rows", 3, 3)
    if chosen.group:
        parts.append(CountSegment("groups", groups, limbs))
        moved = moved.and_also(moves.of_counts("groups", groups))
    parts.append(CountSegment("follow_up", size, limbs))
    return tuple(parts), moved.and_also(moves.of_counts("follow_up", size, 1, 2.0))


def counted(study: Study, chosen: Settings, data: HospitalData, randomness: Randomness) -> tuple[Values, int]:
    """One hospital's answer to it, and how many rows were left out, of one patient beyond `noise.rows_per_patient`."""
    kept, dropped = np.ones(len(data.outcome), dtype=bool), 0
    if study.own_noise:
        kept, dropped = records.kept_rows(data.cluster, kept, study.own_noise.rows_per_patient, randomness)
    used = kept & complete(data.table, _names(chosen))
    groups = n_groups(study, chosen)
    code = _codes(study, chosen, data, ())[used]
    time = np.minimum(data.table[chosen.time].to_numpy()[used], longest(study, chosen))
    steps = np.array(ends(chosen, longest(study, chosen)))
    counts = np.zeros((groups, len(steps)), dtype=np.int64)
    for k in range(groups):
        counts[k] = np.bincount(survival.cells(steps, time[code == k])[0], minlength=len(steps))
    rows = np.array([kept.sum(), used.sum(), data.outcome[used].sum()], dtype=np.int64)
    found = {"rows": rows, "follow_up": counts.reshape(-1)}
    return found | ({"groups": np.bincount(code, minlength=groups).astype(np.int64)} if chosen.group else {}), dropped


def rows_of(study: Study, chosen: Settings, merged: Merged, at: HospitalWork) -> Rows:
    """Made once for a hospital. Who is followed up longer than the column's maximum is censored there."""

    def made() -> Rows:
        used = complete(at.data.table, _names(chosen))
        time = at.data.table[chosen.time].to_numpy()[used]
        most = longest(study, chosen)
        event = (at.data.outcome[used] == 1) & (time <= most)
        return Rows(np.clip(time, 0.0, most), event, _codes(study, chosen, at.data, merged)[used])

    return at.kept(("survival", merged), made)


def left(grids: Sequence[NDArray[np.float64]], rows: Rows) -> Values:
    """Who leaves in each cell, and where in it."""
    leaving, place = [], []
    for curve, grid in enumerate(grids):
        time = rows.time[(rows.curve == curve) & (rows.time <= _last(grid))]
        k, into = survival.places(grid, time, survival.unit(rows.time))
        leaving.append(np.bincount(k, minlength=len(grid)).astype(np.int64))
        place.append(np.rint(np.bincount(k, weights=into, minlength=len(grid)) * PLACE).astype(np.int64))
    return {"leaving": np.concatenate(leaving), "place": np.concatenate(place)}


def events(grids: Sequence[NDArray[np.float64]], rows: Rows) -> NDArray[np.int64]:
    """Events in each cell."""
    found = []
    for curve, grid in enumerate(grids):
        when = rows.time[(rows.curve == curve) & rows.event & (rows.time <= _last(grid))]
        found.append(np.bincount(survival.cells(grid, when)[0], minlength=len(grid)).astype(np.int64))
    return np.concatenate(found)


def curves(found: Sequence[Curve], scale: Scale, rows: Rows) -> Values:
    """The sums that the curves follow from."""
    parts = []
    for number, curve in enumerate(found):
        on, risk = rows.curve == number, curve.risk
        of_cells = wider(len(risk.ends), curve.ends)
        spent = np.bincount(of_cells[of_cells >= 0], weights=risk.spent[of_cells >= 0], minlength=len(curve.ends))
        hazard = np.array(curve.events, dtype=np.float64) / np.maximum(spent, np.finfo(np.float64).tiny)
        parts.append(survival.steps(risk, rows.time[on], rows.event[on], survival.unit(rows.time), of_cells, hazard))
    n = len(rows.time)
    names = ("curve/steps", "curve/variances")
    return {
        name: scale.whole(np.concatenate(each), n) for name, each in zip(names, zip(*parts, strict=True), strict=True)
    }


def compared(least: int, n_curves: int, scale: Scale, rows: Rows) -> Values:
    """The hospital's part of the log-rank test, as long as so many of its rows are at risk."""
    there = rows.curve >= 0
    time, event = cox.ended(rows.time[there], rows.event[there], least)
    score, covariance = survival.log_rank(time, event, rows.curve[there], n_curves)
    n = len(rows.time)
    return {"log_rank/score": scale.whole(score, n), "log_rank/covariance": scale.whole(covariance, n)}


def check_cells(chosen: Settings, at: HospitalWork) -> None:
    """That the study asks for no smaller cells than this hospital lets be counted by outcome.

    Raises:
        UnfitUpdateError: it does; nothing may be sent.
    """
    if chosen.least < at.cell_min:
        raise UnfitUpdateError(
            f"settings.least is {chosen.least}, and this hospital counts nothing by outcome in cells of fewer than {at.cell_min} rows",
            reason=SMALL_CELLS,
            hint="start a new study with a larger settings.least, or change cell_min in policy.toml",
        )


def largest_difference(shown: Sequence[Sequence[Mapping[str, Any]]], hospitals: Sequence[Rows]) -> float:
    """Of a point of a curve (`survival_result.of_curve`) from the curve of all rows in one place."""
    found = 0.0
    for curve, points in enumerate(shown):
        time, event = (
            np.concatenate([part[rows.curve == curve] for part, rows in zip(parts, hospitals, strict=True)])
            for parts in zip(*((rows.time, rows.event) for rows in hospitals), strict=True)
        )
        exact = survival.exact(time, event, np.array([point["time"] for point in points]))
        found = max([found, *(abs(a - point["survival"]) for a, point in zip(exact.tolist(), points, strict=True))])
    return found


def wider(n_cells: int, own: Sequence[int]) -> NDArray[np.int64]:
    """int64[n_cells]: the cell that each is part of; -1: of none."""
    return np.array([next((k for k, end in enumerate(own) if at < end), -1) for at in range(n_cells)], dtype=np.int64)


def sums(study: Study, sizes: Mapping[str, int]) -> tuple[CountSegment, ...]:
    """Segments of sums in fixed point, or (of `leaving` and `events`) of counts."""
    whole = limbs_for(32, study.bits)
    wide = limbs_for(fixed_point.BITS, study.bits)
    return tuple(
        CountSegment(name, size, whole if name in ("leaving", "events", "rows") else wide)
        for name, size in sizes.items()
    )


def _names(chosen: Settings) -> list[str]:
    return [chosen.time, *([chosen.group] if chosen.group else [])]


def _codes(study: Study, chosen: Settings, data: HospitalData, merged: Merged) -> NDArray[np.int64]:
    """int64[n_rows]: the group of each row, of those that `kept_groups` lists; 0 without groups."""
    group = columns_of(study, chosen)[1]
    if group is None:
        return np.zeros(data.table.height, dtype=np.int64)
    gone = dict(dict(merged).get(group.name, ()))
    found = rare_categories.codes(data.table[group.name], group.categories, gone)
    places = {group.categories.index(name): k for k, name in enumerate(kept_groups(group, merged))}
    return np.array([places.get(place, -1) for place in found.tolist()], dtype=np.int64)


def kept_groups(group: Column, merged: Merged) -> list[str]:
    """The categories that are counted by themselves."""
    gone = dict(dict(merged).get(group.name, ()))
    return [name for name in group.categories if name not in gone]


def _last(grid: NDArray[np.float64]) -> float:
    return float(grid[-1]) if len(grid) else -1.0
