"""Breast Cancer Wisconsin, bundled in scikit-learn (`breast_cancer`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cipherward.data import breast_cancer
from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, blocks, whole
from cipherward.study import Study


class BreastCancer(DataSource):
    words = "Breast Cancer Wisconsin (public)"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        raw = whole(breast_cancer.load(), "Breast Cancer Wisconsin")
        yield from blocks(raw, "hospital", wanted, problems, breast_cancer.HOSPITALS)
