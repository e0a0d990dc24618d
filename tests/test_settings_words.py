"""Settings that nobody knows, at every place of the documents that people write."""

from __future__ import annotations

from typing import Any

import pytest

from cipherward import study
from cipherward.consortium.approval import policyfile
from cipherward.errors import StorageError, StudyError
from cipherward.learning.catalogue import kind_of
from cipherward.settings_words import meant
from cipherward.study_sections import Model

DOCUMENT: dict[str, Any] = {
    "name": "mine",
    "data": {"source": "files", "outcome": "out"},
    "columns": [{"name": "age", "kind": "numeric", "minimum": 0, "maximum": 120}],
    "hospitals": [{"name": name, "path": f"{name}.csv"} for name in ("a", "b", "c")],
}


def problems(**changed: Any) -> str:
    with pytest.raises(StudyError) as caught:
        study.parse(DOCUMENT | changed, origin="mine.toml")
    (said,) = caught.value.problems
    return said


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        ({"taks": "points"}, "did you mean 'task'?"),
        ({"rounds": 3}, "did you mean 'rounds' of section [training]?"),
        ({"training": {"epoch": 3}}, "did you mean 'local_epochs'?"),
        ({"training": {"bits": 8}}, "did you mean 'bits' of section [aggregation]?"),
        ({"training": {"seed": 8}}, "did you mean 'seed' above the first section?"),
        ({"training": {"defence": {"clip_norm": 1.0, "votes": True}}}, "did you mean 'vote'?"),
        ({"columns": [DOCUMENT["columns"][0] | {"minmum": 1}]}, "did you mean 'minimum'?"),
        ({"training": {"model": {}}}, "did you mean section [model]?"),
        ({"training": {"hospitals": []}}, "did you mean section [[hospitals]]?"),
        ({"minimum": 3}, "did you mean 'minimum' of section [[columns]]?"),
        ({"noise": {"sigma": 2}}, "remove it or correct its spelling"),
        ({"zz": 2}, "remove it or correct its spelling"),
    ],
)
def test_a_setting_of_a_study_that_nobody_knows(changed: dict[str, Any], advice: str) -> None:
    assert problems(**changed).endswith(f"unknown setting; {advice}")


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ({"hiden": [3]}, "did you mean 'hidden'?"),
        ({"learning_rate": 0.1}, "did you mean 'learning_rate' of section [training]?"),
    ],
)
def test_a_setting_that_a_kind_of_model_does_not_have(setting: dict[str, Any], advice: str) -> None:
    model = Model(kind="mlp", **setting)
    line = f"model.{next(iter(setting))}: kind 'mlp' has no such setting; {advice}"
    assert line in kind_of(model).problems(model)


def test_a_setting_of_a_policy_that_nobody_knows() -> None:
    with pytest.raises(StorageError, match=r"max_bit: unknown setting; did you mean 'max_bits'\?"):
        policyfile.parse("max_bit = 8", "policy.toml")


def test_names_that_are_too_short_or_too_far_bring_no_advice() -> None:
    assert meant("x", ["max", "min"]) == ""
    assert meant("quorum", ["max", "min"]) == ""
