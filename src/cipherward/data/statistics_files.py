"""Files of SAS, SPSS and Stata, through pyreadstat, in a child process (`child`).

Codes stay codes; their labels and what the file itself calls missing come along, so that whatever they change is counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from cipherward.data.child import KINDS
from cipherward.data.reader_settings import ReaderSettings
from cipherward.data.refused import RefusedFile

_NAMES_MISSING = {"sas7bdat", "sav", "dta"}
"""Where the library tells values that the file calls missing from cells that are empty."""

_ALWAYS_UTF8 = "por"


def read(kind: str, path: Path, settings: ReaderSettings) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Columns as the file types them, and the facts that `child.Parsed` names."""
    import pyreadstat

    reader = getattr(pyreadstat, f"read_{kind}")
    if kind == _ALWAYS_UTF8 and settings.encoding:
        raise RefusedFile(
            "the encoding of a portable SPSS file cannot be set", "remove [file] encoding from the mapping file"
        )
    options: dict[str, Any] = {} if kind == _ALWAYS_UTF8 else {"encoding": settings.encoding or None}
    table, about = reader(str(path), output_format="polars", **options)
    missing: dict[str, int] = {}
    if kind in _NAMES_MISSING:
        as_stored, _ = reader(str(path), output_format="dict", user_missing=True, **options)
        for name, values in as_stored.items():
            stored = sum(value is not None and value == value for value in values)
            if called := stored - (table.height - table[name].null_count() - _n_nan(table[name])):
                missing[name] = called
    encoding = settings.encoding or about.file_encoding
    words = KINDS[kind].words.removeprefix("a ").removeprefix("an ")
    assumed = [f"{words}{f', encoding {encoding}' if encoding else ''}{', as set' * bool(settings.encoding)}"]
    labels = {
        name: {_code(code): str(label).strip() for code, label in found.items()}
        for name, found in (about.variable_value_labels or {}).items()
    }
    titles = {name: title for name, title in (about.column_names_to_labels or {}).items() if title}
    return table, {"assumed": assumed, "labels": labels, "missing": missing, "titles": titles}


def _n_nan(series: pl.Series) -> int:
    return int(series.is_nan().sum()) if series.dtype.is_float() else 0


def _code(code: object) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
