from __future__ import annotations

from typing import Any

import pytest

from cipherward.errors import StudyError
from cipherward.learning import outcomes
from cipherward.study import Data


def data(**said: Any) -> Data:
    return Data(source="files", outcome="y", **said)


def test_a_study_of_a_binary_outcome_is_the_document_that_it_was_before_there_were_other_types() -> None:
    found = data().model_dump(mode="json")
    assert not {"outcome_type", "classes", "outcome_minimum", "outcome_maximum"} & found.keys()
    assert Data.model_validate(found) == data()


def test_what_another_type_declares_is_part_of_the_document() -> None:
    said = data(outcome_type="anything", classes=("low", "high"))
    assert said.model_dump(mode="json")["classes"] == ["low", "high"]
    assert Data.model_validate(said.model_dump(mode="json")) == said


def test_an_unknown_type_is_named_with_those_that_there_are() -> None:
    (problem,) = outcomes.problems(data(outcome_type="survival"))
    assert "survival" in problem
    assert "binary" in problem
    with pytest.raises(StudyError, match="survival"):
        outcomes.outcome_of(data(outcome_type="survival"))


@pytest.mark.parametrize("said", [{"classes": ("a", "b")}, {"outcome_minimum": 0.0, "outcome_maximum": 1.0}])
def test_a_column_that_is_declared_otherwise_than_its_type_needs_is_refused(said: dict[str, Any]) -> None:
    (problem,) = outcomes.problems(data(**said))
    assert "data.positive" in problem
