"""Every task by the name that a study gives: a new one is a file and a line here. Tasks are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from cipherward import entries
from cipherward.crypto import schemes
from cipherward.data import catalogue as sources
from cipherward.errors import StudyError
from cipherward.learning import catalogue as kinds
from cipherward.learning import outcomes
from cipherward.learning.model_kind import Factory
from cipherward.study import Study
from cipherward.tasks import class_weights, imputation, narrowing
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model, Task, refuse_robust_scale

Make = Callable[[Study, Factory | None, Model | None], Task[Any]]

_NONE: Mapping[str, str] = MappingProxyType({})

TASKS: dict[str, str | Make] = {
    "train": "cipherward.tasks.train:Train",
    "points": "cipherward.tasks.points:PointsTask",
    "boost": "cipherward.tasks.boost:Boost",
    "describe": "cipherward.tasks.describe:Describe",
    "regression": "cipherward.tasks.regression:Regression",
    "survival": "cipherward.tasks.survival:Survival",
}
"""name -> "module:callable", or the callable itself."""

DEFENDED: dict[str, str | Make] = {"train": "cipherward.tasks.defended:Defended"}
"""The tasks that take `[training.defence]`, as they are with it."""

_EVALUATED = "cipherward.tasks.evaluated:Evaluated"


def make_task(study: Study, factory: Factory | None = None, first: Model | None = None) -> Task[Any]:
    """The study's task, with the study's `settings`, `[model]`, data source, outcome and scheme checked.

    Args:
        factory: makes the module of a study whose kind of model is the user's own code, from the number of inputs.
        first: the model before the first sum, where it is known already; otherwise the study's seed draws it.

    Raises:
        StudyError: no such task, kind of model, data source, type of outcome or scheme, settings that do not fit, or no model that the study
            describes; `problems` lists every mistake found.
    """
    seen = study.without_columns(study.evaluation.apart)
    problems = [
        *sources.problems(study),
        *outcomes.problems(study.data),
        *class_weights.problems(study),
        *kinds.problems(study.model, seen.input_shape),
        *_scheme_problems(study),
    ]
    if study.task not in TASKS:
        problems.append(f"task: {entries.unknown(TASKS, study.task, 'task')}")
    elif not getattr(entries.load(TASKS[study.task]), "takes_arrays", False):
        problems += [
            f"column {column.name!r}: task {study.task!r} does not take columns of kind {column.kind!r}"
            for column in study.columns
            if column.is_array
        ]
    if study.training.defence and study.task not in DEFENDED:
        problems.append(f"training.defence: task {study.task!r} takes none; remove it")
    if problems:
        raise StudyError(
            f"the study {study.name} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems),
            problems=tuple(problems),
            hint="correct the lines above in the study file; docs/study.md explains every setting",
        )
    made = (DEFENDED if study.training.defence else TASKS)[study.task]
    task: Task[Any] = entries.load(made)(seen, factory, first)
    if study.evaluation.asks_for_more:
        task = entries.load(_EVALUATED)(task, study, factory)
    if study.training.is_robust:
        refuse_robust_scale(study, takes_it=task.carries_over)
    narrowing.refuse(study, takes_it=task.carries_over)
    imputation.refuse(study, takes_it=task.takes_imputation)
    if study.training.continues and not task.carries_over:
        raise StudyError(
            f"task {study.task!r} goes on from no earlier model", hint="remove training.continues from the study"
        )
    if study.carry_over and not task.carries_over:
        raise StudyError(f"task {study.task!r} carries no constants over", hint="remove carry_over from the study")
    return task


def _scheme_problems(study: Study) -> Iterator[str]:
    name = study.aggregation.scheme
    if name not in schemes.CATALOGUE:
        yield f"aggregation.scheme: {entries.unknown(schemes.CATALOGUE, name, 'scheme')}"
        return
    chosen = schemes.facts(name)
    if study.n_hospitals > chosen.max_hospitals:
        yield f"aggregation.scheme: {name} sums at most {chosen.max_hospitals} hospitals"
    if study.privacy and study.privacy.unit == "hospital" and not chosen.fixed_point:
        whole = ", ".join(sorted(each for each, facts in schemes.CATALOGUE.items() if facts.fixed_point))
        yield f'privacy.unit "hospital" needs a scheme that adds whole numbers: {whole}'


def begin(
    study: Study, factory: Factory | None = None, first: Model | None = None, left_out: Mapping[str, str] = _NONE
) -> StudyState:
    """The state before the first sum. Other arguments and errors as `make_task`.

    Args:
        left_out: the study's columns that nothing is asked about, each with the reason.
    """
    task = make_task(study.without_columns(left_out), factory, first)
    return StudyState(study, task, task.first(), left_out=left_out)
