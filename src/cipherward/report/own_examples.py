"""A hospital's own rows as pictures, with where the model looks: in that hospital's own report, and in no other."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cipherward.errors import StorageError
from cipherward.report.facts import clean
from cipherward.runs.study_folder import OWN_EXAMPLES
from cipherward.store import files
from cipherward.study import Study

TOLD = {"best": "among the rows of this outcome told best", "worst": "among the rows of this outcome told worst"}


@dataclass(frozen=True)
class Example:
    """`picture` and `map`: PNG in base64, of this `width` and `height`; `words`: of the row, for the caption."""

    picture: str
    map: str
    width: int
    height: int
    words: str


@dataclass(frozen=True)
class Examples:
    """What the section shows. `columns`: of series, the names of their bands from top to bottom."""

    shown: tuple[Example, ...]
    columns: tuple[str, ...]


def read(path: Path, study: Study) -> Examples | None:
    """What own-examples.json in a hospital's folder says; None where there is none.

    Raises:
        StorageError: damaged.
    """
    file = path / OWN_EXAMPLES
    if not file.exists():
        return None
    try:
        shown = tuple(_example(each) for each in json.loads(files.read(file)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise StorageError(f"{file} is damaged", hint="remove it: the report is then without pictures") from None
    names = tuple(clean(column.name) for column in study.columns if column.kind == "series")
    return Examples(shown, names)


def _example(found: dict[str, Any]) -> Example:
    picture, drawn = (str(found[name]) for name in ("picture", "map"))
    for text in (picture, drawn):
        if not base64.b64decode(text, validate=True).startswith(b"\x89PNG"):
            raise binascii.Error("no PNG")
    predicted = "; ".join(f"{name} {value}" for name, value in dict(found["predicted"]).items())
    words = [f"{found['observed']}. Predicted: {predicted}", TOLD[found["told"]]]
    if found["strongest"]:
        words.append(f"the output moves most with {found['strongest']}")
    return Example(picture, drawn, int(found["width"]), int(found["height"]), clean("; ".join(words)))
