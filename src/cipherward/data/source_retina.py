"""RetinaMNIST: given, downloaded before, or fetched from Zenodo (`public`), dealt to simulated hospitals (`retina`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from cipherward.data import public, retina
from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, whole
from cipherward.study import Study


class Retina(DataSource):
    words = "RetinaMNIST (public)"
    settings = frozenset({"skew"})

    def problems(self, study: Study) -> Iterator[str]:
        yield from super().problems(study)
        skew = _skew(study)
        if isinstance(skew, bool) or not isinstance(skew, int | float) or not 0.01 <= skew <= 1e6 or math.isnan(skew):
            yield "data.skew: a number from 0.01 (unlike hospitals) to 1000000 (alike) is needed"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        path = public.locate("retinamnist", given if isinstance(given, Path) else None)
        table, parts = retina.load(path)
        names = study.hospital_names
        of_row = retina.hospitals(table, parts, len(names), float(_skew(study)))
        raw = whole(table, "RetinaMNIST")
        for name in wanted:
            rows = of_row == names.index(name)
            yield Found(name, raw.where(pl.Series(rows)), parts=parts[rows])


def _skew(study: Study) -> float:
    skew: float = (study.data.model_extra or {}).get("skew", retina.SKEW)
    return skew
