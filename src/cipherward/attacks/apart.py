"""What opened sums over different hospitals give away of the one in which they differ (design of disclosure, rules 1 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.attacks import federation
from cipherward.attacks.federation import model_of
from cipherward.data.sources import HospitalData
from cipherward.disclosure.inference import readable
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Missed:
    """Rounds of which one lacks a hospital. `totals`: float64[n_rounds, n_parameters], the opened sums of weighted updates; `models`: before each;
    `missed`: which round; `truth`: float64[n_parameters], what the hospital would have put in."""

    totals: F64 = field(repr=False)
    models: F64 = field(repr=False)
    missed: int
    truth: F64 = field(repr=False)

    @property
    def by_difference(self) -> F64:
        """The sum of the round before less that of the round without the hospital."""
        found: F64 = self.totals[self.missed - 1] - self.totals[self.missed]
        return found

    @property
    def by_regression(self) -> F64:
        """The sums of all other rounds, as a linear function of the model that they started from, at the model of the missed round; less what
        was opened there. Updates change with the model, and these are neighbours of it."""
        others = np.arange(len(self.totals)) != self.missed
        away = self.models[others] - self.models[self.missed]
        inputs = np.column_stack([np.ones(len(away)), away])
        fitted, *_ = np.linalg.lstsq(inputs, self.totals[others], rcond=1e-8)
        found: F64 = fitted[0] - self.totals[self.missed]
        return found

    def error(self, guess: F64) -> float:
        """Of a guess of the hospital's contribution, relative to its length."""
        return float(np.linalg.norm(guess - self.truth) / max(float(np.linalg.norm(self.truth)), 1e-12))


def play(study: Study, hospitals: Sequence[HospitalData], victim: int, missed: int) -> Missed:
    """The study's rounds; in round `missed`, from 0, the victim (roster index) is away."""
    works = [HospitalWork(i, each, "cpu", federation.no_clock) for i, each in enumerate(hospitals, start=1)]
    state, truth = begin(study), np.zeros(0)
    totals, models = list[F64](), list[F64]()
    while state.question is not None:
        values = federation.values_of(state, works)
        is_round = state.purpose == "train"
        if is_round:
            models.append(model_of(state).weights.astype(np.float64))
        if is_round and len(totals) == missed:
            truth = federation.update_of(values.pop(victim), model_of(state))
        opened = federation.open_sum(state, values)
        if is_round:
            totals.append(federation.update_of(opened.sums, model_of(state)))
        state = opened.after
    return Missed(np.stack(totals), np.stack(models), missed, truth)


def smallest_group(sums: Sequence[Sequence[int]]) -> int:
    """The fewest hospitals whose total follows from these sums by adding and subtracting."""
    return min(len(group) for group in readable(sums))
