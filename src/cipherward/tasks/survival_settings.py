"""The settings of task `survival`."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from cipherward.errors import StudyError
from cipherward.study import Column, Study
from cipherward.tasks import settings

MOST_STEPS = 2_000
_STEPS = 250


class Settings(BaseModel):
    """`time`: the numeric column that says how long a row was followed up; the study's outcome is the event. `group`: the categorical
    column with a curve for each category, which the log-rank test compares; "": one curve. `step` of time, in which follow-up is counted
    (0: one of 250 of the column's range). `least`: rows at risk, rows that leave, and events, of a cell that is opened or shown.
    `level` of intervals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    time: str
    group: str = ""
    step: float = Field(default=0.0, ge=0.0)
    least: int = Field(default=10, ge=1, le=1_000_000)
    level: float = Field(default=0.95, gt=0.5, lt=1.0)


def parse(study: Study) -> Settings:
    """The study's settings.

    Raises:
        StudyError: they do not fit; `problems` lists every mistake found.
    """
    found = settings.parsed(study, Settings)
    if problems := tuple(_problems(found, {column.name: column for column in study.columns})):
        raise settings.unfit(study, problems)
    if study.privacy:
        raise StudyError("task 'survival' has no [privacy] for its sums", hint="remove the section")
    return found


def ends(found: Settings, longest: float) -> tuple[float, ...]:
    """Of the steps in which follow-up is counted."""
    step = found.step or longest / _STEPS
    return tuple(min(step * number, longest) for number in range(1, math.ceil(longest / step - 1e-9) + 1))


def _problems(found: Settings, columns: dict[str, Column]) -> Iterator[str]:
    time, group = columns.get(found.time), columns.get(found.group)
    if time is None or time.kind != "numeric" or time.minimum != 0.0 or time.transform != "none":
        yield f"settings.time: {found.time!r} has to be a numeric column of the study, with minimum 0 and without a transform"
    elif found.step and not time.maximum / MOST_STEPS <= found.step <= time.maximum / 4:  # type: ignore[operator]
        yield f"settings.step: between the column's maximum / {MOST_STEPS} and a quarter of it"
    if found.group and (group is None or group.kind != "categorical"):
        yield f"settings.group: {found.group!r} has to be a categorical column of the study"
