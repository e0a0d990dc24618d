"""A study's rounds of training on chosen rows, by the functions that hospitals and the coordinator use themselves: quick, as nothing is
evaluated and no key is made. Attacks that need many models of one study train them so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.attacks.context import Context
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.sources import HospitalData
from cipherward.learning import models, sgd
from cipherward.learning.model_kind import Module
from cipherward.study import Study
from cipherward.tasks import rounds
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.rows import rows_at
from cipherward.tasks.task import Model, Values

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A model, and what everybody who took part saw on the way. `path`: the weights before each round and after the last one,
    float32[n_parameters] each: the difference of two neighbours is the mean that was opened in between."""

    path: tuple[NDArray[np.float32], ...] = field(repr=False)

    @property
    def weights(self) -> NDArray[np.float32]:
        return self.path[-1]


def members(data: HospitalData, is_member: NDArray[np.bool_]) -> HospitalData:
    """The hospital that trains on these rows and no others."""
    return replace(data, split=np.where(is_member, TRAIN, TEST).astype(np.uint8))


def with_rows(data: HospitalData, table: pl.DataFrame, outcome: NDArray[np.int8]) -> HospitalData:
    """The hospital with more rows, all of them to train on."""
    split = np.concatenate([data.split, np.full(len(outcome), TRAIN, np.uint8)])
    return HospitalData(data.name, pl.concat([data.table, table]), np.concatenate([data.outcome, outcome]), split)


class Trainer:
    """Fits a study's model again and again.

    Args:
        study: with the model, training and privacy in question.
        encrypted: whether updates are rounded to lanes, as in every sum that is encrypted; else they are added as float32, as
            they travel under scheme plain.
    """

    def __init__(self, at: Context, study: Study, *, encrypted: bool = True) -> None:
        self.at, self.study, self.encrypted = at, study, encrypted
        self.module: Module = at.module(study)
        self.first = Model(models.groups(self.module), models.flatten(self.module), at.scaling)

    def fit(self, hospitals: Sequence[HospitalData]) -> Fitted:
        """Train in all rounds of the study.

        Raises:
            DataError, UnfitUpdateError: as `rounds.weighted_update`.
        """
        works = [HospitalWork(k, each, "cpu", _no_clock) for k, each in enumerate(hospitals, start=1)]
        n_rows = sum(len(rows_at(work, self.at.scaling, TRAIN)[1]) for work in works)
        cap = 8.0 * n_rows / len(works)
        bound = rounds.first_bound(self.study, self.first)
        model, ranges = self.first, (bound,) * len(self.first.groups)
        path, moments = [model.weights], None
        for number in range(1, self.study.training.rounds + 1):
            self.at.may_go_on()
            each = [
                rounds.weighted_update(self.study, self.module, model, work, ranges, cap, number, self.at.outcome)
                for work in works
            ]
            sums = self._opened(model, ranges, each)
            weights, moments = rounds.next_weights(self.study, model, sums, len(works), moments)
            if self.encrypted:
                ranges = rounds.next_ranges(self.study, model, ranges, sums, len(works))
            model = replace(model, weights=weights)
            path.append(weights)
        return Fitted(tuple(path))

    def margins(self, weights: NDArray[np.float32], data: HospitalData) -> F64:
        """How sure the model is of each row's true outcome: the logit of its probability, float64[n_rows]."""
        return self.margins_of(weights, self.features(data), data.outcome)

    def margins_of(self, weights: NDArray[np.float32], features: NDArray[np.float32], outcome: NDArray[np.int8]) -> F64:
        """The same of rows as the model sees them."""
        scores = np.clip(sgd.scores(self.module, weights, features), 1e-12, 1.0 - 1e-12)
        logits: F64 = np.log(scores) - np.log1p(-scores)
        return np.where(outcome == 1, logits, -logits)

    def features(self, data: HospitalData) -> NDArray[np.float32]:
        """All rows of a hospital as the model sees them."""
        return self.at.scaling.transform(data.table)

    def _opened(self, model: Model, ranges: tuple[float, ...], each: Sequence[Values]) -> Values:
        parts = rounds.update_segments(self.study, model, ranges) + rounds.weight_segments(self.study, model)
        layout = Layout(parts, self.study.bits)
        if self.encrypted:
            lanes = [layout.encode(values, os.urandom(32)).astype(np.int64) for values in each]
            return layout.decode(np.sum(lanes, axis=0), len(lanes))
        return {name: np.sum([_sent(values[name]) for values in each], axis=0) for name in each[0]}


def with_privacy(study: Study, epsilon: float, n_rows: int) -> Study:
    """The study with differential privacy of records, in batches as large as a study that leaves them open has.

    `n_rows`: training rows of the largest hospital; delta is a tenth of one over them, or 1e-5 where that is smaller.
    """
    privacy = {"unit": "record", "epsilon": epsilon, "delta": min(1e-5, 0.1 / n_rows), "clipping_norm": 1.0}
    return study.with_overrides(privacy=privacy, training={"batch_size": 0})


def _sent(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.astype(np.float32).astype(np.float64) if values.dtype.kind == "f" else values


def _no_clock() -> float:
    return 0.0
