"""Exact sums over standardised inputs cut them at the same values in all studies over a register.

A number counts as no more than ten standard deviations from its middle (`data.preprocess`), and each study opens both
anew. Two sums of a Newton step, or for predicted numbers, or two updates that are one step from zeros, are the same but
for a known change of scale, and for the rows that are cut in one of them: their difference is of these rows, perhaps of
one patient. The ledger keeps where the first such sum cut a column. A hospital declines another one that cuts
elsewhere, if a row of its own is cut in either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cipherward.data import arrays, preprocess
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

    def hold(self, work: HospitalWork, state: StudyState) -> None:
        """Called before an exact answer leaves: where it sums inputs (`Task.sums_inputs`), the ledger knows from now on
        where they are cut.

        Raises:
            UnfitUpdateError: elsewhere than before, and a training row here is cut in one of both; nothing may be sent.
        """
        scaling = state.model.preprocessor if state.model else None
        if not isinstance(scaling, Preprocessor) or not state.task.sums_inputs(state.inner, work):
            return
        first = []
        for column, places in cuts(scaling):
            known = self._known(column)
            if known and known["places"] == list(places):
                continue
            if not known:
                first.append((column, places))
                if not has_forgotten(self.ledger, self.register):
                    continue
            low, high = np.transpose([places, known.get("places", places)])
            if _is_beyond(work.data, column, float(low.max()), float(high.min())):
                raise _refusal(column, known.get("study", ""))
        for column, places in first:
            kept = {"study": state.study.name, "places": places}
            self.ledger.record_standing(self._name(column), json.dumps(kept).encode())

    def _known(self, column: Column) -> dict[str, Any]:
        data = self.ledger.standing(self._name(column))
        found: dict[str, Any] = json.loads(data) if data else {}
        return found

    def _name(self, column: Column) -> str:
        return f"inputs {json.dumps([self.register, column.name, column.transform])}"


def cuts(scaling: Preprocessor) -> Iterator[tuple[Column, tuple[float, float]]]:
    """Below and above which values of each column are cut, in [0, 1] of its declared range: its ends where none is."""
    numeric = (column for column in scaling.columns if column.kind != "categorical")
    for column, mean, stddev in zip(numeric, scaling.mean, scaling.stddev, strict=True):
        reach = preprocess.CLIP_STDDEV * stddev
        yield column, (max(mean - reach, 0.0), min(mean + reach, 1.0))


def _is_beyond(data: HospitalData, column: Column, low: float, high: float) -> bool:
    """Whether a training row has a value outside of [low, high]."""
    series = data.table[column.name].filter(pl.Series(data.split == TRAIN))
    values = arrays.scaled(series, column) if column.is_array else preprocess.scaled(series.to_numpy(), column)
    return bool(((values < low) | (values > high)).any())


def _refusal(column: Column, study: str) -> UnfitUpdateError:
    before = (
        f"the study {study!r} cut them" if study else "this hospital's ledger has forgotten where earlier studies did"
    )
    return UnfitUpdateError(
        f"this study would cut large values of the column {column.name!r} elsewhere than before ({before}), and this hospital has such rows",
        reason=CUT_ELSEWHERE,
        hint=WAY_OUT,
    )
