"""Reading a table file of any kind that is known here, told apart by its content: the only place that opens one."""

from __future__ import annotations

import dataclasses
import gzip
import io
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import child, csvfile, extract, other_files
from cipherward.data.file_settings import AS_FOUND, FileSettings
from cipherward.data.problems import cannot_read, not_usable
from cipherward.data.values import Change, Rule
from cipherward.errors import TableError

HINT = (
    "correct the file (a CSV with one header line, or another kind that docs/data.md names) and run the command again"
)
_GZIP = b"\x1f\x8b"
_WORKBOOKS = {".xlsx", ".xlsm", ".xltx", ".xltm"}
_BY_NAME = {".por": "por", ".dta": "dta"}
"""Old files of Stata, and portable ones of SPSS, do not begin with a mark of their own."""
_KINDS = (
    (b"PAR1", "parquet"),
    (b"$FL2", "sav"),
    (b"$FL3", "sav"),
    (b"<stata_dta>", "dta"),
    (b"HEADER RECORD***", "xport"),
    (b"\x00" * 12 + b"\xc2\xea\x81\x60", "sas7bdat"),
)


@dataclass(frozen=True)
class RawTable:
    """A table as found. `rows`: int64, the 1-based row number of each row in the file, header not counted; `assumed`:
    what was taken for granted in reading it, in words; `folder`: where the files that it names are, for a table
    that is a file; `settings`: how the hospital says that it is written; `labels`: of each column the labels that the file itself
    gives its codes; `changes`: values that reading the file has changed; `units`: of columns that a mapping file has converted; `carried`: of columns
    whose unit the source says, and which are still in it; `titles`: what else a column is called there, in which people may name a unit."""

    table: pl.DataFrame
    rows: NDArray[np.int64]
    origin: str
    assumed: tuple[str, ...] = ()
    folder: Path | None = None
    settings: FileSettings = AS_FOUND
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    changes: tuple[Change, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    carried: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def where(self, keep: pl.Series) -> RawTable:
        """The rows where the Boolean series `keep` is true, with their row numbers."""
        return dataclasses.replace(self, table=self.table.filter(keep), rows=self.rows[keep.to_numpy()])


def read_table(path: Path, settings: FileSettings = AS_FOUND, wanted: Collection[str] | None = None) -> RawTable:
    """Read a table file, or what an extract (`extract`, .toml) says. CSV columns are String, blank CSV lines are left out, a row
    of empty fields is a row. What a library reads is read in another process (`child`).

    Args:
        wanted: the columns that will be looked at; None: all. Where a file can be read in part, the others have no values.

    Raises:
        TableError: missing, unreadable, empty, cut short, or not a table.
    """
    if path.suffix.lower() == extract.SUFFIX:
        return extract.read(path, wanted)
    if path.is_dir():
        said = "it is a folder"
        raise TableError(
            f"cannot read {path}: {said}", logged=f"cannot read the table: {said}", hint=other_files.OF_FOLDER
        )
    if path.exists() and not path.is_file():
        said = "it is a pipe or a device, which can be read once only"
        raise TableError(
            f"cannot read {path}: {said}", logged=f"the table: {said}", hint="save it as a file, and give that"
        )
    begin = _content(path, 1 << 10)
    kind = next(
        (kind for signature, kind in _KINDS if begin.startswith(signature)), _BY_NAME.get(path.suffix.lower(), "")
    )
    if begin.startswith(b"PK\x03\x04") and (
        path.suffix.lower() in _WORKBOOKS or b"[Content_Types].xml" in begin or b"xl/" in begin
    ):
        kind = "excel"
    if kind == "excel" and (found := other_files.in_archive(_content(path))):
        raise _no_table(path, *found)
    if kind and begin:
        return _parsed(kind, path, settings, wanted)
    content = _content(path)
    if content.startswith(_GZIP):
        content = _gunzip(content, path)
    if not content.strip():
        raise not_usable(path, "is empty", HINT)
    if path.suffix == ".parquet":
        raise not_usable(path, "is not a Parquet file (its first bytes are not PAR1)", HINT)
    packed = next((child.KINDS[kind].words for signature, kind in _KINDS if content.startswith(signature)), "")
    if found := (packed, "unpack the archive, and give that file") if packed else other_files.known(content):
        raise _no_table(path, *found, is_packed=begin.startswith(_GZIP))
    table, rows, assumed = csvfile.read(content, path, settings)
    return RawTable(table, rows, str(path), assumed, path.parent, settings)


def _no_table(path: Path, what: str, remedy: str, *, is_packed: bool = False) -> TableError:
    return not_usable(path, f"is {what}{' inside gzip' * is_packed}, not a table of a kind that is read", remedy)


def _parsed(kind: str, path: Path, settings: FileSettings, wanted: Collection[str] | None) -> RawTable:
    """A file that a library reads, with its names checked as those of any other."""
    found = child.parse(kind, path, settings, wanted)
    table, facts = found.table, found.facts
    if "header" in facts:
        table.columns = csvfile.checked_names(facts["header"], path)
    if not table.width:
        raise not_usable(path, "has no columns", HINT)
    rows = np.array(facts["rows"], np.int64) if "rows" in facts else np.arange(1, table.height + 1)
    changes = tuple(Change(name, Rule.MISSING_IN_FILE, count) for name, count in facts.get("missing", {}).items())
    assumed = tuple(facts.get("assumed", ()))
    titles = {name: (title,) for name, title in facts.get("titles", {}).items()}
    labels = facts.get("labels", {})
    return RawTable(table, rows, str(path), assumed, path.parent, settings, labels, changes, titles=titles)


def _content(path: Path, first: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(first)
    except OSError as error:
        hint = "check the path; one that stands in a study file starts at that file's folder"
        raise cannot_read(path, error, "the table", hint) from None


def _gunzip(content: bytes, path: Path) -> bytes:
    most = child.limit(path)
    too_much = "unpacks to more than memory should hold"
    hint = "unpack it, look at it, and give the table itself"
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            found = packed.read(most + 1)
    except (OSError, EOFError, zlib.error):
        said = "the gzip data is damaged or cut short"
        raise TableError(f"{path}: {said}", logged=said, hint="copy the file again") from None
    except MemoryError:
        raise not_usable(path, too_much, hint) from None
    if len(found) > most:
        raise not_usable(path, too_much, hint)
    return found
