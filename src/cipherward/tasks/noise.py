"""The noise that a study's questions carry: one rule for every task, from the sensitivity that a question states."""

from __future__ import annotations

from typing import Any

from cipherward.errors import StudyError
from cipherward.privacy import records
from cipherward.privacy.records import RecordNoise
from cipherward.study import Study
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.task import Question, Task

MOST_ROWS = 1 << 23
"""Rows of one hospital for which the lanes have room beside the noise."""


def noise_of(study: Study, question: Question) -> RecordNoise | None:
    """The public plan of the noise on a question's answers; None where the study asks for none, or it cannot carry any.

    Raises:
        StudyError: the study is not frozen, or its lanes have no room for so much noise.
    """
    wanted = study.noise
    if wanted is None or question.sensitivity is None:
        return None
    if not wanted.noise_multiplier:
        raise StudyError("the study is not frozen: it states no noise multiplier for its counts")
    return records.plan(question.sensitivity, wanted.noise_multiplier, wanted.rows_per_patient)


def check(study: Study, task: Task[Any]) -> None:
    """That the lanes of every noisy answer have room.

    Raises:
        StudyError: names the segments that are too narrow.
    """
    for question, _ in task.plan():
        if noise := noise_of(study, question):
            ceilings = {name: most for name, most in _ceilings(question.layout).items() if name in noise.bounds()}
            records.check_room(
                noise, ceilings, {name: min(MOST_ROWS << 21, most // 4) for name, most in ceilings.items()}
            )


def multiplier(study: Study, task: Task[Any]) -> float:
    """What freezing writes into a study that asks for noise: enough for all answers that carry it, together.

    Raises:
        StudyError: no answer can carry noise, or as `records.multiplier`.
    """
    wanted = study.noise
    answers = task.noisy_answers()
    if wanted is None or not answers:
        raise StudyError(
            f"task {study.task!r} asks nothing that can carry noise",
            hint="remove [noise] from the study; its sums are exact",
        )
    return records.multiplier(wanted.epsilon, wanted.delta, answers)


def _ceilings(layout: Layout) -> dict[str, int]:
    return {
        segment.name: min((1 << (layout.bits * segment.limbs)) - 1, (1 << 62) - 1)
        for segment in layout.segments
        if isinstance(segment, CountSegment)
    }
