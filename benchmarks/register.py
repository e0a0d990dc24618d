"""What a register costs at 1 M rows: reading a table for the first time, again, and after a refresh; the file that is kept.

python benchmarks/register.py [ROWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from cipherward.consortium.homes.registers import Registers
from cipherward.data.problems import Problem
from cipherward.data.registers import Reading, TableToRead, read
from cipherward.store.ledger import Ledger

COLUMNS = [*(f"x{i}" for i in range(12)), *(f"c{i}" for i in range(7)), "outcome"]


def table(n: int, seed: int) -> pl.DataFrame:
    """Twelve numeric columns of three decimals, eight of categories, a patient id; as text, as a CSV file is read."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=n).round(3) for name in COLUMNS[:12]}
    found = pl.DataFrame(columns | {name: rng.choice(["A", "B"], n) for name in COLUMNS[12:]})
    ids = pl.Series("mrn", [f"P{seed}-{i:07d}" for i in range(n)])
    return found.with_columns(ids).with_columns(pl.all().cast(pl.String))


def timed(what: str, at: Registers, rows: pl.DataFrame, refresh: int) -> Reading:
    began, cpu = time.perf_counter(), time.process_time()
    found = read(TableToRead(rows, COLUMNS, "mrn", 0.2, 0.1), at.terms("table", refresh, 10))
    assert not isinstance(found, Problem), found
    at.keep("table", found.register)
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    size = (at.folder / "table.register").stat().st_size / 1e6
    print(f"{what:<28} {spent:5.1f} s, of which processor {cpu:5.1f} s; {len(found.rows):,} rows; file {size:.1f} MB")
    return found


def main(n: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite")
        registers, rows = Registers(Path(folder) / "registers", ledger), table(n, 1)
        timed("first reading", registers, rows, 0)
        timed("again", registers, rows, 0)
        more = pl.concat([rows, table(n // 10, 2)])
        timed("after a refresh, 10 % more", registers, more, 1)
        ledger.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
