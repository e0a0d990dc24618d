"""What attacks found, as files: one for each attack and seed, and attacks.csv and attacks.json of all of them.

A damaged or hostile file is an error, never a page: every text is cleaned for display here, and escaped by the template.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cipherward.attacks.attack import Exhibit, Found
from cipherward.errors import StorageError
from cipherward.report.facts import clean, shortened
from cipherward.runs.result_json import Amount, Count
from cipherward.store import files

NAME, TABLE, STUDY = "attacks.json", "attacks.csv", "study.toml"
_MAX_WORDS, _MAX_SIDE, _MAX_TABLE = 2_000, 128, 2_000
_LEVELS = 255


def _words(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 1] + "…"


Name = Annotated[str, AfterValidator(lambda text: shortened(clean(text)))]
Words = Annotated[str, AfterValidator(_words)]
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Grey = Annotated[int, Field(ge=0, le=_LEVELS)]
Line = Annotated[tuple[Grey, ...], Field(max_length=_MAX_SIDE)]
Picture = Annotated[tuple[Line, ...], Field(max_length=_MAX_SIDE)]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Row(_Checked):
    """A line of attacks.csv."""

    attack: Name
    setting: Words
    seed: Count
    measure: Words
    value: Number | None
    low: Number | None
    high: Number | None
    bar: Words
    words: Words


T = TypeVar("T", bound=BaseModel)
COLUMNS = tuple(Row.model_fields)


class Pictures(_Checked):
    """One row of pictures, grey from 0 to 255."""

    name: Words
    pictures: tuple[Picture, ...]


class Shown(_Checked):
    """An exhibit."""

    attack: Name
    seed: Count
    title: Words
    words: Words
    head: tuple[Words, ...]
    rows: Annotated[tuple[tuple[Words, ...], ...], Field(max_length=_MAX_TABLE)] = ()
    pictures: tuple[Pictures, ...] = ()


class Cell(_Checked):
    """One run of one attack."""

    format: Literal["cipherward-attack-1"]
    basis: str
    settings: dict[str, Any]
    seconds: Amount
    rows: tuple[Row, ...]
    exhibits: tuple[Shown, ...]


class Told(_Checked):
    """An attack as the page explains it. `why_not`: why it was not run on this study. `not_run`: parts of it for which something was not installed."""

    name: Name
    title: Words
    explanation: Words
    why_not: Words = ""
    settings: dict[Name, Any] = {}
    not_run: tuple[Words, ...] = ()


class Attacks(_Checked):
    """attacks.json."""

    kind: Literal["attacks"]
    version: Literal[1]
    study: Name
    title: Words
    synthetic: bool
    seeds: tuple[Count, ...]
    n_hospitals: Count
    n_train_rows: Count
    model: Words
    versions: dict[Name, Name]
    command: Words
    finished: bool
    attacks: tuple[Told, ...]
    rows: tuple[Row, ...]
    exhibits: tuple[Shown, ...]
    seconds: dict[Name, Amount]


def cell_of(found: Found, name: str, seed: int, basis: str, settings: dict[str, Any], seconds: float) -> Cell:
    """What one run found, as it is written."""
    rows = [
        {"attack": name, "seed": seed, **{key: getattr(each, key) for key in COLUMNS if hasattr(each, key)}}
        for each in found.measures
    ]
    shown = [_shown(each) | {"attack": name, "seed": seed} for each in found.exhibits]
    return Cell.model_validate(
        {
            "format": "cipherward-attack-1",
            "basis": basis,
            "settings": settings,
            "seconds": seconds,
            "rows": rows,
            "exhibits": shown,
        }
    )


def _shown(exhibit: Exhibit) -> dict[str, Any]:
    pictures = [{"name": name, "pictures": [_greys(each) for each in several]} for name, several in exhibit.pictures]
    return {
        "title": exhibit.title,
        "words": exhibit.words,
        "head": exhibit.head,
        "rows": exhibit.rows,
        "pictures": pictures,
    }


def _greys(picture: NDArray[np.float64]) -> list[list[int]]:
    whole: list[list[int]] = np.rint(np.clip(picture, 0.0, 1.0) * _LEVELS).astype(int).tolist()
    return whole


def write_cell(path: Path, cell: Cell) -> None:
    """Write one durably. Raises StorageError."""
    files.write(path, (cell.model_dump_json(indent=1) + "\n").encode())


def read_cell(path: Path) -> Cell | None:
    """One that is there; None where none is.

    Raises:
        StorageError: it is damaged.
    """
    return _read(path, Cell, "delete it; it is measured again") if path.exists() else None


def read(folder: Path) -> Attacks:
    """attacks.json of a folder.

    Raises:
        StorageError: it is missing or damaged.
    """
    return _read(folder / NAME, Attacks, "run `cipherward attack` again with this folder as --out")


def write(folder: Path, document: Attacks) -> None:
    """attacks.json and attacks.csv. Raises StorageError."""
    files.write(folder / TABLE, to_csv(document.rows).encode())
    files.write(folder / NAME, (document.model_dump_json(indent=1) + "\n").encode())


def to_csv(rows: Sequence[Row]) -> str:
    """One line for each measured thing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        found = row.model_dump()
        writer.writerow(["" if found[name] is None else found[name] for name in COLUMNS])
    return text.getvalue()


def _read(path: Path, kind: type[T], hint: str) -> T:
    data = files.read(path)
    try:
        return kind.model_validate_json(data)
    except (ValidationError, ValueError):
        raise StorageError(f"{path} is damaged, or is no file of an attack", hint=hint) from None
