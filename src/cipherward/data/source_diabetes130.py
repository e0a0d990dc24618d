"""The Diabetes 130-US Hospitals table: given, downloaded before, or fetched from UCI (`public`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cipherward.data import diabetes130, public
from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, blocks, whole
from cipherward.study import Study


class Diabetes130(DataSource):
    words = "UCI Diabetes 130-US Hospitals (public)"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        path = public.locate("diabetes130", given if isinstance(given, Path) else None)
        raw = whole(public.load_diabetes130(path), "Diabetes 130-US")
        yield from blocks(raw, "hospital", wanted, problems, diabetes130.HOSPITALS)
