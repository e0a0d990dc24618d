from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from cipherward.data import inputs
from cipherward.data.coding import Binned, Coding
from cipherward.data.forest import Forest
from cipherward.errors import DataError
from cipherward.study import Column

AGE = Column(name="age", kind="numeric", minimum=0.0, maximum=64.0)
WARD = Column(name="ward", kind="categorical", categories=("A", "B", "C"))
CODING = Coding(
    (AGE, WARD), (Binned(AGE, (*([0] * 20 + [1] * 20 + [2] * 24), 3)), Binned(WARD, (0, 1, 2, 0))), (), 500, 100
)


def a_forest() -> Forest:
    """Two trees: age under 20 or missing, then ward B; and a root that asks nothing."""
    goes_left = np.zeros((6, 4), np.bool_)
    goes_left[0, [0, 3]] = True
    goes_left[2, 1] = True
    arrays = ([0, 5], [0, -1, 1, -1, -1, -1], [1, -1, 3, -1, -1, -1], [2, -1, 4, -1, -1, -1])
    roots, feature, left, right = (np.array(each, np.int32) for each in arrays)
    return Forest.empty(CODING).grown(roots, feature, left, right, goes_left)


def test_a_row_ends_in_the_leaf_that_its_values_lead_to() -> None:
    table = pl.DataFrame({"age": [5.0, None, 30.0, 30.0, 63.0], "ward": ["A", "B", "B", None, "C"]})
    found = a_forest().transform(table)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 3], [0, 3], [1, 3], [2, 3], [2, 3]]


def test_trees_that_are_added_count_their_leaves_on() -> None:
    one = a_forest()
    both = one.grown(*one.arrays)  # type: ignore[arg-type]
    assert (both.n_trees, both.n_features) == (4, 8)
    table = pl.DataFrame({"age": [30.0], "ward": ["B"]})
    assert both.transform(table).tolist() == [[1, 3, 5, 7]]
    bins = np.array([[1, 1]], np.uint16)
    assert both.places(bins, 2).tolist() == [[5, 7]]


def test_a_document_gives_the_same_forest_back() -> None:
    forest = a_forest()
    again = inputs.from_json(forest.to_json())
    assert again == forest
    assert hash(again) == hash(forest)
    assert again != forest.grown(*forest.arrays)  # type: ignore[arg-type]
    assert inputs.from_json(Forest.empty(CODING).to_json()) == Forest.empty(CODING)


@pytest.mark.parametrize(
    "change",
    [
        {"roots": [0]},
        {"roots": [1, 5]},
        {"roots": []},
        {"feature": [0, -1, 2, -1, -1, -1]},
        {"feature": [0, -1, 1, -1, -1]},
        {"left": [1, -1, 1, -1, -1, -1]},
        {"left": [0, -1, 3, -1, -1, -1]},
        {"right": [5, -1, 4, -1, -1, -1]},
        {"right": [99, -1, 4, -1, -1, -1]},
        {"goes_left": ["ff", "", "02", "", "", ""]},
        {"goes_left": ["09", "01", "02", "", "", ""]},
        {"goes_left": ["09", "", "02"]},
        {"goes_left": ["zz", "", "02", "", "", ""]},
        {"leaves": 4},
        {"coding": "{}"},
    ],
)
def test_what_is_no_forest_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(a_forest().to_json()) | change
    with pytest.raises(DataError):
        inputs.from_json(json.dumps(document))
