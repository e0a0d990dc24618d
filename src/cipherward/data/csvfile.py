"""A CSV file as a table of text: encoding and separator are told from the content, a malformed row is refused by number.

Fields stay text, so that every conversion, and every complaint about a value, is ours (see `schema`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.encodings import as_utf8
from cipherward.data.file_settings import AS_FOUND, FileSettings
from cipherward.data.problems import Problem, not_usable, table_error
from cipherward.errors import TableError

SEPARATORS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "'|'"}
_LOOKED_AT = 20  # records that tell the separator
csv.field_size_limit((1 << 31) - 1)  # a clinical note may have more characters than Python's reader takes by default
_HEAD = 1 << 16
_SEP_LINE = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)


def read(
    content: bytes, path: Path, settings: FileSettings = AS_FOUND
) -> tuple[pl.DataFrame, NDArray[np.int64], tuple[str, ...]]:
    """Columns of text (null: an empty field), the row numbers int64[n_rows] from 1, and what was assumed.

    Raises:
        TableError: not such a table; names the file, the row and the remedy.
    """
    content, assumed = as_utf8(content, path, settings.encoding)
    if settings.skip_lines or settings.skip_last:
        content = _without_lines(content, settings, path)
        assumed += settings.left_out("line")
    _refuse_drawn_lines(content, path)
    if content[:1] in (b"\r", b"\n"):
        content = content.lstrip(b"\r\n")
        assumed.append("blank line(s) above the header left out")
    if declared := _SEP_LINE.match(content):
        content = content[declared.end() :]
        assumed.append("first line sep= obeyed and left out")
    separator = settings.separator or (declared[1].decode("latin-1") if declared else _separator(content, path))
    if separator != ",":
        as_set = ", as set" * bool(settings.separator)
        assumed.append(f"fields separated by {_NAMES.get(separator, repr(separator))}{as_set}")
    written = next(_records(content, separator), [])
    is_doubtful = declared and not settings.separator and len(written) < 2
    if is_doubtful and (found := _separator(content, path)).encode() in content.partition(b"\n")[0]:
        said = f"says sep={separator} in its first line, but its fields are separated by {_NAMES[found]}"
        raise not_usable(path, said, "remove that line, or correct it")
    names = checked_names(written, path)
    content = content.rstrip(b"\r\n\x1a") + b"\n"
    try:
        table = pl.read_csv(io.BytesIO(content), infer_schema=False, separator=separator)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        raise _malformed(content, separator, len(names), path) from None
    if table.width != len(names):
        raise _malformed(content, separator, len(names), path)
    table.columns = names
    rows = np.arange(1, table.height + 1)
    if _n_separators(content, separator, written, table) == (len(names) - 1) * table.height:
        return table, rows, tuple(assumed)
    # Some line has fewer fields than the header: a blank line, which is no row, or a row cut short.
    blank = _blank_records(content, separator, len(names), path)
    if len(blank) != table.height:
        raise _malformed(content, separator, len(names), path)
    assumed.append(f"{int(blank.sum())} blank line(s) left out")
    return table.filter(pl.Series(~blank)), rows[~blank], tuple(assumed)


def checked_names(written: Sequence[str], path: Path) -> list[str]:
    """The names of a table's columns, without space around; one may be empty.

    Raises:
        TableError: several are empty, or one name appears twice.
    """
    names = [name.strip() for name in written]
    if names.count("") > 1:
        said = f"the first line leaves {names.count('')} columns without a name"
        hint = (
            "the file begins with one line that names the columns: remove what stands above it (or say how many lines that are "
            "in a mapping file, [file] skip_lines), or name them all"
        )
        raise TableError(f"{path}: {said}", logged=said, hint=hint)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise table_error(
            f"{path} names columns twice",
            (
                Problem(
                    f"{path}: column {name!r} appears {names.count(name)} times; keep one column of each name",
                    "a column's name appears twice",
                )
                for name in doubled
            ),
            hint="rename columns, or remove them, until every name stands once",
        )
    return names


def _refuse_drawn_lines(content: bytes, path: Path) -> None:
    """A table as a terminal or a document prints it has lines of dashes around its header."""
    for line in content[:_HEAD].splitlines()[:3]:
        if b"---" in line and not line.strip(b'-+=|: \t"'):
            raise not_usable(
                path,
                "is a printed table, with lines of dashes",
                "export it as CSV: psql --csv, mysql --batch, or the spreadsheet's own export",
            )


def _without_lines(content: bytes, settings: FileSettings, path: Path) -> bytes:
    """The content without the lines that the hospital says are no part of the table."""
    lines = content.rstrip(b"\r\n\x1a").splitlines(keepends=True)
    if len(lines) <= settings.skip_lines + settings.skip_last:
        said = f"has {len(lines)} line(s), and all of them are left out (skip_lines, skip_last)"
        raise not_usable(path, said, "correct [file] in the mapping file")
    return b"".join(lines[settings.skip_lines : len(lines) - settings.skip_last])


def _separator(content: bytes, path: Path) -> str:
    """The separator under which header and first rows have the same number of fields; of several, the one with most."""
    found: dict[str, tuple[bool, int]] = {}
    for separator in SEPARATORS:
        try:
            reader = _records(content, separator, strict=True)
            records = [record for record in islice(reader, _LOOKED_AT) if record]
        except csv.Error:
            continue
        if records:
            found[separator] = all(len(record) == len(records[0]) for record in records), len(records[0])
    best = max((rank for rank in found.values() if rank[1] > 1), default=None)
    if best is None:
        return ","
    chosen = [separator for separator, rank in found.items() if rank == best]
    if len(chosen) > 1:
        both = " or ".join(_NAMES[separator] for separator in chosen)
        said = f"may be separated by {both}: the header line and the first rows fit both"
        raise not_usable(path, said, "put names that hold a separator in quotes")
    return chosen[0]


def _n_separators(content: bytes, separator: str, names: list[str], table: pl.DataFrame) -> int:
    """How many separators stand between fields below the header."""
    total = content.count(separator.encode()) - (len(names) - 1) - sum(name.count(separator) for name in names)
    if b'"' in content:
        inside = table.select(pl.all().str.count_matches(separator, literal=True).sum())
        total -= sum(int(count or 0) for count in inside.row(0))
    return total


def _records(content: bytes, separator: str, *, strict: bool = False) -> Iterator[list[str]]:
    """Every record, the header's first. Decoded as it is read: the first few cost little of a large file."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=separator, strict=strict)


