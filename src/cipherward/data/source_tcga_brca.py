"""The table of Fed-TCGA-BRCA: given, downloaded before, or fetched from FLamby's repository (`public`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cipherward.data import public, tcga_brca
from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, blocks, whole
from cipherward.study import Study


class TcgaBrca(DataSource):
    words = "TCGA-BRCA, six regions (public)"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        path = public.locate("tcga-brca", given if isinstance(given, Path) else None)
        raw = whole(public.load_tcga_brca(path), "TCGA-BRCA")
        yield from blocks(raw, "hospital", wanted, problems, tcga_brca.HOSPITALS)
