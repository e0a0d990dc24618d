"""TOML that people write: what an editor or a word processor has made of it is read, or refused with its cause."""

from __future__ import annotations

import codecs
import re
import tomllib
from typing import Any

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TYPOGRAPHY = re.compile("[\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb]")


def table(data: bytes) -> dict[str, Any]:
    """The table that a TOML file holds, with or without the mark of UTF-8 in front.

    Raises:
        ValueError: not UTF-8, not TOML, a number that is too long, nested too deeply; in words, with the line.
    """
    if data.startswith(_UTF16):
        raise ValueError("it is UTF-16 text; save it with encoding UTF-8")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line} is not UTF-8 text; save the file with encoding UTF-8") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{error}{_cause(str(error), text)}") from None


def _cause(said: str, text: str) -> str:
    found = re.search(r"line (\d+)", said)
    line = text.splitlines()[int(found[1]) - 1 :][:1] if found else []
    if line and _TYPOGRAPHY.search(line[0]):
        return ": typographic quotation marks; write straight ones"
    if line and "\\" in line[0] and '"' in line[0]:
        return ": a backslash begins an escape in double quotes; write paths with / or between single quotes"
    return ""
