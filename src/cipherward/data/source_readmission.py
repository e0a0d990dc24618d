"""The synthetic readmission cohort (`cohorts`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from cipherward.data import cohorts
from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, whole
from cipherward.study import Cohort, Study


class Readmission(DataSource):
    words = "cohort made by cipherward's generator"
    settings = frozenset({"cohort"})

    def problems(self, study: Study) -> Iterator[str]:
        cohort = study.data.cohort
        if cohort is None:
            yield 'source "readmission" needs [data.cohort]'
        elif study.hospitals and len(study.hospitals) != cohort.n_hospitals:
            yield "data.cohort.n_hospitals differs from the number of [[hospitals]]"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        cohort = cast(Cohort, study.data.cohort)  # `problems` saw to it
        index = {name: place for place, name in enumerate(study.hospital_names)}
        for name in wanted:
            table, probability = cohorts.generate(cohort, study.seed, index[name])
            yield Found(name, whole(table, "synthetic cohort"), probability)
