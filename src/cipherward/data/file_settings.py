"""How a hospital's table file is written, where its content does not say: the section [file] of a mapping file."""

from __future__ import annotations

import codecs
import dataclasses
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from cipherward.data.reader_settings import ReaderSettings
from cipherward.study_sections import Section


class FileSettings(Section):
    """What is left out is told from the content.

    `encoding` is a name that Python knows, such as "cp1250"; `separator` stands between the fields of a CSV file; `decimal` and
    `thousands` are the marks in its numbers; `skip_lines` are lines (of a sheet: rows) above the header, `skip_last` lines below
    the last row that are no rows; `sheet` is of a workbook.
    """

    encoding: str = ""
    separator: str = Field(default="", max_length=1)
    decimal: Literal["", ".", ","] = ""
    thousands: Literal["", ".", ",", " ", "'"] = ""
    skip_lines: int = Field(default=0, ge=0, le=10_000)
    skip_last: int = Field(default=0, ge=0, le=10_000)
    sheet: str = ""

    @field_validator("encoding")
    @classmethod
    def _known(cls, given: str) -> str:
        try:
            if given and not codecs.lookup(given)._is_text_encoding:
                raise LookupError
        except (LookupError, UnicodeError, ValueError):
            raise ValueError(
                f"no encoding {given!r} is known; usual ones: utf-8, cp1252, cp1250, latin-1, utf-16"
            ) from None
        return given

    @field_validator("separator")
    @classmethod
    def _separates(cls, given: str) -> str:
        if given and (given.isalnum() or given in '"\r\n\0.' or not given.isascii()):
            raise ValueError("one ASCII character that is no letter, digit, point or quotation mark")
        return given

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.thousands and self.thousands == (self.decimal or "."):
            raise ValueError(f"decimal and thousands are both {self.thousands!r}; write decimal, too")
        return self

    def for_reader(self) -> ReaderSettings:
        """The same for a child process."""
        return ReaderSettings(**{each.name: getattr(self, each.name) for each in dataclasses.fields(ReaderSettings)})

    def left_out(self, what: str) -> list[str]:
        """As `ReaderSettings.left_out`."""
        return self.for_reader().left_out(what)


AS_FOUND = FileSettings()
