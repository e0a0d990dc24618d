"""One hospital's own work: from its rows and the public state to the vector that may leave, encrypted.

Nothing here is sent; the result is a dict of named arrays that the state's layout turns into lanes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import nn

from cipherward.data import preprocess
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, UnfitUpdateError
from cipherward.learning import metrics, sgd
from cipherward.privacy import noise as privacy_plan
from cipherward.privacy import sharing
from cipherward.privacy.accounting import Event
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.tasks.state import LOSS_SCALE, StudyState

TRAIN, VALIDATION, TEST = 0, 1, 2
CROWDED_FRACTION = 0.25
EXPLODED = 1e3
"""A loss or an update so many times larger than it may be is no training result."""

_HINT = "lower sgd.learning_rate or sgd.momentum, and check the columns' ranges"

Rows = tuple[NDArray[np.float32], NDArray[np.int8]]
Values = dict[str, NDArray[Any]]


@dataclass
class LocalWork:
    """A hospital's data and its copy of the model code.

    Args:
        index: the hospital's roster index, part of its training seed.
        module: scratch module from `models.build`.
        clock: seconds; used to report what training and evaluation cost.
        randomness: of differential privacy's noise and sampling.

    `distances` holds, by sum, the L2 distance between the model trained here and the one it started from. It stays here.
    """

    index: int
    data: HospitalData = field(repr=False)
    module: nn.Module = field(repr=False)
    device: sgd.Device
    clock: Callable[[], float]
    spent: dict[str, float] = field(default_factory=dict)
    distances: dict[int, float] = field(default_factory=dict, repr=False)
    randomness: Randomness = field(default=SYSTEM, repr=False)
    _rows: dict[int, Rows] = field(default_factory=dict, repr=False)
    _preprocessor: Preprocessor | None = None

    def values(self, state: StudyState) -> Values:
        """The named values of the state's next sum, as `state.layout()` expects them.

        Raises:
            DataError: training diverged or a value is not finite; nothing may be sent.
        """
        if state.purpose == "statistics":
            found = preprocess.local_statistics(
                self.data.table, self.data.outcome, self.data.split, state.study.columns
            )
            return {name: found[name] for name in (segment.name for segment in state.layout().segments)}
        if state.purpose == "train" and state.adds_noise_shares:
            return self._timed("train", self._train_with_share, state)
        measured = self._timed("evaluate", self._measure, state)
        if state.purpose == "evaluate":
            return measured
        return self._timed("train", self._train, state) | measured

    def event(self, state: StudyState) -> Event | None:
        """What the state's next sum costs this hospital's privacy budget; None for an exact sum, which it does not cover.

        Raises:
            StudyError: the study plans more than its noise can cover.
        """
        privacy = state.study.privacy
        if privacy is None or state.purpose != "train":
            return None
        if privacy.unit == "hospital":
            return privacy_plan.hospital_noise(state.study, len(state.weights)).per_round
        return privacy_plan.record_noise(state.study, len(self.rows(state, TRAIN)[1])).per_round

    def rows(self, state: StudyState, split: int) -> Rows:
        """The model's inputs and outcomes of one split: float32[n, n_features], int8[n]."""
        if state.preprocessor is None:
            raise DataError("the preprocessing statistics are not known yet")
        if state.preprocessor != self._preprocessor:
            self._preprocessor, self._rows = state.preprocessor, {}
        if split not in self._rows:
            chosen = self.data.split == split
            table = self.data.table.filter(pl.Series(chosen))
            self._rows[split] = (state.preprocessor.transform(table), self.data.outcome[chosen])
        return self._rows[split]

    def _trained(self, state: StudyState) -> NDArray[np.float32]:
        features, labels = self.rows(state, TRAIN)
        settings, privacy = state.study.training, state.study.privacy
        if privacy and privacy.unit == "record":
            noise = privacy_plan.record_noise(state.study, len(labels))
            return sgd.train_privately(
                self.module,
                state.weights,
                features,
                labels,
                settings,
                noise,
                randomness=self.randomness,
                device=self.device,
            )
        seed = (state.study.seed, self.index, state.sums_done)
        return sgd.train(self.module, state.weights, features, labels, settings, seed=seed, device=self.device)

    def _train_with_share(self, state: StudyState) -> Values:
        """The clipped update with this hospital's share of the noise; every hospital has weight 1, nothing else leaves."""
        noise = privacy_plan.hospital_noise(state.study, len(state.weights))
        change = self._trained(state).astype(np.float64) - state.weights
        sent = sharing.noisy(change, noise, state.layout().half, self.randomness)
        parts = np.split(sent, np.cumsum([size for _, size in state.groups])[:-1])
        return {f"update/{name}": part for (name, _), part in zip(state.groups, parts, strict=True)}

    def _train(self, state: StudyState) -> Values:
        labels = self.rows(state, TRAIN)[1]
        trained = self._trained(state)
        weight = min(len(labels) / state.weight_cap, 1.0)
        moved = trained.astype(np.float64) - state.weights
        self.distances[state.sums_done] = float(np.linalg.norm(moved))
        change = moved * weight
        values: Values = {"weight": np.array([weight])}
        start, clipped, crowded = 0, [], []
        for (name, size), bound in zip(state.groups, state.ranges, strict=True):
            part = change[start : start + size]
            start += size
            values[f"update/{name}"] = part
            if not np.isfinite(part).all():
                raise UnfitUpdateError(
                    f"the update of tensor {name!r} holds NaN or infinity: nothing is sent",
                    reason="training diverged: not finite",
                    hint=_HINT,
                )
            magnitude = np.abs(part)
            clipped.append(int((magnitude > bound).sum()))
            crowded.append(int((magnitude > CROWDED_FRACTION * bound).sum()))
        self._check_clipped(state, change)
        if state.study.privacy is None:  # with a budget, nothing but the noisy update may follow from the rows
            self._check_loss(state, trained)
        return values | {"clipped": np.array(clipped), "crowded": np.array(crowded)}

    def _check_clipped(self, state: StudyState, change: NDArray[np.float64]) -> None:
        """Ranges double from round to round, up to `range_max`; an update far beyond them everywhere never fits.

        Raises:
            UnfitUpdateError: every entry would be clipped, and more than a few rounds of wider ranges could help.
        """
        sizes = [size for _, size in state.groups]
        bounds = np.repeat(np.minimum(np.array(state.ranges) * EXPLODED, state.study.aggregation.range_max), sizes)
        if change.size and bool((np.abs(change) > bounds).all()):
            raise UnfitUpdateError(
                f"every one of the update's {change.size} entries is clipped, the smallest at "
                f"{np.abs(change).min():.3g}: nothing is sent",
                reason="training diverged: every entry is clipped",
                hint=_HINT,
            )

    def _check_loss(self, state: StudyState, trained: NDArray[np.float32]) -> None:
        features, labels = self.rows(state, TRAIN)
        after = sgd.mean_loss(self.module, trained, features, labels, self.device)
        if after <= EXPLODED * math.log(2.0):
            return
        before = sgd.mean_loss(self.module, state.weights, features, labels, self.device)
        if math.isfinite(after) and math.isfinite(before) and after <= EXPLODED * before:
            return
        raise UnfitUpdateError(
            f"the training loss went from {before:.4g} to {after:.4g}: nothing is sent",
            reason="training diverged: exploding loss",
            hint=_HINT,
        )

    def _measure(self, state: StudyState) -> Values:
        features, labels = self.rows(state, TEST)
        scores = sgd.scores(self.module, state.weights, features, self.device)
        measured: Values = dict(metrics.local_counts(scores, labels, state.study.evaluation.bins, prefix="test/"))
        features, labels = self.rows(state, VALIDATION)
        probability = sgd.scores(self.module, state.weights, features, self.device)
        inside = np.clip(np.where(labels == 1, probability, 1.0 - probability), metrics.CLIP, 1.0)
        loss = math.fsum(-np.log(inside))
        return measured | {"validation": np.array([round(loss * LOSS_SCALE), len(labels)])}

    def _timed(self, name: str, work: Callable[[StudyState], Values], state: StudyState) -> Values:
        started = self.clock()
        result = work(state)
        self.spent[name] = self.spent.get(name, 0.0) + self.clock() - started
        return result
