"""Updates to attack: what hospitals with chosen rows would send in a training round, alone and added up, by the study's own code."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.attacks.context import Context
from cipherward.attacks.records import F64
from cipherward.data.partition import TRAIN
from cipherward.data.sources import HospitalData
from cipherward.learning import models
from cipherward.study import Study
from cipherward.tasks import rounds
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.rows import rows_at
from cipherward.tasks.task import Model, Values


def all_rows(at: Context) -> HospitalData:
    """The training rows of all hospitals, as one table."""
    tables = [each.table.filter(pl.Series(each.split == TRAIN)) for each in at.hospitals]
    outcome = np.concatenate([each.outcome[each.split == TRAIN] for each in at.hospitals])
    return HospitalData("all", pl.concat(tables), outcome, np.full(len(outcome), TRAIN, np.uint8))


def some(data: HospitalData, rows: NDArray[np.int64]) -> HospitalData:
    """A hospital that has these rows only, all of them to train on."""
    split = np.full(len(rows), TRAIN, np.uint8)
    cluster = None if data.cluster is None else np.unique(data.cluster[rows], return_inverse=True)[1].astype(np.uint32)
    return HospitalData(data.name, data.table[rows.tolist()], data.outcome[rows], split, cluster=cluster)


@dataclass
class Trainer:
    """One training round from a model that everybody knows. Hospitals count alike, so that an update is not made small by its weight.

    `study`: with the model and training in question. `start`: float32[n_parameters], the model before the round.
    """

    at: Context
    study: Study
    start: NDArray[np.float32] | None = None
    model: Model = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.study = self.study.with_overrides(training={"weights": "equal"})
        self._module = self.at.module(self.study)
        first = models.flatten(self._module) if self.start is None else self.start
        self.model = Model(models.groups(self._module), first, self.at.scaling)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        return self.model.groups

    def works(self, data: HospitalData, parts: Sequence[NDArray[np.int64]]) -> list[HospitalWork]:
        """Hospitals that have these rows of the data."""
        return [HospitalWork(k, some(data, rows), "cpu", _no_clock) for k, rows in enumerate(parts, start=1)]

    def records(self, work: HospitalWork) -> F64:
        """A hospital's inputs as the model sees them, float64[n, n_features]."""
        return rows_at(work, self.at.scaling, TRAIN)[0].astype(np.float64)

    def values(self, work: HospitalWork) -> Values:
        """What it contributes in this round: its update, its weight 1, and counts."""
        ranges = (math.inf,) * len(self.groups)
        return rounds.weighted_update(self.study, self._module, self.model, work, ranges, 1.0, 1, self.at.outcome)

    def plain(self, values: Values) -> F64:
        """The update as it travels unencrypted, in float32: float64[n_parameters]."""
        sent: F64 = self.flat(values).astype(np.float32).astype(np.float64)
        return sent

    def opened(self, values: Sequence[Values]) -> F64:
        """The sum of updates as it is opened, float64[n_parameters], rounded to lanes. Ranges are as wide as the updates need, as the
        public rule makes them."""
        layout = self.layout(values)
        lanes = [layout.encode(each, os.urandom(32)).astype(np.int64) for each in values]
        return self.flat(layout.decode(np.sum(lanes, axis=0), len(lanes)))

    def layout(self, values: Sequence[Values]) -> Layout:
        """Of a sum of these."""
        ranges = [
            2.0
            ** math.ceil(math.log2(max(max(float(np.abs(each[f"update/{name}"]).max()) for each in values), 2**-20)))
            for name, _ in self.groups
        ]
        parts = rounds.update_segments(self.study, self.model, ranges) + rounds.weight_segments(self.study, self.model)
        return Layout(parts, self.study.bits)

    def gradient(self, update: F64) -> F64:
        """An update, or a sum of updates, as a gradient of the loss: as if it came from one step without momentum."""
        return -update / self.at.training.learning_rate

    def flat(self, values: Values) -> F64:
        """The update in some values: float64[n_parameters]."""
        return np.concatenate([np.asarray(values[f"update/{name}"], dtype=np.float64) for name, _ in self.groups])


def dealt(n_rows: int, n_hospitals: int, generator: np.random.Generator, each: int = 0) -> list[NDArray[np.int64]]:
    """Rows for so many hospitals, at random: `each` of them, or all rows in equal parts. Where there are fewer rows than that, some hospitals
    get the same ones."""
    wanted = n_hospitals * (each or max(n_rows // n_hospitals, 1))
    times = -(-wanted // n_rows)
    order = np.concatenate([generator.permutation(n_rows).astype(np.int64) for _ in range(times)])
    taken = order[:wanted] if each or n_rows < n_hospitals else order
    return [np.sort(part) for part in np.array_split(taken, n_hospitals)]


def one_step(study: Study, n_rows: int) -> Study:
    """The study whose hospitals make one step of SGD on all of so many rows."""
    return study.with_overrides(training={"local_epochs": 1, "batch_size": max(n_rows, 1), "momentum": 0.0})


def with_model(study: Study, kind: str, **settings: object) -> Study:
    """The study with another model."""
    return study.with_overrides(top={"model": {"kind": kind, **settings}})


def _no_clock() -> float:
    return 0.0
