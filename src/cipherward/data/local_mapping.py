"""A mapping file: how one hospital's table is written, and what of it the study's columns are, so that nobody edits a warehouse for a
study.

It is an extract (`extract`) with `source = "mapping"`. It is the hospital's own, and nothing in it leaves. What it changes is counted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from cipherward.data import dates, extract
from cipherward.data.file_settings import AS_FOUND, FileSettings
from cipherward.data.problems import not_usable
from cipherward.study import same_text
from cipherward.study_sections import Section, number_key

if TYPE_CHECKING:
    from cipherward.data.tables import RawTable

_TABLE = "the table of the mapping file"


class MappedColumn(Section):
    """What a column of the study is here. `from`: its name in the table; `unit` is what the table has, or `unit_column` the column of the
    table that says it row by row (UCUM codes); `to` what the study declares, "": whatever that is. Or `factor` and `offset` say what a
    number becomes: number x factor + offset. `missing`: texts that mean no value;
    `recode`: what texts become. Missing codes come first, then recoding, then units. `date`: the form of dates, as `strptime` has it, which
    become ISO 8601."""

    source: str = Field(default="", alias="from")
    unit: str = ""
    unit_column: str = ""
    to: str = ""
    factor: float | None = None
    offset: float = 0.0
    missing: tuple[str, ...] = ()
    recode: tuple[tuple[str, str], ...] = ()
    date: str = ""

    @field_validator("date")
    @classmethod
    def _whole_form(cls, form: str) -> str:
        return dates.checked_form(form)

    @field_validator("recode", mode="before")
    @classmethod
    def _pairs(cls, given: object) -> object:
        return tuple(given.items()) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.to and not self.unit:
            raise ValueError("to needs unit: the unit in the table, and the one that the study declares")
        if self.unit and self.unit_column:
            raise ValueError("give unit, or the unit_column that says it, not both")
        if (self.unit or self.unit_column) and self.factor is not None:
            raise ValueError("give a unit, or factor and offset, not both")
        if self.date and (self.unit or self.unit_column or self.factor is not None):
            raise ValueError("a date has no unit and no factor")
        if self.factor == 0.0 or (self.offset and self.factor is None):
            raise ValueError("offset needs a factor, which is not 0; factor = 1 changes nothing")
        codes = [same_text(code) for code in (*self.missing, *(code for code, _ in self.recode))]
        codes = [number_key(code) or code for code in codes]
        if len(set(codes)) < len(codes):
            raise ValueError("a text, or a number written in two ways, stands twice in missing and recode")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A mapping file that does not use the newer settings keeps the digest that it was approved with."""
        found: dict[str, Any] = write(self)
        return {key: value for key, value in found.items() if value or key not in ("unit_column", "date")}

    @property
    def converts(self) -> bool:
        """Whether its numbers become others before the study is known."""
        return bool(self.to) or self.factor is not None


class Mapping(extract.Extract):
    """What a mapping file holds. `table`: what it is about, from the mapping file's folder on: a table file, or an extract of another
    kind, such as a query. `columns`: by the study's name of the column."""

    table: str = Field(min_length=1)
    file: FileSettings = AS_FOUND
    columns: dict[str, MappedColumn] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        if isinstance(given, dict) and "table" not in given:
            raise ValueError(
                'table: not given; write table = "FILE" above the sections (`data check` and `data draft` take it with --mapping, too)'
            )
        return given

    @model_validator(mode="after")
    def _one_column_each(self) -> Self:
        sources = {name: self.columns[name].source or name for name in self.columns}
        if "" in sources:
            raise ValueError("a column of the study has a name")
        if doubled := sorted({name for name in sources.values() if [*sources.values()].count(name) > 1}):
            raise ValueError(f"the table's column {doubled[0]!r} is mapped twice")
        return self

    def digest(self) -> bytes:
        """SHA-256 over the whole document; 32 bytes."""
        document = self.model_dump(mode="json", by_alias=True)
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(b"cipherward/v1/mapping\x00" + text.encode()).digest()

    def digest_in(self, folder: Path) -> bytes:
        return self.digest()

    def inner(self, folder: Path) -> Path:
        return folder / self.table

    def read(self, folder: Path, wanted: Collection[str] | None = None) -> RawTable:
        from cipherward.data.mapped_columns import mapped

        named = {column.source or name for name, column in self.columns.items()}
        named |= {column.unit_column for column in self.columns.values() if column.unit_column}
        here = None if wanted is None else {*wanted, *named}
        raw = mapped(self._found(folder, here), self.columns)
        return dataclasses.replace(raw, assumed=(*raw.assumed, *self._said()))

    def _found(self, folder: Path, wanted: Collection[str] | None) -> RawTable:
        from cipherward.data.tables import read_table

        inner = folder / self.table
        if inner.suffix.lower() == extract.SUFFIX:
            if isinstance(extract.load(inner), Mapping):
                raise not_usable(inner, "is another mapping file", "name the table itself in the first", _TABLE)
            if self.file != AS_FOUND:
                raise not_usable(
                    inner, "is an extract, which [file] is not for", "remove [file] from the mapping file", _TABLE
                )
        return read_table(inner, self.file, wanted)

    def _said(self) -> Iterator[str]:
        yield f"by a mapping file, digest {self.digest().hex()[:16]}"
        renamed = [
            f"{column.source!r} is {name!r}" for name, column in self.columns.items() if column.source not in ("", name)
        ]
        if renamed:
            yield f"columns renamed by it: {', '.join(renamed)}"


def of_table(path: Path, table: Path) -> RawTable:
    """A table through a mapping file, in place of the table that the file names.

    Raises:
        DataError: that is no mapping file; as `Mapping.read`.
    """
    found = extract.load(path, table)
    if not isinstance(found, Mapping):
        raise not_usable(path, "is an extract of another kind", 'give a file with source = "mapping"', _TABLE)
    return found.model_copy(update={"table": str(table.resolve())}).read(path.parent)
