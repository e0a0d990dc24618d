"""A task of its own, as somebody else would write one: the mean of a column to a wanted precision, batch by batch.

Each question asks the sum over one more tenth of the rows; it stops as soon as the standard error is small enough.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.row_groups import RowGroup
from cipherward.tasks.task import Question, ResultTable, Sums, Task, Values, canonical, limbs_for

SCALE, BATCHES = 2**16, 10


@dataclass(frozen=True)
class Mean:
    batches: int = 0
    count: int = 0
    total: int = 0
    square: int = 0

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        if self.count < 2:
            return math.inf
        mean = self.total / SCALE / self.count
        return math.sqrt(max(self.square / SCALE / self.count - mean * mean, 0.0) / self.count)


@dataclass(frozen=True)
class Batch(RowGroup):
    """Every tenth row with a value in a column."""

    column: str = ""
    number: int = 0

    @property
    def words(self) -> str:
        return f"rows of batch {self.number} with a value"

    def chosen(self, data: HospitalData) -> NDArray[np.bool_]:
        found = np.zeros(len(data.outcome), dtype=bool)
        found[np.flatnonzero(data.table[self.column].is_not_null().to_numpy())[self.number :: BATCHES]] = True
        return found


class FederatedMean(Task[Mean]):
    def __init__(self, study: Study, factory: Any = None, first: Any = None) -> None:
        self.study, self.column, self.wanted = study, study.settings["column"], float(study.settings["error"])

    def first(self) -> Mean:
        return Mean()

    def ask(self, state: Mean) -> Question | None:
        if state.batches == BATCHES or state.error <= self.wanted:
            return None
        bits = self.study.bits
        layout = Layout((CountSegment("sums", 3, limbs_for(48, bits)),), bits)
        asked = canonical({"column": self.column, "batch": state.batches})
        about = (Batch(column=self.column, number=state.batches),)
        meaning = {"sums": "rows, sum and squares"}
        return Question("mean", "Rows, sum and squares of a column", asked, layout, meaning, about=about)

    def answer(self, state: Mean, at: HospitalWork) -> Values:
        values = at.data.table[self.column].drop_nulls().to_numpy()[state.batches :: BATCHES] + 8.0
        sums = (len(values), round(float(values.sum()) * SCALE), round(float(np.square(values).sum()) * SCALE))
        return {"sums": np.array(sums, dtype=np.int64)}

    def after(self, state: Mean, sums: Sums, n_contributors: int) -> Mean:
        count, total, square = (int(value) for value in sums["sums"])
        return Mean(state.batches + 1, state.count + count, state.total + total, state.square + square)

    def digest(self, state: Mean) -> bytes:
        return hashlib.sha256(json.dumps(vars(state)).encode()).digest()

    def result(self, state: Mean) -> Mapping[str, Any]:
        return {"mean": state.total / SCALE / state.count - 8.0, "error": state.error, "batches": state.batches}

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return (
            ResultTable(
                "mean", "Mean of one column", ("mean", "error"), ((str(result["mean"]), str(result["error"])),)
            ),
        )

    def plan(self) -> Iterator[tuple[Question, int]]:
        yield self.ask(Mean()), BATCHES  # type: ignore[misc]
