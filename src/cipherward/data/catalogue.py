"""Every data source by the name that a study gives: a new one is a file and a line here. Sources are imported when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cipherward import entries, settings_words
from cipherward.errors import StudyError
from cipherward.study import Data, Study

if TYPE_CHECKING:
    from cipherward.data.source import DataSource

SOURCES: dict[str, str | type[DataSource]] = {
    "readmission": "cipherward.data.source_readmission:Readmission",
    "diabetes130": "cipherward.data.source_diabetes130:Diabetes130",
    "tcga-brca": "cipherward.data.source_tcga_brca:TcgaBrca",
    "breast-cancer": "cipherward.data.source_breast_cancer:BreastCancer",
    "retina": "cipherward.data.source_retina:Retina",
    "wearables": "cipherward.data.source_wearables:Wearables",
    "files": "cipherward.data.source_files:Files",
}
"""name -> "module:class", or the class itself."""


def source(name: str) -> DataSource:
    """The source of that name.

    Raises:
        StudyError: there is no such source.
    """
    if name not in SOURCES:
        raise StudyError(f"no data source is called {name!r}", hint=f"sources: {', '.join(sorted(SOURCES))}")
    return entries.load(SOURCES[name])()


def problems(study: Study) -> list[str]:
    """Everything that is wrong with a study's `[data]` for its source, each with its place."""
    data = study.data
    if data.source not in SOURCES:
        return [f"data.source: {entries.unknown(SOURCES, data.source, 'source')}"]
    chosen = source(data.source)
    known = [name for name in type(data).model_fields if name != "cohort"] + sorted(chosen.settings)
    strange = [
        f'data.{key}: source "{data.source}" has no such setting{settings_words.meant(key, known)}'
        for key in _own(data) - chosen.settings
    ]
    return [*sorted(strange), *chosen.problems(study)]


def words(name: str) -> str:
    """A source in words; the name itself where no such source is installed, as in somebody else's results."""
    return source(name).words if name in SOURCES else name


def _own(data: Data) -> set[str]:
    return set(data.model_extra or ()) | ({"cohort"} if data.cohort else set())
