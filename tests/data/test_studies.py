from __future__ import annotations

import tomllib

import pytest

from cipherward.study import builtin_names, load_builtin, parse

NAMES = [
    "breast-cancer",
    "diabetes130",
    "diabetes130-fine",
    "diabetes130-points",
    "diabetes130-trees",
    "readmission",
    "retina",
    "retina-grades",
    "tcga-brca",
    "tcga-brca-cox",
    "wearables",
]


def test_the_studies_are_there() -> None:
    assert [name for name in builtin_names() if name in NAMES] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_study_survives_being_written_with_the_same_digest(name: str) -> None:
    study = load_builtin(name)
    assert study.name == name
    again = parse(tomllib.loads(study.to_toml()), origin=name)
    assert again == study
    assert again.digest() == study.digest()


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_data_dictionary_is_complete(name: str) -> None:
    study = load_builtin(name)
    assert study.title
    assert study.description
    assert study.synthetic == (name in ("readmission", "wearables"))
    assert all(column.description for column in study.columns)
    assert not study.thresholds.problems()
