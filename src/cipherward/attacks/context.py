"""What an attack is given: a study, every hospital's rows, and the study's own training.

An attack is run on one machine, where all rows are at hand, so that what it guesses can be compared with what is true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import InterruptedRunError
from cipherward.learning import models
from cipherward.learning.baselines import Rows
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.study import Study, Training
from cipherward.tasks import rounds, yardsticks
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TRAIN, rows_at


@dataclass(frozen=True)
class Context:
    """Where an attack runs.

    Args:
        study: as the command was given it, with this run's seed, and with `for_attacks` applied.
        hospitals: every hospital's rows, in roster order.
        seed: of this run.
        say: called with what is being done.
        should_stop: asked between steps.
    """

    study: Study
    hospitals: Sequence[HospitalData] = field(repr=False)
    seed: int
    say: Callable[[str], None] = field(default=lambda _: None, repr=False)
    should_stop: Callable[[], bool] = field(default=lambda: False, repr=False)

    @property
    def may_show_rows(self) -> bool:
        """Whether a patient's row may stand in the results: only where no patient stands behind any."""
        return self.study.synthetic

    def may_go_on(self, doing: str = "") -> None:
        """Say what comes next. Raises InterruptedRunError where somebody asked to stop."""
        if self.should_stop():
            raise InterruptedRunError("stopped")
        if doing:
            self.say(doing)

    def generator(self, *names: str) -> np.random.Generator:
        """Random numbers of one purpose: the same for the same study's seed and names."""
        words = [int.from_bytes(name.encode(), "little") for name in names]
        return np.random.default_rng([self.seed, *words])

    @cached_property
    def _prepared(self) -> tuple[Preprocessor, list[HospitalWork]]:
        return yardsticks.prepare(self.study, self.hospitals, "cpu")

    @property
    def scaling(self) -> Preprocessor:
        """From a table to the model's inputs, by constants of all hospitals together."""
        return self._prepared[0]

    @property
    def works(self) -> list[HospitalWork]:
        """Every hospital's own work, in roster order."""
        return self._prepared[1]

    @cached_property
    def outcome(self) -> Outcome:
        """The study's type of outcome, with its constants."""
        return yardsticks.outcome_at(self.study, self.scaling)

    @cached_property
    def training(self) -> Training:
        """The study's training, with what it leaves to the rows."""
        return rounds.settings(self.study, self.scaling)

    def module(self, study: Study | None = None, n_features: int | None = None) -> Module:
        """The study's model with its first weights."""
        chosen = study or self.study
        width = n_features or self.scaling.n_features
        return models.build(chosen.model, width, chosen.seed, shape=chosen.input_shape)

    def rows(self, hospital: int, split: int = TRAIN) -> Rows:
        """Inputs float32[n, n_features] and outcomes [n] of a hospital, counted from 0."""
        return rows_at(self.works[hospital], self.scaling, split)

    def pooled(self, split: int = TRAIN) -> Rows:
        """The same of all hospitals together, in roster order."""
        parts = [self.rows(index, split) for index in range(len(self.hospitals))]
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """What anybody may know of an input: its mean over all training rows, float64[n_features]."""
        found: NDArray[np.float64] = self.pooled()[0].mean(axis=0, dtype=np.float64)
        return found


NOT_SHOWN = "Not shown: the study does not say that its patients are synthetic, and this page would hold their rows."


def for_attacks(study: Study) -> Study:
    """The study as attacks run it: without its own differential privacy and noise, trained by rounds of SGD, and measured once for everybody.

    An attack that measures what differential privacy does sets it itself.
    """
    training = {} if study.training.method == "sgd" else {"method": "sgd"}
    plain = {"threshold": None, "coverage": None, "subgroups": ()}
    return study.with_overrides(top={"privacy": None}, noise={"enabled": False}, training=training, evaluation=plain)