def _is_blank(record: list[str], width: int) -> bool:
    return width > 1 and (not record or (len(record) == 1 and not record[0].strip()))


def _blank_records(content: bytes, separator: str, width: int, path: Path) -> NDArray[np.bool_]:
    """bool[n_records]: which lines are blank.

    Raises:
        TableError: a record has fewer fields than the header.
    """
    blank = []
    try:
        for record in islice(_records(content, separator), 1, None):
            blank.append(_is_blank(record, width))
            if not blank[-1] and len(record) != width and width > 1:
                raise _malformed(content, separator, width, path)
    except csv.Error:
        raise _malformed(content, separator, width, path) from None
    return np.array(blank, dtype=bool)


def _uneven(path: Path, row: int, found: int, width: int) -> TableError:
    which = "more" if found > width else "fewer"
    said = f"row {row}: a row has {which} fields than the header ({found}, not {width})"
    hint = (
        "the file may be cut short there, or a field that holds a separator lacks its quotation marks; write it again"
    )
    return TableError(f"{path}, {said}", logged=said, hint=hint)


def _lines_above(content: bytes, separator: str) -> tuple[str, str] | None:
    """What is wrong, and the remedy, where lines of other widths stand above a table whose rows all have one."""
    found: list[tuple[int, int]] = []  # fields of a record, lines above it
    try:
        reader = csv.reader(io.StringIO(content[:_HEAD].decode("utf-8", "ignore"), newline=""), delimiter=separator)
        before = 0
        for record in islice(reader, _LOOKED_AT):
            if record:
                found.append((len(record), before))
            before = reader.line_num
    except (csv.Error, ValueError):
        return None
    if len(found) < 4 or found[-1][0] < 2:
        return None
    if content[_HEAD:] and len(found) < _LOOKED_AT:
        found.pop()  # which may have been cut
    width = found[-1][0]
    first = next((at for at in range(len(found) - 1, -1, -1) if found[at][0] != width), -1) + 1
    if first < 2 or first > len(found) - 3 or any(wide >= width for wide, _ in found[:first]):
        return None
    lines = found[first][1]
    return (
        f"{lines} line(s) with fewer fields than the others stand above the line that names the columns",
        f"remove them, or say so in a mapping file ([file] skip_lines = {lines})",
    )


def _another_width(content: bytes, separator: str, width: int) -> tuple[str, str] | None:
    """What is wrong, and the remedy, where all rows have one number of fields and the header line another."""
    try:
        header, *rows = [record for record in islice(_records(content, separator), _LOOKED_AT) if record]
    except (csv.Error, ValueError):
        return None
    widths = {len(row) for row in rows}
    if len(rows) < 2 or len(widths) != 1 or widths <= {1, width}:
        return None
    (found,) = widths
    said = f"the header line has {width} fields, the rows below have {found}"
    if found == width + 1 and not any(row[-1] for row in rows):
        return said, "every row ends with a separator, the header line does not: remove them, or add one there"
    if found == width - 1 and not header[-1]:
        return said, "the header line ends with a separator, the rows do not: remove it"
    return (
        said,
        "remove the lines above the one that names the columns, or say how many they are in a mapping file ([file] skip_lines); if there are none, a name is missing or too many "
        "(R leaves one out for its row names: write.csv(..., row.names = FALSE))",
    )


def _malformed(content: bytes, separator: str, width: int, path: Path) -> TableError:
    """Why the file cannot be read, with the first row where that shows."""
    if told := _lines_above(content, separator) or _another_width(content, separator, width):
        return TableError(f"{path}: {told[0]}", logged=told[0], hint=told[1])
    row = 0
    try:
        for row, record in enumerate(_records(content, separator, strict=True)):
            if row and not _is_blank(record, width) and len(record) != width:
                if content.count(b'"') % 2 and any("\n" in field for field in record):
                    break
                return _uneven(path, row, len(record), width)
    except csv.Error:
        row += 1
    bare = re.compile(rf'(?:^|{re.escape(separator)})[^"{re.escape(separator)}]+"')
    for number, line in enumerate(content.decode().split("\n")):
        if bare.search(line):
            row = number
            break
    said = f"row {row}: a quotation mark is not closed, or stands inside a field"
    hint = "close it, or write it twice and put the whole field in quotation marks; the file may be cut short"
    return TableError(f"{path} is not a readable CSV table, {said}", logged=said, hint=hint)
