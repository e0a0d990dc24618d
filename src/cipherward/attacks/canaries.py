"""Attack "canaries": does the model learn single rows by heart? Rows that nobody has are planted, and looked for in the model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from cipherward.attacks import lira
from cipherward.attacks.attack import PRIVACY, Attack, Found, Measure, Settings
from cipherward.attacks.context import Context
from cipherward.attacks.fitting import Trainer, with_privacy, with_rows
from cipherward.attacks.intervals import clopper_pearson, mean_interval
from cipherward.attacks.membership import few_rows
from cipherward.attacks.updates import with_model
from cipherward.data.sources import HospitalData
from cipherward.study import Column, Study
from cipherward.tasks.rows import TEST, TRAIN

F64 = NDArray[np.float64]
CHANCE = 1.0 / math.log(2.0)
"""Mean exposure of a row that was never planted, in bits: that of a rank drawn at random."""


class CanarySettings(Settings):
    """`n_canaries`: looked for under each setting. `copies`: how often each is planted. `n_candidates`: rows of the same kind that a canary
    is ranked among, itself included. `few_rows`: of a hospital, where there are few, with `planted_at` canaries; `hidden`: of the
    perceptron that is trained on them, for `longer` times the study's epochs."""

    n_canaries: int = Field(default=50, ge=1)
    copies: tuple[int, ...] = (1, 8)
    n_candidates: int = Field(default=4_096, ge=2)
    few_rows: int = Field(default=40, ge=5)
    planted_at: int = Field(default=2, ge=1)
    hidden: int = Field(default=32, ge=1)
    longer: int = Field(default=5, ge=1)
    epsilons: tuple[float, ...] = (8.0, 3.0, 1.0)


@dataclass(frozen=True)
class Planted:
    """Canaries and where they are. `table`, `outcome`: one row each; `model`: in which of the models; `hospital`: at which hospital, from 0."""

    table: pl.DataFrame = field(repr=False)
    outcome: NDArray[np.int8] = field(repr=False)
    model: NDArray[np.int64] = field(repr=False)
    hospital: NDArray[np.int64] = field(repr=False)


