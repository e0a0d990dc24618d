"""A study's `[settings]`, read as its task's own model of them."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cipherward import settings_words
from cipherward.errors import StudyError
from cipherward.study import Study
from cipherward.tasks.task import refuse_settings

S = TypeVar("S", bound=BaseModel)
INCLUDE = "include"


def refuse_all(study: Study) -> None:
    """For tasks without settings of their own.

    Raises:
        StudyError: there are some.
    """
    refuse_rules(study)
    refuse_settings(study.task, study.settings)


def refuse_rules(study: Study) -> None:
    """For tasks whose sums are exact: two studies with other rules of inclusion could be subtracted.

    Raises:
        StudyError: there are such rules.
    """
    if INCLUDE in study.settings:
        said = (
            f"settings.include is for task 'describe', whose counts carry noise: task {study.task!r} opens exact sums, and those of two studies "
            "with other rules can be subtracted, so that what is left may be few patients"
        )
        raise StudyError(
            said,
            problems=(said,),
            hint="let every hospital make its table of these rows, from the register's first study on (a query, the exclusions of an OMOP "
            "definition, a view's where: docs/data.md); a study of task 'describe' counts who is excluded",
        )


def parsed(study: Study, kind: type[S]) -> S:
    """The study's settings.

    Raises:
        StudyError: they do not fit; `problems` has every mistake with its place.
    """
    if INCLUDE not in kind.model_fields:
        refuse_rules(study)
    try:
        return kind.model_validate(study.settings)
    except ValidationError as error:
        said = f"task {study.task!r} has no such setting"
        problems = [
            f"settings.{'.'.join(map(str, item['loc']))}: {settings_words.words(item, kind, Study, said)}"
            for item in error.errors()
        ]
        raise unfit(study, tuple(problems)) from None


def unfit(study: Study, problems: tuple[str, ...]) -> StudyError:
    """The error of settings with these mistakes."""
    return StudyError(
        f"the settings of task {study.task!r} do not fit: " + "; ".join(problems),
        problems=problems,
        hint="docs/study.md lists them",
    )
