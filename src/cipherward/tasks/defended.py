"""`train` with `[training.defence]`: what hospitals that poison can do is bounded, outvoted, or tried on rows before it counts.

Every rule works on what is opened anyway, so all parties recompute it; docs/security.md says what it cannot do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.learning import robust
from cipherward.learning.model_kind import Factory
from cipherward.learning.server import Moments
from cipherward.privacy.accounting import Event
from cipherward.study import Defence, Study
from cipherward.tasks import block_sums, rounds, vote
from cipherward.tasks.block_sums import BlockSum
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.task import Model, Question, Sums, Values, canonical
from cipherward.tasks.train import Train
from cipherward.tasks.train_state import TrainState
from cipherward.tasks.vote import Votes

_SIZING = ("learning_rate", "local_epochs", "batch_size", "momentum", "class_weights", "scale")
"""Settings that make the same update larger or smaller, so that one norm cuts another part of it."""


@dataclass(frozen=True)
class Candidate:
    """What the model would be after a round: `weights` float32[n_parameters], and the server's moments."""

    weights: NDArray[np.float32] = field(repr=False)
    moments: Moments | None = None


@dataclass(frozen=True)
class DefendedState(TrainState):
    """`refused`: the rounds, from 1, whose opened sums changed nothing, since no honest hospitals give them; `blocks_refused`: (round,
    block), from 1, of blocks that were left out for that. `waiting`: the sums of this round's blocks that are opened already.
    `candidate`: the model that is voted on; `votes`: on each round's, None where there was none."""

    refused: tuple[int, ...] = ()
    blocks_refused: tuple[tuple[int, int], ...] = ()
    waiting: tuple[BlockSum, ...] = ()
    candidate: Candidate | None = None
    votes: tuple[Votes | None, ...] = ()


