"""Reading a table file: CSV (also gzipped; comma, semicolon or tab) and Parquet, told apart by content.

CSV fields stay text, so that every conversion, and every complaint about a value, is ours (see `schema`).
"""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.errors import DataError

HINT = "correct the file (a CSV with one header line, or a Parquet table) and run the command again"


@dataclass(frozen=True)
class RawTable:
    """A table as found. `rows`: int64, the 1-based row number of each row in the file, header not counted."""

    table: pl.DataFrame
    rows: NDArray[np.int64]
    origin: str

    def where(self, keep: pl.Series) -> RawTable:
        """The rows where the Boolean series `keep` is true, with their row numbers."""
        return RawTable(self.table.filter(keep), self.rows[keep.to_numpy()], self.origin)


def read_table(path: Path) -> RawTable:
    """Read a CSV or Parquet file; CSV columns are String, blank CSV lines are left out.

    Raises:
        DataError: missing, unreadable, empty, cut short, or not a table.
    """
    content = _content(path)
    if content.startswith(b"\x1f\x8b"):
        content = _gunzip(content, path)
    if not content.strip():
        raise DataError(f"{path} is empty", hint=HINT)
    if content.startswith(b"PAR1"):
        return _parquet(content, path)
    if path.suffix == ".parquet":
        raise DataError(f"{path} is not a Parquet file (its first bytes are not PAR1)", hint=HINT)
    if content.startswith(b"PK\x03\x04"):
        raise DataError(
            f"{path} is a zip archive or an Excel workbook, not a CSV or Parquet table",
            hint="save the sheet as CSV (UTF-8), or unpack the archive, and give that file",
        )
    if b"\x00" in content[:65536]:
        raise DataError(f"{path} is neither a CSV nor a Parquet table (it holds binary data)", hint=HINT)
    return _csv(content, path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror or error}",
            hint="check the path in the study file (relative paths start at the study file's folder) or --data",
        ) from None


def _gunzip(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        raise DataError(f"{path}: the gzip data is damaged or cut short", hint="copy the file again") from None


# A damaged Parquet file can end the process that reads it: polars allocates what the file claims. So another one does.
_READER = """
import sys, polars as pl
try:
    pl.read_parquet(sys.stdin.buffer).write_ipc(sys.stdout.buffer)
except BaseException as error:
    print("\\x00" + str(error).strip().split("\\n", 1)[0], file=sys.stderr)
    sys.exit(1)
"""


def _parquet(content: bytes, path: Path) -> RawTable:
    done = subprocess.run([sys.executable, "-P", "-c", _READER], input=content, capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").rpartition("\x00")[2].strip()[:200]
        reason = said if done.returncode == 1 else "reading it ended the reader"
        raise DataError(
            f"{path} is not a readable Parquet file (damaged or cut short): {reason}",
            hint="copy or write the file again; its last four bytes must be PAR1",
        )
    table = pl.read_ipc(done.stdout)
    return RawTable(table, np.arange(1, table.height + 1), str(path))


def _csv(content: bytes, path: Path) -> RawTable:
    try:
        header = content.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text", hint="save the file as CSV with encoding UTF-8") from None
    separator = max(",;\t", key=header.count)
    try:
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    except csv.Error as error:
        raise DataError(f"{path} is not a readable CSV table: its header line ({error})", hint=HINT) from None
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        problems = tuple(f"{path}: column {name!r} appears {names.count(name)} times" for name in doubled)
        raise DataError("; ".join(problems), problems=problems, hint="keep one column of each name")
    try:
        table = pl.read_csv(io.BytesIO(content), infer_schema=False, separator=separator)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise DataError(f"{path} is not a readable CSV table: {_first_line(error)}", hint=HINT) from None
    if table.width != len(names):
        raise DataError(f"{path} is not a readable CSV table: the header line holds {len(names)} names", hint=HINT)
    table.columns = names
    raw = RawTable(table, np.arange(1, table.height + 1), str(path))
    if table.height and table.width > 1:
        blank = table.select(pl.all_horizontal(pl.all().is_null()).alias("blank"))["blank"]
        raw = raw.where(~blank) if blank.any() else raw
    return raw


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n", 1)[0]
    return "a row has more fields than the header" if "more fields than defined" in text else text[:200]
