"""`train` with `[training.defence]`: what hospitals that poison can do is bounded, outvoted, or tried on rows before it counts.

Every rule works on what is opened anyway, so all parties recompute it; docs/security.md says what it cannot do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.learning import robust
from cipherward.learning.model_kind import Factory
from cipherward.learning.server import Moments
from cipherward.study import Defence, Study
from cipherward.tasks import rounds
from cipherward.tasks.lanes import Layout
from cipherward.tasks.task import Model, Question, Sums
from cipherward.tasks.train import Train, TrainState


@dataclass(frozen=True)
class DefendedState(TrainState):
    """`refused`: the rounds, from 1, whose opened sum changed nothing, since no honest hospitals give it."""

    refused: tuple[int, ...] = ()


class Defended(Train):
    """Federated averaging among hospitals some of which may lie about their updates."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        super().__init__(study, factory, first)
        self._defence = study.training.defence or Defence()

    def first(self) -> TrainState:
        plain = super().first()
        return DefendedState(**{field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)})

    def ask(self, state: TrainState) -> Question | None:
        asked = super().ask(state)
        if asked is None or not self._is_round(state) or not self._defence.clip_norm:
            return asked
        cut = f"; by L2 norm it is cut to {self._defence.clip_norm:g} before that"
        return dataclasses.replace(asked, meaning={**asked.meaning, "update": asked.meaning["update"] + cut})

    def digest(self, state: TrainState) -> bytes:
        now = _defended(state)
        facts = json.dumps({"refused": now.refused}, sort_keys=True).encode()
        return hashlib.sha256(b"defended\x00" + super().digest(state) + facts).digest()

    def after(self, state: TrainState, sums: Sums, n_contributors: int) -> TrainState:
        following = super().after(state, sums, n_contributors)
        if self._is_round(state) and self._is_refused(state, sums, n_contributors):
            refused = (*_defended(state).refused, following.rounds_done)
            return dataclasses.replace(_defended(following), refused=refused)
        return following

    def result(self, state: TrainState) -> Mapping[str, Any]:
        return {**super().result(state), "rounds_refused": list(_defended(state).refused)}

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self._of_rounds(result), *super().warnings(result))

    def _of_rounds(self, result: Mapping[str, Any]) -> Iterator[str]:
        if refused := result.get("rounds_refused"):
            yield (
                f"{len(refused)} of {result['rounds']} rounds changed nothing (training.defence.bounds): the opened sum was larger than "
                "hospitals give that cut their updates as the study says. Somebody lied, or runs other software; sums do not say who."
            )

    def so_far(self, state: TrainState) -> Mapping[str, Any]:
        return {**super().so_far(state), "rounds_refused": list(_defended(state).refused)}

    def words(self, state: TrainState) -> tuple[str, str]:
        name, figures = super().words(state)
        if state.final is None and state.rounds_done in _defended(state).refused:
            return name, "refused: no honest hospitals give such a sum; the model stays"
        return name, figures

    def _is_round(self, state: TrainState) -> bool:
        return state.model.preprocessor is not None and not self._trained_out(state)

    def _next_weights(self, state: TrainState, sums: Sums, n: int) -> tuple[NDArray[np.float32], Moments | None]:
        if self._is_refused(state, sums, n):
            return state.model.weights, state.moments
        return super()._next_weights(state, sums, n)

    def _is_refused(self, state: TrainState, sums: Sums, n_contributors: int) -> bool:
        """Whether the opened sum is beyond what hospitals give that clip their updates, by `defence.bounds`."""
        if not self._defence.bounds:
            return False
        study, weight, half = self._study, float(sums["weight"][0]), Layout((), self._study.bits).half
        rows = 0 if study.carry_over else state.model.scaling.n_rows
        how = study.training.weights
        if robust.false_weight(weight, how, n_contributors, half, rows=rows, cap=state.weight_cap):
            return True
        parts = [np.asarray(part, dtype=np.float64) for part in rounds.update_parts(state.model, sums)]
        return robust.exceeds(parts, state.ranges, weight, self._defence.clip_norm, n_contributors, half)


def _defended(state: TrainState) -> DefendedState:
    if not isinstance(state, DefendedState):
        raise TypeError("not a state of this task")
    return state
