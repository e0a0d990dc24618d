"""An extract: a TOML file that says how a hospital's table is made from what its systems export.

It stands wherever a table file can: `--data`, a study's `path`, `data check`. It is the hospital's own, and nothing in it
leaves. A new kind is one file with a class that derives from `Extract`, and a line in `KINDS`.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Collection
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from cipherward import entries, settings_words, study_places, tomlfile
from cipherward.data.problems import cannot_read, not_usable
from cipherward.errors import TableError
from cipherward.study_sections import Section

if TYPE_CHECKING:
    from cipherward.data.database import Source
    from cipherward.data.tables import RawTable

SUFFIX = ".toml"
KINDS: dict[str, str | type[Extract]] = {
    "database": "cipherward.data.database_extract:DatabaseExtract",
    "dates": "cipherward.data.dates_extract:DatesExtract",
    "fhir": "cipherward.data.fhir.extract:FhirExtract",
    "omop": "cipherward.data.omop.extract:OmopExtract",
    "mapping": "cipherward.data.local_mapping:Mapping",
}
"""`source` -> "module:class", or the class itself."""
_being_read: ContextVar[tuple[Path, ...]] = ContextVar("extracts that are being read", default=())
_HINT = "docs/data.md says what an extract holds"
_TOML_HINT = (
    "texts stand in quotation marks, and so do names with other characters than A to Z, a to z, 0 to 9, - and _; "
)
T = TypeVar("T")


class Extract(Section):
    """What every kind has: `source`, and how it is read."""

    source: str

    @abstractmethod
    def read(self, folder: Path, wanted: Collection[str] | None = None) -> RawTable:
        """The table, with what was left out or assumed in words.

        Args:
            folder: of the extract's file: relative paths start there.
            wanted: the columns that will be looked at; None: all. Others may come without values.

        Raises:
            DataError: it cannot be made; names the place and the remedy.
        """

    @abstractmethod
    def inner(self, folder: Path) -> Source:
        """The file, folder or database that it reads."""

    def files(self, folder: Path) -> tuple[Path, ...]:
        """Further files that decide how the table is made, and hold no rows."""
        return ()

    def digest_in(self, folder: Path) -> bytes:
        """SHA-256 over the whole document and the files that it names, 32 bytes.

        Raises:
            DataError: such a file cannot be read.
        """
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
        found = hashlib.sha256(b"cipherward/v1/extract\x00" + text.encode())
        for path in self.files(folder):
            try:
                content = path.read_bytes()
            except OSError as error:
                raise cannot_read(path, error, "a file that the extract names", "check the path") from None
            found.update(hashlib.sha256(content).digest())
        return found.digest()


def read(path: Path, wanted: Collection[str] | None = None) -> RawTable:
    """The table of an extract. `wanted`: as in `Extract.read`.

    Raises:
        TableError: the file is unreadable or wrong, with every mistake; or the table cannot be made.
    """
    outer, whole = _being_read.get(), path.resolve()
    if whole in outer:
        said = "names itself as its table, by way of others"
        raise TableError(f"{path} {said}", logged=f"an extract {said}", hint="name the file that holds the rows")
    token = _being_read.set((*outer, whole))
    try:
        return load(path).read(path.parent, wanted)
    finally:
        _being_read.reset(token)


def load(path: Path, table: Path | None = None) -> Extract:
    """An extract, checked, without reading a table.

    Args:
        table: what a mapping file that names no table is about.

    Raises:
        TableError: unreadable, not TOML, or not an extract; every mistake with its line.
    """

    def checked(found: dict[str, Any]) -> Extract:
        kind = found.get("source")
        if not isinstance(kind, str) or kind not in KINDS:
            listed = f"`source` is one of {', '.join(sorted(KINDS))}"
            fact = (
                f"is no extract: {listed}"
                if "source" in found
                else f"has no line `source`, with which an extract begins: {listed}"
            )
            raise not_usable(path, fact, _begin(found))
        if table and kind == "mapping":
            found.setdefault("table", str(table.resolve()))
        return entries.load(KINDS[kind]).model_validate(found)

    return document(path, "the extract", checked, _HINT)


def document(path: Path, what: str, check: Callable[[dict[str, Any]], T], hint: str) -> T:
    """What `check` makes of a TOML file. `what`: as in `problems.cannot_read`.

    Raises:
        TableError: unreadable, not TOML, or not what `check` wants; every mistake that pydantic finds with its line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error, what, hint) from None
    try:
        found = tomlfile.table(content)
    except ValueError as error:
        raise TableError(f"{path} is not TOML: {error}", logged=f"{what} is not TOML", hint=_TOML_HINT + hint) from None
    try:
        return check(found)
    except ValidationError as error:
        text = content.decode("utf-8", "replace")
        problems = tuple(
            f"{study_places.describe(each['loc'], found, text) or what}: {settings_words.words(each)}"
            for each in error.errors()
        )
        said = "; ".join(problems)
        raise TableError(f"{path}: {said}", logged=f"{what}: {said}", problems=problems, hint=hint) from None


def _begin(found: dict[str, Any]) -> str:
    """What to write, by what else the document holds."""
    if "source" in found:
        return _HINT
    if isinstance(found.get("data"), dict) or isinstance(found.get("columns"), list):
        return "this looks like a study file, and a table is wanted here; a study belongs to --study"
    if {"file", "columns"} & {*found}:
        return 'write source = "mapping" as the first line of a mapping file, above its sections'
    return _HINT
