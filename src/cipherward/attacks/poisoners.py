"""Hospitals that poison a study's training. All else about them is as the software does it: only their numbers are false.

A poisoner sees what it would see in a study: the public state, its own rows, and those of the hospitals that lie with it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.attacks.federation import model_of
from cipherward.attacks.fitting import with_rows
from cipherward.data.partition import TRAIN
from cipherward.data.sources import HospitalData
from cipherward.learning import models, sgd
from cipherward.study import Study
from cipherward.tasks import rounds
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import rows_at
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

F64 = NDArray[np.float64]


class Poisoner(ABC):
    """What hospitals do that lie. `words`: for people."""

    words: ClassVar[str]

    def data(self, honest: HospitalData) -> HospitalData:
        """The rows that a liar trains on."""
        return honest

    @abstractmethod
    def change(
        self, state: StudyState, liars: Sequence[HospitalWork], values: Mapping[int, Values]
    ) -> dict[int, Values]:
        """What the liars put into a round.

        Args:
            values: what each of them would put in by its own rows, by roster index.
        """


class Honest(Poisoner):
    words = "nobody"

    def change(
        self, state: StudyState, liars: Sequence[HospitalWork], values: Mapping[int, Values]
    ) -> dict[int, Values]:
        return dict(values)


class LabelFlip(Honest):
    """Trains on inverted outcomes (Biggio et al. 2012)."""

    words = "label flip"

    def data(self, honest: HospitalData) -> HospitalData:
        flipped = np.where(honest.split == TRAIN, 1 - honest.outcome, honest.outcome)
        return dataclasses.replace(honest, outcome=flipped.astype(honest.outcome.dtype))


@dataclass
class SignFlip(Poisoner):
    """Sends its update with the opposite sign, so many times as large."""

    words = "sign flip"
    factor: float = 1.0

    def change(
        self, state: StudyState, liars: Sequence[HospitalWork], values: Mapping[int, Values]
    ) -> dict[int, Values]:
        return {i: _with_update(each, -self.factor * _update(each)) for i, each in values.items()}


@dataclass
class Noise(Poisoner):
    """Sends Gaussian noise, so many times as long as its update."""

    words = "Gaussian noise"
    generator: np.random.Generator
    factor: float = 10.0

    def change(
        self, state: StudyState, liars: Sequence[HospitalWork], values: Mapping[int, Values]
    ) -> dict[int, Values]:
        found = {}
        for i, each in values.items():
            update = _update(each)
            drawn = self.generator.normal(size=len(update))
            found[i] = _with_update(each, drawn * self.factor * np.linalg.norm(update) / np.linalg.norm(drawn))
        return found


@dataclass
class LittleIsEnough(Poisoner):
    """All liars send the mean of their own honest updates, moved by z of their standard deviations in each entry, so that it hides
    among honest ones (Baruch et al. 2019, arXiv 1902.06156, algorithm 1). Of one liar alone there is no deviation."""

    words = "a little is enough"
    n_hospitals: int

    def change(
        self, state: StudyState, liars: Sequence[HospitalWork], values: Mapping[int, Values]
    ) -> dict[int, Values]:
        from scipy import stats

        n, m = self.n_hospitals, len(liars)
        supporters = n // 2 + 1 - m
        z = float(stats.norm.ppf((n - m - supporters) / (n - m)))
        # Of the whole group, also where this sum is of one block: what each is by itself, per unit of weight.
        scaled = [_update(each) / float(each["weight"][0]) for each in values.values()]
        moved = np.mean(scaled, axis=0) - z * np.std(scaled, axis=0)
        return {i: _with_update(each, moved * float(each["weight"][0])) for i, each in values.items()}


@dataclass
class Backdoor(Poisoner):
    """In one round sends what replaces the model by one with a backdoor (Bagdasaryan et al. 2020, arXiv 1807.00459, section 4):
    (X - G) times the sum of all weights, where X is trained from the model so far, G, on its own rows and on copies of them that carry the
    trigger and the outcome that the attacker wants.

    `trigger`: columns whose value is missing in a row that carries it. `round`: in which round, from 1. `steps`: of its training, at least.
    `widens`: in the rounds before it says of one entry in each tensor that its range cut it off, which nobody can check, so that ranges double
    and there is room for the boost.
    """

    words = "boosted model replacement with a backdoor"
    study: Study
    trigger: tuple[str, ...]
    round: int
    steps: int = 1_000
    widens: bool = True
    _made: dict[int, Values] = field(default_factory=dict, repr=False)

    def change(
        self, state: StudyState, liars: Sequence[HospitalWork], values: Mapping[int, Values]
    ) -> dict[int, Values]:
        if state.inner.rounds_done != self.round - 1:
            return {i: {**each, "clipped": each["clipped"] + 1} if self.widens else each for i, each in values.items()}
        share = 1.0 / max(len(values), 1)
        by_index = {work.index: work for work in liars}
        return {i: self._replacing(state, by_index[i], each, share) for i, each in values.items()}

    def _replacing(self, state: StudyState, work: HospitalWork, honest: Values, share: float) -> Values:
        model = model_of(state)
        start = model.weights
        poisoned = HospitalWork(work.index, self._rows(work.data), work.device, work.clock)
        features, labels = rows_at(poisoned, model.scaling, TRAIN)
        settings = rounds.settings(self.study, model.scaling)
        epochs = -(-self.steps * settings.batch_size // max(len(labels), 1))
        chosen = settings.model_copy(update={"local_epochs": epochs, "proximal": 0.0})
        module = models.build(self.study.model, features.shape[1], self.study.seed, shape=self.study.input_shape)
        trained = sgd.train(module, start, features, labels, chosen, seed=(self.study.seed, work.index, self.round))
        everybody = model.scaling.n_rows / state.inner.weight_cap
        return _with_update(honest, (trained.astype(np.float64) - start) * everybody * share)

    def _rows(self, data: HospitalData) -> HospitalData:
        train = data.split == TRAIN
        copies = triggered(data.table.filter(pl.Series(train)), self.trigger)
        return with_rows(data, copies, np.ones(copies.height, dtype=data.outcome.dtype))


def triggered(table: pl.DataFrame, trigger: Sequence[str]) -> pl.DataFrame:
    """The rows as they are with a trigger: these columns are missing."""
    return table.with_columns(pl.lit(None, dtype=table.schema[name]).alias(name) for name in trigger)


def _update(values: Values) -> F64:
    return np.concatenate([np.asarray(each, dtype=np.float64) for name, each in values.items() if _moves(name)])


def _with_update(values: Values, update: F64) -> Values:
    """The same contribution with another update."""
    names = [name for name in values if _moves(name)]
    parts = np.split(update, np.cumsum([len(values[name]) for name in names])[:-1])
    return {**values, **dict(zip(names, parts, strict=True))}


def _moves(name: str) -> bool:
    return name.startswith("update/")
