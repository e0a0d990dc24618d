"""Where in a study document a mistake is, in words: the column's or hospital's name, and the line of the TOML text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_ENTRIES = {"columns": "column", "hospitals": "hospital"}


def describe(location: Sequence[int | str], document: Mapping[str, Any], text: str = "") -> str:
    """A place such as `column 'sex', categories (line 12)`; "" for the document as a whole.

    Args:
        location: keys and indices from the document's top.
        text: the TOML text, for the line; without it no line is named.
    """
    if not location:
        return ""
    parts, entry = list(location), _ENTRIES.get(str(location[0]))
    if entry and len(parts) > 1 and isinstance(parts[1], int):
        place = ", ".join([f"{entry} {_name(document, parts[0], parts[1])}", ".".join(map(str, parts[2:]))]).rstrip(
            ", "
        )
    else:
        place = ".".join(map(str, parts))
    line = _line(location, text.splitlines())
    return f"{place} (line {line})" if line else place


def _name(document: Mapping[str, Any], key: int | str, index: int) -> str:
    try:
        name = document[str(key)][index]["name"]
    except (KeyError, IndexError, TypeError):
        name = ""
    return repr(name) if isinstance(name, str) and name else f"number {index + 1}"


def _line(location: Sequence[int | str], lines: Sequence[str]) -> int:
    """The 1-based line of a key, of its section where the key itself is not written, or 0."""
    section, keys = str(location[0]), [part for part in location[1:] if isinstance(part, str)]
    index = location[1] if len(location) > 1 and isinstance(location[1], int) else None
    starts = [n for n, line in enumerate(lines) if re.match(rf"\s*\[\[?\s*{re.escape(section)}\s*\]\]?", line)]
    if not starts:
        begins = [n for n, line in enumerate(lines) if re.match(rf"\s*{re.escape(section)}\s*=", line)]
        if not begins:
            return 0
        tables = [n for n in range(begins[0], len(lines)) if "{" in lines[n]]
        return (tables[index] if index is not None and index < len(tables) else begins[0]) + 1
    start = starts[index or 0] if (index or 0) < len(starts) else starts[0]
    for number in range(start + 1, len(lines)):
        if re.match(r"\s*\[", lines[number]):
            break
        if keys and re.match(rf"\s*{re.escape(keys[0])}\s*=", lines[number]):
            return number + 1
    return start + 1
