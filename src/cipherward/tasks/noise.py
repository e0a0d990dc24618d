"""The noise that a study's questions carry: one rule for every task, from the sensitivity that a question states."""

from __future__ import annotations

from typing import Any

from cipherward.errors import StudyError
from cipherward.privacy import records
from cipherward.privacy.accounting import Event
from cipherward.privacy.lifetime import Limit, check_delta
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
    wanted = study.own_noise
    if wanted is None or question.sensitivity is None:
        return None
    if not wanted.noise_multiplier:
        raise StudyError("the study is not frozen: it states no noise multiplier for its counts")
    return records.plan(question.sensitivity, wanted.noise_multiplier, wanted.rows_per_patient)


OWN = "each hospital's own, for its own patients"


def whose(study: Study, purpose: str, plan: RecordNoise | None) -> str:
    """Whose noise a sum carries, in words; empty for an exact sum, which promises single patients nothing.

    Args:
        plan: as `noise_of` its question.
    """
    if study.privacy and purpose.startswith("train"):
        who = "each hospital's own, for its own rows" if study.privacy.unit == "record" else "of all hospitals together"
        return f"{who} (differential privacy of the training)"
    return OWN if plan else ""


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


def stated(study: Study, task: Task[Any]) -> dict[str, object]:
    """What freezing writes into a study's [noise]: enough for all answers that carry it, together. A study whose task
    asks nothing that can carry noise states that it adds none.

    Raises:
        StudyError: as `records.multiplier`.
    """
    wanted, answers = study.own_noise, task.noisy_answers()
    if wanted is None or not answers:
        return {"enabled": False}
    return {"noise_multiplier": records.multiplier(wanted.epsilon, wanted.delta, answers)}


def in_numbers(study: Study, task: Task[Any]) -> Study:
    """The study as freezing makes it, with its noise stated; as it is where it wants none. Raises: as `stated`."""
    return study.with_overrides(noise=stated(study, task)) if study.own_noise else study


def stddevs(study: Study, task: Task[Any], n_contributors: int) -> dict[str, float]:
    """Of the noise on each segment that so many hospitals' answers to the task's first question carry together; {} without noise.

    Raises:
        StudyError: as `noise_of`.
    """
    question = task.ask(task.first())
    plan = noise_of(study, question) if question else None
    return plan.stddevs(n_contributors) if plan else {}


def check_hospital(study: Study, task: Task[Any], n_rows: int | None = None) -> None:
    """What a hospital checks before it takes part: that the noise a frozen study states keeps what it promises.

    Args:
        n_rows: of this hospital's table, where it is known.

    Raises:
        StudyError: it does not, or its delta is 1 / rows or more.
    """
    wanted = study.own_noise
    if wanted is None:
        return
    limit = Limit(wanted.epsilon, wanted.delta)
    planned = [Event(wanted.noise_multiplier, 1.0, max(task.noisy_answers(), 1))] if wanted.noise_multiplier else []
    if not planned or not limit.allows(limit.cost(planned)):
        cost = f"costs epsilon {limit.cost(planned):.4g}" if planned else "is none"
        raise StudyError(
            f"the noise on counts that the study states {cost}, and it promises {limit}",
            hint="do not take part; the coordinator froze another study than it announced",
        )
    if n_rows is not None:
        check_delta(wanted.delta, n_rows)


def _ceilings(layout: Layout) -> dict[str, int]:
    return {
        segment.name: min((1 << (layout.bits * segment.limbs)) - 1, (1 << 62) - 1)
        for segment in layout.segments
        if isinstance(segment, CountSegment)
    }