class Canaries(Attack):
    name = "canaries"
    parts = (PRIVACY,)
    title = "Does the model learn patients by heart? (canaries)"
    explanation = (
        "A model should learn what patients have in common, and not what a single one has. Whether it does can be tested: we make up patients that cannot be real, every value drawn at random, "
        "put each into one hospital's rows, train, and ask the model. If it is surer of the planted patient than of thousands of made-up patients that it has never seen, it has learned this one by heart, "
        "and a real patient who is unlike the others would be learned as well. The measure is the exposure, in bits: an exposure of b says that the model ranks the planted patient among the best 1 in 2^b. "
        f"Patients that were never planted have {CHANCE:.2f} bits on average. Encryption does not change what a model learns. Differential privacy bounds it."
    )

    def __init__(self, settings: CanarySettings | None = None) -> None:
        self.chosen = settings or CanarySettings()
        super().__init__(self.chosen)

    def why_not(self, study: Study) -> str:
        arrays = any(column.is_array for column in study.columns)
        return "canaries are rows of numbers and categories, and its columns are images or series" if arrays else ""

    def run(self, at: Context) -> Found:
        chosen = self.chosen
        epochs = max(at.training.local_epochs, 1) * chosen.longer
        longer = {"local_epochs": epochs, "batch_size": at.training.batch_size}
        network = with_model(at.study, "mlp", hidden=[chosen.hidden])
        words = f"a perceptron with {chosen.hidden} hidden units on few rows"
        few, of_model = few_rows(at, chosen.few_rows), chosen.planted_at * len(at.hospitals)
        planted = self._canaries(at, chosen.n_canaries)
        measures = [
            *self._of_case(at, "the study as it is", (at.study, at.study), at.hospitals, planted),
            *self._of_case(
                at, words, (network.with_overrides(training=longer), network), few, self._canaries(at, of_model)
            ),
        ]
        return Found(tuple(measures))

    def _canaries(self, at: Context, in_one_model: int) -> Planted:
        generator, n = at.generator("canaries"), self.chosen.n_canaries
        places = np.arange(n)
        table = made_up(at.study.columns, n, generator)
        outcome = generator.permutation(places % 2).astype(np.int8)
        return Planted(table, outcome, places // in_one_model, places % len(at.hospitals))

    def _of_case(
        self,
        at: Context,
        words: str,
        studies: tuple[Study, Study],
        hospitals: Sequence[HospitalData],
        planted: Planted,
    ) -> Iterator[Measure]:
        """`studies`: as it is trained without noise, and with noise: there without more epochs, as more steps need more noise."""
        n_rows = sum(int((each.split == TRAIN).sum()) for each in hospitals)
        where = f"{words} ({n_rows} rows of {len(hospitals)} hospitals)"
        plain = Trainer(at, studies[0])
        for copies in (0, *self.chosen.copies):
            yield from self._measured(at, f"{where}, {_planted(copies)}, no noise", plain, hospitals, planted, copies)
        if reason := PRIVACY.not_run():
            yield Measure(where, PRIVACY.words, None, f"not run: {reason}")
            return
        largest = max(len(each.outcome) for each in hospitals)
        for epsilon in self.chosen.epsilons:
            private = Trainer(at, with_privacy(studies[1], epsilon, largest))
            for copies in self.chosen.copies:
                setting = f"{where}, {_planted(copies)}, epsilon {epsilon:g}"
                yield from self._measured(at, setting, private, hospitals, planted, copies)

    def _measured(
        self,
        at: Context,
        setting: str,
        trainer: Trainer,
        hospitals: Sequence[HospitalData],
        planted: Planted,
        copies: int,
    ) -> list[Measure]:
        others = made_up(at.study.columns, self.chosen.n_candidates - 1, at.generator("candidates"))
        candidates, rows = at.scaling.transform(others), at.scaling.transform(planted.table)
        exposures, accuracy = [], []
        for number in sorted(set(planted.model.tolist())):
            at.may_go_on(f"{setting}: model {number + 1}")
            inside = planted.model == number
            weights = trainer.fit(_with(hospitals, planted, inside, copies)).weights
            for row, outcome in zip(rows[inside], planted.outcome[inside], strict=True):
                same = np.full(len(candidates), outcome)
                sure = trainer.margins_of(weights, candidates, same)
                own = trainer.margins_of(weights, row[None], same[:1])[0]
                exposures.append(exposure(own, sure))
            accuracy.append(_accuracy(at, trainer, weights))
        found, most = np.array(exposures), math.log2(self.chosen.n_candidates)
        low, high = mean_interval(found)
        first = int((found >= most).sum())
        return [
            Measure(
                setting,
                "mean exposure in bits",
                float(found.mean()),
                f"of {len(found)} canaries, from {found.min():.1f} to {found.max():.1f}; {most:g} is the most, {CHANCE:.2f} chance",
                low,
                high,
            ),
            Measure(
                setting,
                "share of canaries that the model is surer of than of every other candidate",
                first / len(found),
                f"{first} of {len(found)} among {self.chosen.n_candidates} candidates",
                *clopper_pearson(first, len(found)),
            ),
            Measure(setting, "accuracy: AUROC", float(np.mean(accuracy)), "on all hospitals' test rows"),
        ]


def _planted(copies: int) -> str:
    return {0: "never planted", 1: "planted once"}.get(copies, f"planted {copies} times")


def made_up(columns: Sequence[Column], count: int, generator: np.random.Generator) -> pl.DataFrame:
    """Rows that nobody has: each number uniform in its declared range, each category as likely as another."""
    series = []
    for column in columns:
        if column.kind == "categorical":
            places = generator.integers(len(column.categories), size=count)
            series.append(pl.Series(column.name, [column.categories[place] for place in places], dtype=pl.String))
        else:
            low, high = column.minimum or 0.0, column.maximum or 0.0
            series.append(pl.Series(column.name, generator.uniform(low, high, count), dtype=pl.Float64))
    return pl.DataFrame(series)


def exposure(own: float, others: F64) -> float:
    """log2 |R| - log2 rank of a canary among itself and others, the surest first (Carlini et al. 2019, arXiv 1802.08232,
    definition 4); rows of which the model is as sure count as ahead."""
    rank = 1 + int((others >= own).sum())
    return math.log2(len(others) + 1) - math.log2(rank)


def _with(
    hospitals: Sequence[HospitalData], planted: Planted, inside: NDArray[np.bool_], copies: int
) -> list[HospitalData]:
    found = []
    for index, data in enumerate(hospitals):
        here = np.repeat(np.flatnonzero(inside & (planted.hospital == index)), copies)
        table = planted.table[here.tolist()].select(data.table.columns)
        found.append(with_rows(data, table, planted.outcome[here]) if len(here) else data)
    return found


def _accuracy(at: Context, trainer: Trainer, weights: NDArray[np.float32]) -> float:
    features, outcome = at.pooled(TEST)
    sure = trainer.margins_of(weights, features, outcome)
    return lira.auc(np.where(outcome == 1, sure, -sure), outcome == 1)
