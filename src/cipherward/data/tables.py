"""Reading a table file: CSV (also gzipped; see `csvfile`) and Parquet, told apart by content."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import csvfile, extract
from cipherward.errors import TableError

HINT = "correct the file (a CSV with one header line, or a Parquet table) and run the command again"
_OTHER_FILES = (  # first bytes, in small letters and without space
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC\x08", "an ORC file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
    (b"RDX2", "an R workspace"),
    (b"RDX3", "an R workspace"),
    (b"X\n\x00\x00\x00", "an R object (RDS)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "compressed twice (gzip)"),
    (b"$FL2", "an SPSS file"),
    (b"<stata_dta>", "a Stata file"),
    (b"header record***", "a SAS transport file"),
    (b"\x00" * 12 + b"\xc2\xea\x81\x60", "a SAS file"),
    (b"sqliteformat3", "an SQLite database"),
    (b"%pdf", "a PDF document"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"bzh", "compressed (bzip2)"),
    (b"\xfd7zxz", "compressed (xz)"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x04\x22\x4d\x18", "compressed (lz4)"),
    (b"Rar!", "a RAR archive"),
    (b"-----beginpgp", "encrypted (PGP)"),
    (b"@relation", "a Weka file (ARFF)"),
    (b"insertinto", "SQL statements"),
    (b"createtable", "SQL statements"),
    (b"versionhttps://git-lfs", "a Git LFS pointer that stands for the file"),
    (b"{", "a JSON document"),
    (b"[{", "a JSON document"),
    (b"<!", "a web page"),
    (b"<html", "a web page"),
    (b"<table", "a web page"),
    (b"<?xml", "an XML document"),
)


@dataclass(frozen=True)
class RawTable:
    """A table as found. `rows`: int64, the 1-based row number of each row in the file, header not counted; `assumed`:
    what was taken for granted in reading it, in words; `folder`: where the files that it names are, for a table
    that is a file."""

    table: pl.DataFrame
    rows: NDArray[np.int64]
    origin: str
    assumed: tuple[str, ...] = ()
    folder: Path | None = None

    def where(self, keep: pl.Series) -> RawTable:
        """The rows where the Boolean series `keep` is true, with their row numbers."""
        return RawTable(self.table.filter(keep), self.rows[keep.to_numpy()], self.origin, self.assumed, self.folder)


def read_table(path: Path) -> RawTable:
    """Read a CSV or Parquet file, or what an extract (`extract`, .toml) says; CSV columns are String, blank CSV lines are
    left out, a row of empty fields is a row.

    Raises:
        TableError: missing, unreadable, empty, cut short, or not a table.
    """
    if path.suffix.lower() == extract.SUFFIX:
        return extract.read(path)
    content = _content(path)
    if content.startswith(b"\x1f\x8b"):
        content = _gunzip(content, path)
    if not content.strip():
        raise _refused(path, "is empty")
    if content.startswith(b"PAR1"):
        return _parquet(content, path)
    if path.suffix == ".parquet":
        raise _refused(path, "is not a Parquet file (its first bytes are not PAR1)")
    begin = b"".join(content[:64].lower().split())
    for signature, what in _OTHER_FILES:
        if begin.startswith(b"".join(signature.lower().split())):
            raise _refused(
                path,
                f"is {what}, not a CSV or Parquet table",
                hint="save the sheet as CSV (UTF-8), or unpack the archive, and give that file",
            )
    table, rows, assumed = csvfile.read(content, path)
    return RawTable(table, rows, str(path), assumed, path.parent)


def _refused(path: Path, fact: str, hint: str = HINT) -> TableError:
    return TableError(f"{path} {fact}", logged=f"the table {fact}", hint=hint)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TableError(
            f"cannot read {path}: {reason}",
            logged=f"cannot read the table: {reason}",
            hint="check the path; one that stands in a study file starts at that file's folder",
        ) from None


def _gunzip(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        said = "the gzip data is damaged or cut short"
        raise TableError(f"{path}: {said}", logged=said, hint="copy the file again") from None


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
        raise TableError(
            f"{path} is not a readable Parquet file (damaged or cut short): {reason}",
            logged="the table is not a readable Parquet file (damaged or cut short)",
            hint="copy or write the file again; its last four bytes must be PAR1",
        )
    table = pl.read_ipc(done.stdout)
    return RawTable(table, np.arange(1, table.height + 1), str(path), folder=path.parent)
