"""A data source of its own, as somebody else would write one: one JSON document with every hospital's columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, whole
from cipherward.study import Study


class Workbook(DataSource):
    words = "one workbook for all hospitals"
    settings = frozenset({"sheet"})

    def problems(self, study: Study) -> Iterator[str]:
        yield from super().problems(study)
        if not isinstance((study.data.model_extra or {}).get("sheet"), str):
            yield "data.sheet: the name of the sheet is needed"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        sheet = json.loads((base / study.data.path).read_text("utf-8"))[(study.data.model_extra or {})["sheet"]]
        for name in wanted:
            if name in sheet:
                yield Found(name, whole(pl.DataFrame(sheet[name]), study.data.path))
            else:
                said = f"{name}: the workbook has no table of this hospital"
                problems.append(Problem(said, said))
