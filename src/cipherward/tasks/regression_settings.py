"""The settings of task `regression`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cipherward.errors import StudyError
from cipherward.study import Column, Study
from cipherward.tasks import settings

Family = Literal["logistic", "cox", "linear", "poisson"]

_OUTCOMES = {"linear": "continuous", "poisson": "counts"}
"""What `data.outcome_type` has to be; else "binary"."""

_ADDED: dict[str, Any] = {"exposure": "", "errors": "model"}
"""Settings that are younger than the first studies, with their defaults: a study without them asks what it asked before."""


class Settings(BaseModel):
    """`family` of the outcome. `time`: of a Cox regression, the numeric column that says how long a row was followed up; the study's
    outcome is the event. `ties`: of events at one time. `risk_rows`: a hospital's rows are followed up as long as so many of them are at
    risk. `clock`: the time in which the test of proportional hazards looks for a trend. `exposure`: of a Poisson regression, the numeric
    column that says for how long, or among how many, a row's outcome was counted; its logarithm is the offset. `errors`: standard errors
    that follow from the model, as of R's `glm`, or are robust (HC0). `reference`: by categorical column, the
    category that the others are compared with; else its first. `level` of intervals. `steps`: Newton steps at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    family: Family = "logistic"
    time: str = ""
    ties: Literal["efron", "breslow"] = "efron"
    risk_rows: int = Field(default=10, ge=1, le=1_000_000)
    clock: Literal["linear", "log"] = "linear"
    exposure: str = ""
    errors: Literal["model", "robust"] = "model"
    reference: dict[str, str] = Field(default_factory=dict)
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    steps: int = Field(default=15, ge=1, le=100)

    @property
    def is_cox(self) -> bool:
        return self.family == "cox"

    @property
    def is_linear(self) -> bool:
        return self.family == "linear"

    @property
    def is_poisson(self) -> bool:
        return self.family == "poisson"

    @property
    def is_number(self) -> bool:
        """Whether the outcome is a number."""
        return self.is_linear or self.is_poisson

    @property
    def is_robust(self) -> bool:
        return self.errors == "robust"

    @property
    def has_spread(self) -> bool:
        """Whether residuals are asked for at the estimates."""
        return self.is_poisson or self.is_robust

    def asked(self) -> dict[str, Any]:
        """As JSON values, for the parameters of a question."""
        return {
            name: value
            for name, value in self.model_dump(mode="json").items()
            if name not in _ADDED or value != _ADDED[name]
        }


def parse(study: Study) -> Settings:
    """The study's settings.

    Raises:
        StudyError: they do not fit; `problems` lists every mistake found.
    """
    found = settings.parsed(study, Settings)
    columns = {column.name: column for column in study.columns}
    if problems := (
        *_of_outcome(found, study),
        *_of_time(found, columns),
        *_of_exposure(found, columns),
        *_of_references(found, columns),
    ):
        raise settings.unfit(study, problems)
    if study.privacy:
        raise StudyError("task 'regression' has no [privacy] for its steps", hint="remove the section")
    return found


def _of_outcome(found: Settings, study: Study) -> Iterator[str]:
    wanted = _OUTCOMES.get(found.family, "binary")
    if study.data.outcome_type != wanted:
        yield f'settings.family "{found.family}" is for data.outcome_type "{wanted}", not "{study.data.outcome_type}"'


def _of_time(found: Settings, columns: dict[str, Column]) -> Iterator[str]:
    if not found.is_cox:
        for name in ("time", "ties", "risk_rows", "clock"):
            if getattr(found, name) != Settings.model_fields[name].default:
                yield f'settings.{name}: only family "cox" has it'
        return
    column = columns.get(found.time)
    if column is None:
        yield f"settings.time: {found.time!r} is no column of the study; a Cox regression needs the time of follow-up"
    elif column.kind != "numeric" or column.minimum != 0.0 or column.transform != "none":
        yield f"settings.time: column {found.time!r} has to be numeric, with minimum 0 and without a transform"
    elif len(columns) < 2:
        yield "a regression needs a column beside the time"


def _of_exposure(found: Settings, columns: dict[str, Column]) -> Iterator[str]:
    if found.is_cox and found.is_robust:
        yield 'settings.errors: family "cox" has those that follow from the model only'
    if not found.exposure:
        return
    column = columns.get(found.exposure)
    if not found.is_poisson:
        yield 'settings.exposure: only family "poisson" has it'
    elif column is None:
        yield f"settings.exposure: {found.exposure!r} is no column of the study"
    elif column.kind != "numeric" or not (column.minimum or 0.0) > 0.0 or column.transform != "none":
        yield (
            f"settings.exposure: column {found.exposure!r} has to be numeric, with a minimum above 0 and without a transform: rates are "
            "counts by exposure"
        )
    elif len(columns) < 2:
        yield "a regression needs a column beside the exposure"


def _of_references(found: Settings, columns: dict[str, Column]) -> Iterator[str]:
    for name, category in found.reference.items():
        if name not in columns or category not in columns[name].categories:
            yield f"settings.reference: {category!r} is no category of a column {name!r}"
