"""One sheet of an Excel workbook (.xlsx, .xlsm) as a table of text: what is stored, as a CSV export would show it, and nothing guessed.

Runs in a child process (`child`). Numbers lose no digit; errors of formulas stay as words (#N/A), which are read as missing and
counted; formulas without a stored result, merged cells and several sheets are refused with the place.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl

from cipherward.data import sheets
from cipherward.data.reader_settings import ReaderSettings
from cipherward.data.refused import RefusedFile

_DIGITS = 10**15
"""A spreadsheet keeps 15 digits of a number: longer ones are written with an exponent, so that they do not pass for whole ids."""
_NO_RESULT = re.compile(
    rb"<c\s(?=[^>]*\br=\"([A-Z]+)([0-9]+)\")(?![^>]*\bt=\"str\")[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
_MERGED = re.compile(rb"<mergeCell\s[^>]*\bref=\"([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)\"")
_HIDDEN = re.compile(rb"<row\s[^>]*\bhidden=\"(?:1|true)\"")
_CHUNK = 1 << 22
_OVERLAP = 1 << 16


def read(path: Path, settings: ReaderSettings) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Columns of text (of true and false alone: Boolean), and the facts that `child.Parsed` names.

    Raises:
        RefusedFile: no sheet, several sheets, or a sheet that is no table.
    """
    sheet, assumed = sheets.chosen(path, settings.sheet)
    marks = _marks(path, sheet._worksheet_path, settings.skip_lines)
    rows = _rows(sheet, settings, marks.last_unfinished)
    header = next(rows, (0, []))[1]
    below = [(number - settings.skip_lines - 1, fields) for number, fields in rows]
    last_row = below[-1][0] + settings.skip_lines + 1 if below else settings.skip_lines + 1
    if marks.first_unfinished and marks.first_unfinished[1] <= last_row:
        raise RefusedFile(
            f"cell {marks.first_unfinished[0]} holds a formula without a stored result",
            "open the workbook in the spreadsheet program, let it calculate, and save it; or save the sheet as CSV; a line of totals at "
            "the end can be left out by a mapping file ([file] skip_last)",
        )
    for place, first, last in marks.merged:
        if first <= last_row and last > settings.skip_lines:
            raise RefusedFile(
                f"the cells {place} are merged: only the first of them holds the value",
                "unmerge them and write name or value into each; lines above the header can be left out by a mapping file "
                "([file] skip_lines)",
            )
    n_wide = max((len(fields) for fields in [header, *(fields for _, fields in below)]), default=0)
    if not n_wide:
        raise RefusedFile(
            "the sheet has no cells",
            "give the workbook with the table, or name its sheet in a mapping file ([file] sheet)",
        )
    header += [""] * (n_wide - len(header))
    assumed += settings.left_out("row")
    blank = sum(not fields for _, fields in below)
    full = [(number, fields + [None] * (n_wide - len(fields))) for number, fields in below if fields]
    if blank:
        assumed.append(f"{blank} blank row(s) left out")
    if marks.n_hidden:
        assumed.append(f"{marks.n_hidden} hidden row(s) read as the others are")
    columns = [_column([fields[place] for _, fields in full]) for place in range(n_wide)]
    empty = [
        place for place, name in enumerate(header) if not name.strip() and columns[place].null_count() == len(full)
    ]
    kept = [place for place in range(n_wide) if place not in empty]
    facts = {"assumed": assumed, "rows": [number for number, _ in full], "header": [header[place] for place in kept]}
    return pl.DataFrame([columns[place].rename(str(at)) for at, place in enumerate(kept)]), facts


def _rows(sheet: Any, settings: ReaderSettings, last_unfinished: int) -> Iterator[tuple[int, list[Any]]]:
    """(row of the sheet from 1, fields without the empty ones at the end): the header line first. A row with a formula that has no
    result looks blank, and counts among the last ones all the same."""
    found: list[tuple[int, list[Any]]] = []
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        fields = [_written(value) for value in values]
        while fields and fields[-1] is None:
            fields.pop()
        if number > settings.skip_lines:
            found.append((number, fields))
    while found and not found[-1][1] and found[-1][0] > last_unfinished:
        found.pop()
    if settings.skip_last:
        del found[max(len(found) - settings.skip_last, 1) :]
    if found:
        number, names = found[0]
        if not names:
            raise RefusedFile(
                f"row {number} of the sheet, where the names of the columns are wanted, is blank",
                "delete what stands above the header, or say how many lines that are in a mapping file ([file] skip_lines)",
            )
        yield number, ["" if name is None else _name(name) for name in names]
        yield from found[1:]


def _written(value: Any) -> Any:
    """A cell as text; true and false as they are; None: empty."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if abs(value) >= _DIGITS:
            return f"{value:.14E}"
        return str(int(value)) if value == int(value) else repr(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) or None


def _name(value: Any) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)


def _column(fields: Sequence[Any]) -> pl.Series:
    there = [value for value in fields if value is not None]
    if there and all(isinstance(value, bool) for value in there):
        return pl.Series(fields, dtype=pl.Boolean)
    return pl.Series([None if value is None else _name(value) for value in fields], dtype=pl.String)


def _chunks(path: Path, member: str) -> Iterator[bytes]:
    """The sheet's XML piece by piece, each with the end of the one before, so that no mark is cut in two."""
    with zipfile.ZipFile(path) as archive, archive.open(member.lstrip("/")) as file:
        before = b""
        while piece := file.read(_CHUNK):
            yield before + piece
            before = (before + piece)[-_OVERLAP:]


@dataclass
class _Marks:
    """What the sheet's XML says beyond its values: merged ranges (place, first row, last row); how many rows are hidden; of the formulas
    without a stored result the uppermost one below the skipped lines (place, row), and the last row with one (0: none)."""

    merged: list[tuple[str, int, int]]
    n_hidden: int = 0
    first_unfinished: tuple[str, int] | None = None
    last_unfinished: int = 0


def _marks(path: Path, member: str, skip_lines: int) -> _Marks:
    merged: dict[str, tuple[str, int, int]] = {}
    marks = _Marks([])
    before = 0
    for piece in _chunks(path, member):
        for found in _NO_RESULT.finditer(piece):
            row = int(found[2])
            if row > skip_lines and (marks.first_unfinished is None or row < marks.first_unfinished[1]):
                marks.first_unfinished = (found[1] + found[2]).decode(), row
            marks.last_unfinished = max(marks.last_unfinished, row)
        for left, first, right, last in _MERGED.findall(piece):
            place = f"{left.decode()}{first.decode()}:{right.decode()}{last.decode()}"
            merged[place] = place, int(first), int(last)
        marks.n_hidden += sum(row.end() > before for row in _HIDDEN.finditer(piece))
        before = min(len(piece), _OVERLAP)
    marks.merged = [*merged.values()]
    return marks
