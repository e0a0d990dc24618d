"""What pydantic finds wrong with settings that people write, in words; and which setting somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

UNKNOWN = "unknown setting"
_REMEDY = "; remove it or correct its spelling"


def words(
    item: ErrorDetails,
    checked: type[BaseModel] | None = None,
    document: type[BaseModel] | None = None,
    unknown: str = UNKNOWN,
    section: str = "",
) -> str:
    """One mistake, without its place.

    Args:
        checked: the model that found it, where one is at hand: an unknown setting is compared with those that it has there.
        document: the model of the whole document, whose other sections may have the setting; as a rule `checked` itself.
        unknown: what is said of a setting that there is not.
        section: of the document, where the setting stands although it has it: what `checked` is goes without.
    """
    if item["type"] == "missing":
        return "is missing"
    if item["type"] != "extra_forbidden":
        return item["msg"].removeprefix("Value error, ")
    advice = _elsewhere(document or checked, str(item["loc"][-1]), section) or _near(checked, item["loc"])
    return f"{unknown}{advice or _REMEDY}"


def meant(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'seeds'?`, or nothing where no known name is near."""
    names = list(known)
    longer = [each for each in names if len(name) > 2 and name in each]
    close = longer or difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    return f"; did you mean {close[0]!r}?" if close else ""


def _near(checked: type[BaseModel] | None, place: Sequence[int | str]) -> str:
    section = _section(checked, place[:-1])
    return meant(str(place[-1]), section.model_fields) if section else ""


def _elsewhere(document: type[BaseModel] | None, name: str, section: str) -> str:
    if document is None:
        return ""
    if field := document.model_fields.get(name):
        is_section = bool(_fields(field.annotation))
        place = f"section {_header(name, field.annotation)}" if is_section else f"{name!r} above the first section"
        return f"; did you mean {place}?"
    kinds = ((key, field.annotation) for key, field in document.model_fields.items() if key != section)
    home = next((_header(key, kind) for key, kind in kinds if name in _fields(kind)), "")
    return f"; did you mean {name!r} of section {home}?" if home else ""


def _header(name: str, annotation: Any) -> str:
    is_listed = any(get_origin(each) is tuple for each in (annotation, *get_args(annotation)))
    return f"[[{name}]]" if is_listed else f"[{name}]"


def _section(model: type[BaseModel] | None, place: Sequence[int | str]) -> type[BaseModel] | None:
    """The model of the section at this place of a document; None: no model says what may stand there."""
    for part in place:
        if isinstance(part, str) and model:
            field = model.model_fields.get(part)
            model = next(_models(field.annotation), None) if field else None
    return model


def _fields(annotation: Any) -> set[str]:
    return {name for model in _models(annotation) for name in model.model_fields}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)
