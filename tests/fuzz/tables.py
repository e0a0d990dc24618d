"""Tables that hospitals hand over, and what an opened sum is taken for."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tests import simulator
from tests.fuzz.decoders import Decoder
from tests.fuzz.mutation import BINARY, TEXT, at_the_edges
from tests.schedules.world import Setting, setting, values_of

from cipherward.data import public
from cipherward.data.schema import examine
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import CipherwardError
from cipherward.learning.state import StudyState
from cipherward.nodes import plan
from cipherward.privacy.accounting import Event

ROWS = """age,dose,ward,outcome
1.5,-0.25,A,1
,2,B,0
-3.25,0.0001,A,0
"7",1e2,"B",1
"""


def everything(folder: Path) -> Iterator[Decoder]:
    folder.mkdir(parents=True)
    study = simulator.study(3)
    path = folder / "table.csv"

    def read(data: bytes) -> RawTable:
        path.write_bytes(data)
        raw = read_table(path)
        found = examine(raw.table, study, "clinic-1", rows=raw.rows)
        if found.problems:
            return raw
        assert found.table.columns == [column.name for column in study.columns]
        assert set(found.outcome.tolist()) <= {0, 1}
        for column in ("age", "dose"):
            assert not found.table[column].is_nan().any()
        return raw

    def rows(data: bytes, raw: RawTable) -> bool:
        return raw.table.height == len(raw.rows)

    semicolons = ROWS.replace(",", ";").replace("\n", "\r\n").encode()
    yield Decoder("table-csv", [ROWS.encode(), semicolons], read, rows, mutations=(*TEXT, *BINARY))
    yield Decoder("table-csv-gz", [gzip.compress(ROWS.encode(), mtime=0)], read, rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/diabetic_data.csv", ROWS)

    def unzip(data: bytes) -> bytes:
        path.write_bytes(data)
        return public._csv_content(path)

    plain = gzip.compress(ROWS.encode(), mtime=0)
    yield Decoder("table-zip", [packed.getvalue(), plain], unzip, lambda data, value: value == ROWS.encode() or value == data)
    table = pl.read_csv(ROWS.encode())
    parquet = io.BytesIO()
    table.write_parquet(parquet)
    yield Decoder("table-parquet", [parquet.getvalue()], read, rows)
