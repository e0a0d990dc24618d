"""The synthetic ward of wearables (`wearables`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from cipherward import settings_words
from cipherward.data import wearables
from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.source import DataSource, Found, whole
from cipherward.study import Study
from cipherward.study_sections import Section


class Ward(Section):
    """`patients`: of each hospital; `heterogeneity`: how much devices and risk differ between hospitals."""

    patients: int = Field(default=150, ge=20, le=100_000)
    heterogeneity: float = Field(default=1.0, ge=0.0, le=5.0)


class Wearables(DataSource):
    words = "ward of wearables made by cipherward's generator"
    settings = frozenset(Ward.model_fields)

    def problems(self, study: Study) -> Iterator[str]:
        yield from super().problems(study)
        try:
            ward_of(study)
        except ValidationError as error:
            for item in error.errors():
                yield f"data.{'.'.join(map(str, item['loc']))}: {settings_words.words(item)}"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        ward = ward_of(study)
        index = {name: place for place, name in enumerate(study.hospital_names)}
        for name in wanted:
            table, chance = wearables.generate(ward.patients, ward.heterogeneity, study.seed, index[name])
            yield Found(name, whole(table, "synthetic ward"), chance)


def ward_of(study: Study) -> Ward:
    """The study's settings of the generator. Raises: pydantic's ValidationError."""
    given = study.data.model_extra or {}
    return Ward.model_validate({name: given[name] for name in Ward.model_fields if name in given})
