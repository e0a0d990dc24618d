"""The data dictionary as people write it: in the study, or in a file of its own that several studies name, with the role of each column.

Both are resolved when a study is read: a frozen study holds the columns themselves, and says outcome and patient column in [data].
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cipherward import tomlfile
from cipherward.errors import StudyError

SETTING = "dictionary"
_IN_SETTINGS = {"time": "time", "group": "group"}
"""Role -> key of the task's own [settings]: such a column is an input, too."""
_IN_DATA = {"patient": "patient_column", "index-date": "index_date"}
"""Role -> key of [data]: such a column is no input."""
_ROLES = ("feature", "outcome", "event", *_IN_DATA, *_IN_SETTINGS)
_OF_OUTCOME = {
    "name",
    "role",
    "kind",
    "categories",
    "positive",
    "minimum",
    "maximum",
    "unit",
    "description",
    "recorded",
}
_OF_KEY = {"name", "role", "description"}


def with_file(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A study as written, with the columns of the file that it names (`dictionary`), from the study file's folder on.

    Raises:
        StudyError: the file cannot be read, or holds anything but columns; or the study lists columns, too.
    """
    if SETTING not in document:
        return document
    given = document[SETTING]
    if not isinstance(given, str) or not given:
        raise _error("dictionary names a file", 'write dictionary = "columns.toml"')
    if "columns" in document:
        raise _error("the study has both dictionary and [[columns]]", "keep the columns in one place")
    path = folder / given
    try:
        found = tomlfile.table(path.read_bytes())
    except OSError as error:
        raise _error(f"cannot read the data dictionary {path}: {error.strerror or error}", "check the path") from None
    except ValueError as error:
        raise _error(f"{path} is not valid TOML: {error}", "correct the file at the place named above") from None
    if set(found) != {"columns"} or not isinstance(found["columns"], list):
        other = ", ".join(sorted(set(found) - {"columns"})) or "no columns"
        raise _error(f"{path} is no data dictionary: it holds {other}", "it has [[columns]] and nothing else")
    return {name: value for name, value in document.items() if name != SETTING} | {"columns": found["columns"]}


def with_roles(document: dict[str, Any]) -> dict[str, Any]:
    """A study as written, with the roles of its columns said where the study says them: outcome, patient column and index date in [data],
    the time of follow-up and the column of groups in [settings].

    Raises:
        ValueError: a role is unknown, two columns have one that only one can have, or the study says otherwise.
    """
    columns = document.get("columns")
    if not isinstance(columns, list) or not any(isinstance(entry, dict) and "role" in entry for entry in columns):
        return document
    inputs: list[Any] = []
    data = dict(document.get("data") or {})
    settings = dict(document.get("settings") or {})
    problems: list[str] = []
    for entry in columns:
        role = entry.get("role", "feature") if isinstance(entry, dict) else "feature"
        name = entry.get("name", "") if isinstance(entry, dict) else ""
        if role not in _ROLES:
            problems.append(f"column {name!r}: role is one of {', '.join(_ROLES)}")
        elif role in ("outcome", "event"):
            problems += _take(data, "data", {"outcome": name} | _outcome(entry, data))
            problems += _unknown(entry, _OF_OUTCOME)
        elif role in _IN_DATA:
            problems += _take(data, "data", {_IN_DATA[role]: name})
            problems += _unknown(entry, _OF_KEY)
        else:
            if role in _IN_SETTINGS:
                problems += _take(settings, "settings", {_IN_SETTINGS[role]: name})
            inputs.append(
                {key: value for key, value in entry.items() if key != "role"} if isinstance(entry, dict) else entry
            )
    if problems:
        raise ValueError("\n".join(problems))
    found = document | {"columns": inputs, "data": data}
    return found | {"settings": settings} if settings else found


def _outcome(entry: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """What an outcome's entry says that [data] has words for, by the type of outcome."""
    kind = data.get("outcome_type", "binary")
    categories = entry.get("categories")
    said: dict[str, Any] = {"outcome_date": entry["recorded"]} if "recorded" in entry else {}
    if kind == "binary":
        positive = entry.get("positive", data.get("positive", "1"))
        if "positive" in entry:
            said["positive"] = positive
        if isinstance(categories, list) and positive != "1":
            said["negative"] = [text for text in categories if text != positive]
    elif isinstance(categories, list):
        said["classes"] = categories
    else:
        said |= {f"outcome_{key}": entry[key] for key in ("minimum", "maximum") if key in entry}
    return said


def _take(section: dict[str, Any], where: str, said: Mapping[str, Any]) -> list[str]:
    problems = []
    for key, value in said.items():
        if key in section and section[key] != value:
            problems.append(f"{where}.{key} is {section[key]!r}, and a column's role says {value!r}: say it once")
        section[key] = value
    return problems


def _unknown(entry: Mapping[str, Any], known: set[str]) -> list[str]:
    return [
        f"column {entry.get('name', '')!r}: {key} is not for role {entry['role']!r}"
        for key in sorted(set(entry) - known)
    ]


def _error(said: str, hint: str) -> StudyError:
    return StudyError(said, problems=(said,), hint=hint)
