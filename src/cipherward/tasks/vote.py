"""A vote on a candidate model, as a secure sum: how many hospitals say that it does worse on a class of their validation rows.

Whoever is against puts a 1 into one of many slots, chosen by its own secret. In one lane for all, a liar could take the others' 1s away
again, by adding a negative number that nobody sees; it cannot know in which slot they are. It can add as many as it likes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import UnfitUpdateError
from cipherward.learning import sgd, verdicts
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.study import Study
from cipherward.tasks import measurement, statistics
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.row_groups import RowGroup
from cipherward.tasks.rows import VALIDATION, rows_at
from cipherward.tasks.task import Model, Question, Sums, Values, canonical

SLOTS = 512
"""A liar that takes one 1 away without being noticed has to guess right among so many."""


@dataclass(frozen=True)
class Votes:
    """What one vote opened: hospitals against the candidate, by class (one number where the outcome is a number)."""

    against: tuple[int, ...]
    n_contributors: int

    def rejects(self, needed: int) -> bool:
        """Whether the candidate is dropped. More votes than hospitals are a liar's, and count as they are."""
        return max(self.against) >= needed


def question(study: Study, outcome: Outcome) -> Question:
    """The question about a candidate."""
    defence = study.training.defence
    asked = statistics.shared_parameters(study) | {"defence": defence.model_dump(mode="json") if defence else None}
    layout = Layout(tuple(CountSegment(name, SLOTS, 1) for name in _names(outcome)), study.bits)
    meaning = {
        "against": f"for each class: a 1 in one of {SLOTS} places, chosen in secret, if the candidate model does worse than the one "
        "before on this hospital's validation rows; else zeros"
    }
    title = "After each training round: a vote on the model that follows"
    return Question("vote", title, canonical(asked), layout, meaning, about=(RowGroup(VALIDATION),))


def answer(
    study: Study,
    module: Module,
    model: Model,
    candidate: NDArray[np.float32],
    number: int,
    at: HospitalWork,
    outcome: Outcome,
) -> Values:
    """One hospital's verdicts on a candidate, float32[n_parameters], for round `number`."""
    return {
        name: _ballot(at, number, name, is_against=said)
        for name, said in zip(_names(outcome), _verdicts(study, module, model, candidate, at, outcome), strict=True)
    }


def counted(sums: Sums, outcome: Outcome, n_contributors: int) -> Votes:
    """The votes in the opened sums."""
    return Votes(tuple(int(sums[name].sum()) for name in _names(outcome)), n_contributors)


def needed(study: Study) -> int:
    """How many hospitals have to be against a candidate: one more than may lie, where the study does not say."""
    defence = study.training.defence
    return (defence.vote_against if defence else 0) or study.thresholds.corrupt + 1


def _names(outcome: Outcome) -> tuple[str, ...]:
    return tuple(f"against/{place}" for place in range(max(len(outcome.classes), 1)))


def _verdicts(
    study: Study, module: Module, model: Model, candidate: NDArray[np.float32], at: HospitalWork, outcome: Outcome
) -> list[bool]:
    defence, names = study.training.defence, _names(outcome)
    features, labels = rows_at(at, model.scaling, VALIDATION)
    tried = Model(model.groups, candidate, model.preprocessor)
    try:
        measurement.check_not_picking(module, tried, at, outcome)
    except UnfitUpdateError:
        return [True] * len(names)
    before, after = (
        sgd.losses(module, weights, features, labels, at.device, outcome) for weights in (model.weights, candidate)
    )
    every = np.ones(len(labels), dtype=bool)
    groups = [labels == each for each in outcome.classes] or [every]
    tolerance, least = defence.vote_tolerance if defence else 0.0, max(verdicts.LEAST, at.cell_min)
    return [verdicts.is_worse(before, after, group, tolerance, least) for group in groups]


def _ballot(at: HospitalWork, number: int, name: str, *, is_against: bool) -> NDArray[np.int64]:
    slots = np.zeros(SLOTS, dtype=np.int64)
    drawn = hashlib.sha256(b"slot of a vote\x00" + at.secret + number.to_bytes(8, "big") + name.encode()).digest()
    slots[int.from_bytes(drawn[:8], "big") % SLOTS] = int(is_against)
    return slots
