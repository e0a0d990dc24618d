"""What a study is where all its rows lie on one machine, which protects nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cipherward.data.sources import HospitalData
from cipherward.errors import StudyError
from cipherward.study import Study
from cipherward.tasks.task import Task


def check(study: Study) -> None:
    """Raises StudyError: only real hospitals can do what the study asks."""
    if study.carry_over:
        raise StudyError(
            "carry_over: hospitals vouch for constants that they verified themselves, and a run on one machine has none",
            hint="remove carry_over from the study; its constants are asked for then",
        )


def for_few_rows(study: Study, task: Task[Any], hospitals: Sequence[HospitalData]) -> Study:
    """Without what the study leaves open and so few rows do not bear."""
    changes: dict[str, dict[str, object]] = {}
    if study.noise.enabled is None and not task.bears_noise(hospitals):
        changes["noise"] = {"enabled": False, "given_up": True}
    if study.evaluation.group_rows is None and not task.bears_groups(hospitals):
        changes["evaluation"] = {"group_rows": 1}
    return study.with_overrides(**changes) if changes else study
