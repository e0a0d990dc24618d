"""A study's `[settings]`, read as its task's own model of them."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cipherward.errors import StudyError
from cipherward.study import Study

S = TypeVar("S", bound=BaseModel)


def parsed(study: Study, kind: type[S]) -> S:
    """The study's settings.

    Raises:
        StudyError: they do not fit; `problems` has every mistake with its place.
    """
    try:
        return kind.model_validate(study.settings)
    except ValidationError as error:
        places = (".".join(map(str, item["loc"])) for item in error.errors())
        problems = [f"settings.{place}: {item['msg']}" for place, item in zip(places, error.errors(), strict=True)]
        raise unfit(study, tuple(problems)) from None


def unfit(study: Study, problems: tuple[str, ...]) -> StudyError:
    """The error of settings with these mistakes."""
    return StudyError(
        f"the settings of task {study.task!r} do not fit: " + "; ".join(problems),
        problems=problems,
        hint="docs/study.md lists them",
    )
