"""What a hospital finds for itself of an outcome that is not binary: no figure of few patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcomes import outcome_of
from cipherward.study import Data
from cipherward.tasks import own_rows
from cipherward.tasks.rows import TEST, TRAIN

GRADES = outcome_of(Data(source="files", outcome="y", outcome_type="ordinal", classes=("a", "b", "c")))
NUMBER = outcome_of(
    Data(source="files", outcome="y", outcome_type="continuous", outcome_minimum=0.0, outcome_maximum=10.0), (0.5, 0.2)
)


def data(labels: Sequence[float], outcome: Outcome) -> HospitalData:
    n = len(labels)
    split = np.array([TRAIN] * n + [TEST] * n, dtype=np.uint8)
    kind = np.int8 if outcome.classes else np.float64
    return HospitalData("x", pl.DataFrame({"a": range(2 * n)}), np.array([*labels, *labels], dtype=kind), split)


def test_both_models_are_measured_where_enough_rows_have_each_grade() -> None:
    rows = data([0] * 12 + [1] * 15 + [2] * 11, GRADES)
    scores = np.full((38, 3), 0.2) + 0.4 * np.eye(3)[rows.outcome[rows.split == TEST]]
    found = own_rows.figures(rows, lambda: scores, lambda: scores[:, ::-1], GRADES)
    assert found["headline"] == "kappa"
    assert found["kappa"]["federated"] == 1.0
    assert found["kappa"]["local"] < 0.0
    assert (found["rows"], found["test_rows"], found["why_not"]) == (76, 38, "")


def test_nothing_is_told_where_few_rows_have_a_grade() -> None:
    found = own_rows.figures(data([0] * 30 + [1] * 30 + [2] * 3, GRADES), pytest.fail, pytest.fail, GRADES)
    assert found["kappa"] == {}
    assert "fewer than" in found["why_not"]


def test_nothing_is_told_of_few_rows_or_of_one_value_of_a_number() -> None:
    few = own_rows.figures(data([1.0, 2.0, 3.0], NUMBER), pytest.fail, pytest.fail, NUMBER)
    assert few["r2"] == {}
    assert few["test_rows"] is None
    same = own_rows.figures(data([4.0] * 30, NUMBER), pytest.fail, pytest.fail, NUMBER)
    assert "one value" in same["why_not"]


def test_a_model_alone_that_cannot_be_trained_leaves_the_shared_one_and_says_why() -> None:
    rows = data([float(place % 7) for place in range(40)], NUMBER)

    def fails() -> np.ndarray:
        raise DataError("there are no rows to train on")

    found = own_rows.figures(rows, lambda: rows.outcome[rows.split == TEST], fails, NUMBER)
    assert found["r2"] == {"federated": 1.0}
    assert "no rows to train on" in found["why_not"]
