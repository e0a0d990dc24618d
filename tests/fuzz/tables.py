"""Tables that hospitals hand over, and what an opened sum is taken for."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tests import simulator
from tests.fuzz.decoders import OWN_FILE, Decoder
from tests.fuzz.mutation import BINARY, TEXT
from tests.schedules.world import Setting, setting, values_of

from cipherward.data import public
from cipherward.data.schema import examine
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import DataError
from cipherward.parties import asking
from cipherward.privacy.accounting import Event
from cipherward.runs.result import findings
from cipherward.tasks.state import StudyState

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
    yield Decoder("table-csv", [ROWS.encode(), semicolons], read, rows, mutations=(*TEXT, *BINARY), tries=OWN_FILE)
    yield Decoder("table-csv-gz", [gzip.compress(ROWS.encode(), mtime=0)], read, rows, tries=OWN_FILE)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/diabetic_data.csv", ROWS)

    def checked_next(data: bytes, value: bytes) -> bool:
        return public.sha256_of(value) not in public.DIABETES130_CSV_SHA256  # so it is refused

    def unzip(data: bytes) -> bytes:
        path.write_bytes(data)
        return public._csv_content(path)

    plain = gzip.compress(ROWS.encode(), mtime=0)
    yield Decoder("table-zip", [packed.getvalue(), plain], unzip, checked_next, tries=OWN_FILE)
    table = pl.read_csv(ROWS.encode())
    parquet = io.BytesIO()
    table.write_parquet(parquet)
    yield Decoder("table-parquet", [parquet.getvalue()], read, rows, tries=60)  # each starts a process
    yield from opened_sums()


def opened_sums() -> Iterator[Decoder]:
    """What a quorum opened, as numbers: no sum makes a model that is not finite, or crashes the next step."""
    chosen = setting(4, 3, 1)
    state = chosen.first
    while state.purpose is not None:
        total = np.sum([asking.vector_of(chosen.rules.scheme, state, values_of(i, state)) for i in (1, 2, 3)], axis=0)
        yield opened_sum(f"sums-{state.purpose}", chosen, state, total.astype("<i8"))
        state = next_state(chosen, state, total.astype(np.int64))
    lanes = asking.vector_of(chosen.rules.scheme, chosen.first, values_of(1, chosen.first))

    def kept(data: bytes) -> Any:
        return asking.from_stored(chosen.rules.scheme, chosen.first, data)

    stored = asking.stored(chosen.rules.scheme, lanes)
    yield Decoder("stored-contribution", [stored], kept, lambda data, found: found.tobytes() == data)
    events = [Event(1.25, 0.1, 3), Event(8.0, 1.0, 1)]
    yield Decoder(
        "privacy-event",
        [event.to_json().encode() for event in events],
        read_event,
        lambda data, value: value.steps > 0 and value.noise_multiplier > 0 and 0 < value.sampling_rate <= 1,
        mutations=TEXT,
    )


def read_event(data: bytes) -> Event:
    try:
        return Event.from_json(data.decode("utf-8", "replace"))
    except ValueError as error:
        raise DataError(f"not an event: {error}") from None


def opened_sum(name: str, chosen: Setting, state: StudyState, total: Any) -> Decoder:
    def decode(data: bytes) -> StudyState:
        if len(data) != total.nbytes:
            raise DataError("not so many numbers")
        return next_state(chosen, state, np.frombuffer(data, "<i8").astype(np.int64))

    def usable(data: bytes, after: StudyState) -> bool:
        assert after.sums_done == state.sums_done + 1
        assert len(after.digest()) == 32
        if after.question is None:
            json.dumps(findings(after), allow_nan=False)  # as result.json
        return bool(np.isfinite(after.inner.model.weights).all())

    return Decoder(name, [total.tobytes()], decode, usable)


def next_state(chosen: Setting, state: StudyState, sums: Any) -> StudyState:
    return asking.following(chosen.rules.scheme, state, sums, 3)
