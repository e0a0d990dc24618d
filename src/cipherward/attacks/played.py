"""A study played to its end with hospitals that lie, its sums added in the clear, and what its model is worth afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from cipherward.attacks import federation, lira
from cipherward.attacks.federation import Lanes, model_of
from cipherward.attacks.poisoners import Poisoner, triggered
from cipherward.data.partition import TEST
from cipherward.data.sources import HospitalData
from cipherward.learning import models, sgd
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

Alter = Callable[[StudyState, dict[int, Values]], dict[int, Values]]


@dataclass(frozen=True)
class Ended:
    """A study's end. `auroc`: of its model on all test rows as they are; `result`: what result.json would say."""

    study: Study
    state: StudyState = field(repr=False)
    auroc: float
    result: Mapping[str, Any] = field(repr=False)

    def success(self, hospitals: Sequence[HospitalData], trigger: Sequence[str]) -> tuple[int, int]:
        """How many test rows without the outcome get it (a risk of at least one half) when they carry the trigger, and of how many."""
        model = model_of(self.state)
        hits = total = 0
        for each in hospitals:
            chosen = (each.split == TEST) & (each.outcome == 0)
            rows = model.scaling.transform(triggered(each.table.filter(pl.Series(chosen)), trigger))
            risks = self._risks(rows)
            hits, total = hits + int((risks >= 0.5).sum()), total + len(risks)
        return hits, total

    def _risks(self, rows: Any) -> Any:
        return _risks(self.study, self.state, rows)


def play(
    study: Study,
    hospitals: Sequence[HospitalData],
    liars: Sequence[int],
    poisoner: Poisoner,
    alter: Alter = lambda state, values: values,
    lanes: Lanes = lambda state, index, own: own,
) -> Ended:
    """The whole study.

    Args:
        liars: roster indices, from 1. They vote for every candidate.
        alter: what else becomes of the contributions to any sum, before they are rounded to lanes; `lanes`: and afterwards.

    Raises:
        CipherwardError: the sums make no model, or are refused.
    """
    works = [
        HospitalWork(i, poisoner.data(data) if i in liars else data, "cpu", federation.no_clock)
        for i, data in enumerate(hospitals, start=1)
    ]
    state = begin(study)
    while state.question is not None:
        values = federation.values_of(state, works)
        false = {i: each for i, each in values.items() if i in liars}
        if state.question.purpose.startswith("train"):
            values |= poisoner.change(state, [work for work in works if work.index in liars], false) if false else {}
        elif state.question.purpose == "vote":
            values |= {i: {name: np.zeros_like(each) for name, each in one.items()} for i, one in false.items()}
        state = federation.open_sum(state, alter(state, values), lanes).after
    return Ended(study, state, _auroc(study, state, hospitals), state.task.result(state.inner))


def _auroc(study: Study, state: StudyState, hospitals: Sequence[HospitalData]) -> float:
    model, risks, outcomes = model_of(state), [], []
    for each in hospitals:
        chosen = each.split == TEST
        risks.append(_risks(study, state, model.scaling.transform(each.table.filter(pl.Series(chosen)))))
        outcomes.append(each.outcome[chosen] == 1)
    return lira.auc(np.concatenate(risks), np.concatenate(outcomes))


def _risks(study: Study, state: StudyState, rows: Any) -> Any:
    model = model_of(state)
    module = models.build(study.model, rows.shape[1], study.seed, shape=study.input_shape)
    return sgd.scores(module, model.weights, rows)
