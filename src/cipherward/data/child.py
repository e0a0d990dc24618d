"""Reading a file with somebody else's parser: in a process of its own, with limits, so that a damaged or hostile file ends that
process and nothing else."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cipherward.data.problems import not_usable
from cipherward.errors import TableError

if TYPE_CHECKING:
    from cipherward.data.file_settings import FileSettings

SECONDS = 900.0
"""How long reading one file may take."""
_HERE = str(Path(__file__).parents[2])  # the child runs this code, wherever the parent found it
_GIB = 1 << 30
_TIMES = 100  # what a compressed file may become in memory
_INSTALL = "pip install 'cipherward[formats]'"


@dataclass(frozen=True)
class Kind:
    """A kind of file that another library reads: its words, that library, and what to do when it cannot be read."""

    words: str
    package: str
    remedy: str = "copy or export the file again"


KINDS = {
    "parquet": Kind("a Parquet file", "polars", "copy or write the file again; its last four bytes must be PAR1"),
    "excel": Kind(
        "an Excel workbook",
        "openpyxl",
        "open it in the spreadsheet program and save it again, or save the sheet as CSV",
    ),
    "xport": Kind("a SAS transport file", "pyreadstat"),
    "sas7bdat": Kind("a SAS file", "pyreadstat"),
    "sav": Kind("an SPSS file", "pyreadstat"),
    "por": Kind("an SPSS portable file", "pyreadstat"),
    "dta": Kind("a Stata file", "pyreadstat"),
}


@dataclass(frozen=True)
class Parsed:
    """What a child read. `facts`: `assumed` (list of texts), `rows` (numbers of the rows, where some were left out),
    `labels` (column: code: label), `titles` (column: its label) and `missing` (column: how many values the file itself calls missing)."""

    table: pl.DataFrame
    facts: dict[str, Any]


def limit(path: Path) -> int:
    """Bytes of memory that reading this file may take."""
    return 4 * _GIB + _TIMES * path.stat().st_size


def start(task: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run one reader to its end, or end it.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    return subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-m", "cipherward.data.child_readers", task],
        capture_output=True,
        check=False,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (_HERE, os.environ.get("PYTHONPATH"))))},
    )


def parse(
    kind: str,
    path: Path,
    settings: FileSettings,
    wanted: Collection[str] | None = None,
    *,
    seconds: float = SECONDS,
    memory: int = 0,
) -> Parsed:
    """Read a file of one of `KINDS` in a child process.

    Args:
        wanted: the columns that will be looked at; None: all. Of a Parquet file the others are not loaded: they come as columns without
            values, of type Null.
        memory: bytes that the child may take; 0: `limit`.

    Raises:
        TableError: the library is not installed, the file is not what its kind says, or reading it took too much.
    """
    about = KINDS[kind]
    if importlib.util.find_spec(about.package) is None:
        said = f"is {about.words}; reading it needs the Python package {about.package}, which is not installed"
        raise not_usable(path, said, _INSTALL)
    task = json.dumps(
        [
            kind,
            str(path),
            asdict(settings.for_reader()),
            memory or limit(path),
            None if wanted is None else sorted(wanted),
        ]
    )
    try:
        done = start(task, seconds)
    except subprocess.TimeoutExpired:
        raise not_usable(
            path, f"is {about.words} that takes more than {seconds:g} seconds to read", about.remedy
        ) from None
    facts, content = _split(done.stdout)
    if done.returncode == 0 and facts is not None:
        return Parsed(_with_names(pl.read_ipc(io.BytesIO(content), use_pyarrow=False), facts), facts)
    if facts and "refused" in facts:
        raise TableError(f"{path}: {facts['refused']}", logged=f"the table: {facts['logged']}", hint=facts["hint"])
    reason = str((facts or {}).get("failed", "")).strip()[:200] or "reading it ended the reader"
    said = (
        f"is not {about.words.replace('a ', 'a readable ', 1).replace('an ', 'a readable ', 1)} (damaged or cut short)"
    )
    raise TableError(f"{path} {said}: {reason}", logged=f"the table {said}", hint=about.remedy)


def _with_names(table: pl.DataFrame, facts: dict[str, Any]) -> pl.DataFrame:
    if "names" not in facts:
        return table
    empty = pl.Series([None] * int(facts["height"]), dtype=pl.Null)
    return pl.DataFrame([table[name] if name in table.columns else empty.alias(name) for name in facts["names"]])


def _split(out: bytes) -> tuple[dict[str, Any] | None, bytes]:
    length = int.from_bytes(out[:4])
    try:
        facts = json.loads(out[4 : 4 + length]) if len(out) >= 4 + length > 4 else None
    except ValueError:
        facts = None
    return (facts if isinstance(facts, dict) else None), out[4 + length :]
