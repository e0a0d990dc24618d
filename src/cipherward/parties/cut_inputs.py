"""Exact sums over standardised inputs cut them at the same values in all studies over a register.

A number counts as no more than ten standard deviations from its middle (`data.preprocess`), and each study opens both
anew. Two sums of a Newton step, or for predicted numbers, or two updates that are one step from the same weights, are the
same but for a known change of scale, and for the rows that are cut in one of them: their difference is of these rows,
perhaps of one patient. So a hospital cuts its training rows at the same values in all of them, and in updates of more
steps: at six standard deviations as the first study that trained opened them, which the ledger keeps. Where that place
is beyond ten standard deviations of a later study, or within four, and a row is beyond, it declines such a sum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import arrays, preprocess
from cipherward.data.cuts import CLIP_STDDEV, Cuts, Places
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import UnfitUpdateError
from cipherward.parties.cut_updates import has_forgotten
from cipherward.store.ledger import Ledger
from cipherward.study import Column
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

CUT_ELSEWHERE = "inputs cut elsewhere than before"
KEPT_STDDEV = 6.0
"""Less than the ten that a sum takes: noise moves standard deviations of long tails by a third (docs/security.md)."""
NEAREST_STDDEV = 4.0
"""Of a later study. A place that is nearer to its middle would change its model."""

WAY_OUT = (
    'take over the constants of the earlier study (carry_over); or give the column transform = "log1p", if it never was in such a sum with '
    "it; or leave the column out. policy.toml (one_grid) says whether this rule holds here"
)


@dataclass(frozen=True)
class CutInputs:
    """Of one register. Columns are told apart by name and transform: sums of logarithms are other sums. The unit and the
    declared range of a column stay (`parties.grids`), so places are in [0, 1] of that range."""

    ledger: Ledger
    register: str
    _settled: dict[tuple[Preprocessor, bool], tuple[HospitalData, Cuts]] = field(default_factory=dict, repr=False)

    def hold(self, work: HospitalWork, state: StudyState) -> Cuts:
        """Where the answer cuts its training rows, of the columns that have rows beyond; called before it is made. From
        the first update or step on (`Task.weight_cut`, `Task.sums_inputs`) the ledger knows these places. Within a study
        they stay, as they follow from its constants and from what the ledger knew at its first update; they are looked
        up once.

        Raises:
            UnfitUpdateError: the answer sums inputs, and a row here is beyond a place that does not fit this study;
                nothing may be sent.
        """
        scaling = state.model.preprocessor if state.model else None
        if not isinstance(scaling, Preprocessor):
            return ()
        sums = state.task.sums_inputs(state.inner, work)
        if not sums and state.task.weight_cut(state.inner, work) is None:
            return ()
        before = self._settled.get((scaling, sums))
        if before is None or before[0] is not work.data:
            before = work.data, self._settle(work.data, state.study.name, scaling, sums=sums)
            self._settled[scaling, sums] = before
        return before[1]

    def _settle(self, data: HospitalData, study: str, scaling: Preprocessor, *, sums: bool) -> Cuts:
        first, found, forgets = [], [], has_forgotten(self.ledger, self.register)
        for column, (lowest, highest), places, (nearest_low, nearest_high) in cuts(scaling):
            known = self._known(column)
            low, high = known.get("places", places)
            least, most = _ends(data, column)
            is_nearer = (lowest > low and least < lowest) or (highest < high and most > highest)
            is_farther = (low > nearest_low and least < low) or (high < nearest_high and most > high)
            is_unknown = not known and forgets
            if sums and (is_nearer or is_farther or (is_unknown and (least < nearest_low or most > nearest_high))):
                raise _refusal(column, known.get("study", ""))
            if is_unknown and not sums:
                continue
            if not known:
                first.append((column, places))
            # By public numbers alone: noise of records covers what one row changes of its own, not of others'.
            low = low if lowest <= low <= nearest_low else 0.0
            high = high if nearest_high <= high <= highest else 1.0
            if least < low or most > high:
                found.append((column.name, (low, high)))
        with self.ledger.together():
            for column, places in first:
                self.ledger.record_standing(self._name(column), json.dumps({"study": study, "places": places}).encode())
        return tuple(found)

    def _known(self, column: Column) -> dict[str, Any]:
        data = self.ledger.standing(self._name(column))
        found: dict[str, Any] = json.loads(data) if data else {}
        return found

    def _name(self, column: Column) -> str:
        return f"inputs {json.dumps([self.register, column.name, column.transform])}"


def counted(work: HospitalWork, columns: Sequence[Column]) -> dict[str, int]:
    """Of the columns that the answer cuts, how many numbers of training rows are beyond."""
    by_name = {column.name: column for column in columns}
    return {
        name: sum(int(((part < low) | (part > high)).sum()) for part in _parts(work.data, by_name[name]))
        for name, (low, high) in work.cuts
    }


def cuts(scaling: Preprocessor) -> Iterator[tuple[Column, Places, Places, Places]]:
    """Below and above which values of each column are cut in any case, from the first study on, and of a later one at
    the nearest, in [0, 1] of its declared range: its ends where none is."""
    numeric = (column for column in scaling.columns if column.kind != "categorical")
    for column, mean, stddev in zip(numeric, scaling.mean, scaling.stddev, strict=True):
        farthest, kept, nearest = (
            (max(mean - reach * stddev, 0.0), min(mean + reach * stddev, 1.0))
            for reach in (CLIP_STDDEV, KEPT_STDDEV, NEAREST_STDDEV)
        )
        yield column, farthest, kept, nearest


def _ends(data: HospitalData, column: Column) -> Places:
    """The least and the largest number of a column in training rows, in [0, 1] of its declared range."""
    least, most = 1.0, 0.0
    for part in _parts(data, column):
        there = ~np.isnan(part)
        least = min(least, float(part.min(initial=1.0, where=there)))
        most = max(most, float(part.max(initial=0.0, where=there)))
    return least, most


def _parts(data: HospitalData, column: Column) -> Iterator[NDArray[np.float64]]:
    """The numbers of a column in training rows, in [0, 1] of its declared range, NaN where there is none; of images and
    series some rows at a time."""
    series, rows = data.table[column.name], np.flatnonzero(data.split == TRAIN)
    if not column.is_array:
        yield preprocess.scaled(series.to_numpy()[rows], column)
        return
    for start in range(0, len(rows), arrays.ROWS_AT_ONCE):
        yield arrays.scaled(series[rows[start : start + arrays.ROWS_AT_ONCE]], column)


def _refusal(column: Column, study: str) -> UnfitUpdateError:
    before = (
        f"the study {study!r} cut them" if study else "this hospital's ledger has forgotten where earlier studies did"
    )
    return UnfitUpdateError(
        f"this study would cut large values of the column {column.name!r} elsewhere than before ({before}), and this hospital has such rows",
        reason=CUT_ELSEWHERE,
        hint=WAY_OUT if study else "leave the column out of the study",
    )
