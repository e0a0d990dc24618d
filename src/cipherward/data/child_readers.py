"""The process that reads one file (`child.parse` starts it): limits first, then the library for the file's kind.

What it answers on standard output: 4 bytes of length, facts as JSON, and the table as Arrow.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import polars as pl

from cipherward.data.reader_settings import ReaderSettings
from cipherward.data.refused import RefusedFile
from cipherward.texts import same_text

Read = Callable[[Path, ReaderSettings, Collection[str] | None], tuple[pl.DataFrame, dict[str, Any]]]


def _parquet(
    path: Path, _settings: ReaderSettings, wanted: Collection[str] | None
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Only the wanted columns, and the names of the others: a table may be far larger than what a study reads of it."""
    if wanted is None:
        return pl.read_parquet(path, use_pyarrow=False, glob=False), {}
    lazy = pl.scan_parquet(path, glob=False)
    names = lazy.collect_schema().names()
    known = {same_text(name) for name in wanted}
    kept = [name for name in names if same_text(name) in known]
    table = lazy.select(kept).collect() if kept else lazy.select(pl.len().alias("")).collect()
    height = table.height if kept else int(table.item())
    return table if kept else pl.DataFrame(), {"names": names, "height": height}


def _excel(
    path: Path, settings: ReaderSettings, _wanted: Collection[str] | None
) -> tuple[pl.DataFrame, dict[str, Any]]:
    from cipherward.data import workbook

    return workbook.read(path, settings)


def _statistics(kind: str) -> Read:
    def read(
        path: Path, settings: ReaderSettings, _wanted: Collection[str] | None
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        from cipherward.data import statistics_files

        return statistics_files.read(kind, path, settings)

    return read


READERS: dict[str, Read] = {
    "parquet": _parquet,
    "excel": _excel,
    **{kind: _statistics(kind) for kind in ("xport", "sas7bdat", "sav", "por", "dta")},
}


def _bound(memory: int) -> None:
    """No more memory than that, and no core file of a table; where the system has no such limits, the parent's clock is the only one."""
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def main(task: str) -> int:
    """Read what `task` says and answer. 0: a table; 1: an error in words."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the answer
    kind, path, settings, memory, wanted = json.loads(task)
    _bound(memory)
    table = pl.DataFrame()
    code = 1
    try:
        table, facts = READERS[kind](Path(path), ReaderSettings(**settings), wanted)
        code = 0
    except RefusedFile as error:
        facts = {"refused": error.said, "logged": error.logged, "hint": error.hint}
    except MemoryError:
        facts = {"failed": f"reading it takes more than {memory >> 30} GiB of memory"}
    except BaseException as error:
        facts = {"failed": f"{error}".strip().split("\n", 1)[0] or type(error).__name__}
    written = json.dumps(facts).encode()
    out.write(len(written).to_bytes(4) + written)
    if not code:
        content = io.BytesIO()
        table.write_ipc(content)
        out.write(content.getbuffer())
    out.close()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