class Defended(Train):
    """Federated averaging among hospitals some of which may lie about their updates."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        super().__init__(study, factory, first)
        self._defence = study.training.defence or Defence()
        self._blocks = block_sums.blocks_of(study) if study.training.combines_blocks else ()

    def clip_norm(self) -> float:
        return self._defence.clip_norm

    def sizing(self) -> Mapping[str, Any]:
        document = self._study.training.model_dump(mode="json")
        return {name: document.get(name) for name in _SIZING} if self._defence.clip_norm else {}

    def exact_answers(self) -> int:
        in_round = self._study.training.sums_in_round(len(self._blocks))
        return super().exact_answers() + self._study.training.rounds * (in_round - 1)

    def first(self) -> TrainState:
        plain = super().first()
        return DefendedState(**{field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)})

    def ask(self, state: TrainState) -> Question | None:
        if _defended(state).candidate:
            return vote.question(self._study, self._of_study)
        asked = super().ask(state)
        if asked is None or not self._is_round(state):
            return asked
        if self._defence.clip_norm:
            cut = f"; by L2 norm it is cut to {self._defence.clip_norm:g} before that"
            asked = dataclasses.replace(asked, meaning={**asked.meaning, "update": asked.meaning["update"] + cut})
        return self._of_block(asked, len(_defended(state).waiting)) if self._blocks else asked

    def answer(self, state: TrainState, at: HospitalWork) -> Values:
        candidate = _defended(state).candidate
        if candidate is None:
            return super().answer(state, at)
        module, number, outcome = at.kept("module", self._module), state.rounds_done, self._outcome(state)
        with at.timed("evaluate"):
            return vote.answer(self._study, module, state.model, candidate.weights, number, at, outcome)

    def weight_cut(self, state: TrainState, at: HospitalWork) -> int | None:
        return None if _defended(state).candidate else super().weight_cut(state, at)

    def sums_inputs(self, state: TrainState, at: HospitalWork) -> bool:
        return _defended(state).candidate is None and super().sums_inputs(state, at)

    def cost(self, state: TrainState, at: HospitalWork) -> Event | None:
        return None if _defended(state).candidate else super().cost(state, at)

    def base(self, state: TrainState) -> Sums:
        return {} if _defended(state).candidate else super().base(state)

    def _of_block(self, asked: Question, k: int) -> Question:
        return dataclasses.replace(
            asked,
            purpose=asked.purpose if k == len(self._blocks) - 1 else "train-block",
            title=f"In each training round, of each of the {len(self._blocks)} blocks by itself",
            parameters=canonical({**json.loads(asked.parameters), "block": k + 1}),
            asked=self._blocks[k],
        )

    def digest(self, state: TrainState) -> bytes:
        now = _defended(state)
        votes = [dataclasses.astuple(each) if each else None for each in now.votes]
        facts = json.dumps({"refused": now.refused, "blocks_refused": now.blocks_refused, "votes": votes}).encode()
        found = hashlib.sha256(b"defended\x00" + super().digest(state) + facts)
        for one in now.waiting:
            found.update(one.digest())
        if now.candidate:
            found.update(b"candidate\x00" + np.ascontiguousarray(now.candidate.weights, "<f4").data)
            for moments in filter(None, [now.candidate.moments]):
                found.update(np.ascontiguousarray([moments.first, moments.second], "<f8").data)
        return found.digest()

    def after(self, state: TrainState, sums: Sums, n_contributors: int) -> TrainState:
        now = _defended(state)
        if now.candidate:
            return self._after_vote(now, now.candidate, vote.counted(sums, self._of_study, n_contributors))
        if not self._is_round(state):
            return super().after(state, sums, n_contributors)
        waiting = (*now.waiting, BlockSum(dict(sums), n_contributors))
        if len(waiting) < self._sums_in_round:
            return dataclasses.replace(now, waiting=waiting)
        now = dataclasses.replace(now, waiting=waiting)
        together = block_sums.together(waiting)
        following = super().after(now, together.sums, together.n_contributors)
        number, left_out = (
            following.rounds_done,
            [k for k, one in enumerate(waiting, start=1) if self._is_refused(now, one)],
        )
        all_out = len(left_out) == len(waiting)
        found = dataclasses.replace(
            _defended(following),
            waiting=(),
            refused=(*now.refused, number) if all_out else now.refused,
            blocks_refused=(*now.blocks_refused, *((number, k) for k in left_out if not all_out)),
        )
        if not self._defence.vote:
            return found
        if all_out:
            return dataclasses.replace(found, votes=(*now.votes, None))
        # The model stays as it is until hospitals have tried what would follow.
        candidate = Candidate(following.model.weights, following.moments)
        return dataclasses.replace(found, model=now.model, moments=now.moments, candidate=candidate)

    def _after_vote(self, now: DefendedState, candidate: Candidate, votes: Votes) -> DefendedState:
        decided = dataclasses.replace(now, candidate=None, votes=(*now.votes, votes))
        if votes.rejects(vote.needed(self._study)):
            return decided
        model = dataclasses.replace(now.model, weights=candidate.weights)
        return dataclasses.replace(decided, model=model, moments=candidate.moments)

    def result(self, state: TrainState) -> Mapping[str, Any]:
        return {**super().result(state), **self._rounds(state)}

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self._of_rounds(result), *super().warnings(result))

    def _of_rounds(self, result: Mapping[str, Any]) -> Iterator[str]:
        reason = (
            "the opened sum was larger than hospitals give that cut their updates as the study says. Somebody lied, or runs other "
            "software; sums do not say who."
        )
        if refused := result.get("rounds_refused"):
            yield f"{len(refused)} of {result['rounds']} rounds changed nothing (training.defence.bounds): {reason}"
        if blocks := result.get("blocks_refused"):
            named = ", ".join(f"block {block} in round {number}" for number, block in blocks[:5])
            yield f"{len(blocks)} sums of blocks were left out (training.defence.bounds; {named}): {reason}"

        if rejected := result.get("rounds_rejected"):
            yield (
                f"{len(rejected)} of {result['rounds']} candidate models were dropped by the hospitals' vote (training.defence.vote): "
                f"{vote.needed(self._study)} or more said that the model did worse on a class of their validation rows. A false update may be "
                "the reason, false votes, or hospitals that differ; sums do not say."
            )

    def so_far(self, state: TrainState) -> Mapping[str, Any]:
        return {**super().so_far(state), **self._rounds(state)}

    def shown(self, state: TrainState) -> Mapping[str, Any]:
        found = super().shown(state)
        return dict.fromkeys(found) if _defended(state).waiting or self._has_voted(state) else found

    def words(self, state: TrainState) -> tuple[str, str]:
        now, (name, figures) = _defended(state), super().words(state)
        if now.waiting:
            return f"round {now.rounds_done + 1:>2}/{self._study.training.rounds}", f"block {len(now.waiting)}"
        if state.final is None and state.rounds_done in now.refused:
            return name, "refused: no honest hospitals give such a sum; the model stays"
        if self._has_voted(state) and (votes := now.votes[-1]):
            verdict = "dropped" if votes.rejects(vote.needed(self._study)) else "kept"
            return "vote", f"{verdict}: {max(votes.against)} of {votes.n_contributors} against"
        return name, figures

    def _has_voted(self, state: TrainState) -> bool:
        """Whether the newest sum was a vote."""
        now = _defended(state)
        return bool(now.votes and now.votes[-1]) and not now.waiting and not now.candidate and state.final is None

    def plan(self) -> Iterator[tuple[Question, int]]:
        for question, times in super().plan():
            yield question, times * (self._sums_in_round if question.asked else 1)
            if question.purpose.startswith("train") and self._defence.vote:
                yield vote.question(self._study, self._of_study), self._study.training.rounds

    @property
    def _sums_in_round(self) -> int:
        return len(self._blocks) or 1

    def _rounds(self, state: TrainState) -> Mapping[str, Any]:
        now = _defended(state)
        of_blocks = {"blocks_refused": [list(pair) for pair in now.blocks_refused]} if self._blocks else {}
        found: dict[str, Any] = {"rounds_refused": list(now.refused), **of_blocks}
        if self._defence.vote:
            least = vote.needed(self._study)
            found["rounds_rejected"] = [k for k, each in enumerate(now.votes, start=1) if each and each.rejects(least)]
            found["votes_against_by_round"] = [list(each.against) if each else None for each in now.votes]
        return found

    def _next_weights(self, state: TrainState, sums: Sums, n: int) -> tuple[NDArray[np.float32], Moments | None]:
        study, model = self._study, state.model
        kept = [one for one in _defended(state).waiting if not self._is_refused(state, one)]
        if not kept:
            return model.weights, state.moments
        if not self._blocks:
            return super()._next_weights(state, sums, n)
        means = [rounds.mean_of(study, model, one.sums, one.n_contributors) for one in kept]
        return rounds.moved(study, model, robust.combined(means, self._defence.combine), state.moments)

    def _is_refused(self, state: TrainState, one: BlockSum) -> bool:
        """Whether an opened sum is beyond what hospitals give that clip their updates, by `defence.bounds`."""
        if not self._defence.bounds:
            return False
        study, n, half = self._study, one.n_contributors, Layout((), self._study.bits).half
        weight = float(one.sums["weight"][0])
        # With noise of its own a hospital counts some rows of a patient only, and trains on all of them.
        rows = 0 if study.carry_over or study.own_noise else state.model.scaling.n_rows
        if robust.false_weight(weight, study.training.weights, n, half, rows=rows, cap=state.weight_cap):
            return True
        parts = rounds.update_parts(state.model, one.sums)
        return robust.exceeds(parts, state.ranges, weight, self._defence.clip_norm, n, half)


def _defended(state: TrainState) -> DefendedState:
    if not isinstance(state, DefendedState):
        raise TypeError("not a state of this task")
    return state
