"""Boosted trees as an XGBoost model in JSON (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html).

The model takes one column for each binned column of the study, by its name: numbers as they are in the table, categories as their
place in the study's list of categories, from 0, missing and undeclared values as NaN. It predicts the same probabilities, for numbers
that float32 holds to the last bit of it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.coding import Binned, fine_values, first_value
from cipherward.data.forest import Forest
from cipherward.errors import DataError
from cipherward.learning.catalogue import words
from cipherward.runs.exports import Content
from cipherward.runs.modelfile import ModelFile

_NO_PARENT = 2**31 - 1
_LARGEST = float(np.finfo(np.float32).max)


def export(model: ModelFile) -> Content:
    """The model's JSON.

    Raises:
        DataError: the model is not boosted trees.
    """
    forest = model.preprocessor
    if not isinstance(forest, Forest):
        raise DataError(
            f"XGBoost's format holds trees, and this model is a {words(model.study.model.kind)}",
            hint='export boosted trees (task = "boost"); predict with `cipherward predict`',
        )
    bias, values = model.weights[-1], model.weights[:-1]
    trees = [_leaf(float(bias), forest), *(_tree(forest, values, at) for at in range(forest.n_trees))]
    for at, tree in enumerate(trees):
        tree["id"] = at
    binned = forest.coding.binned
    document = {
        "version": [2, 1, 0],
        "learner": {
            "attributes": {"study": model.study.name, "study_digest": model.study.digest().hex()},
            "feature_names": [each.column.name for each in binned],
            "feature_types": ["float" if each.column.kind == "numeric" else "c" for each in binned],
            "gradient_booster": {
                "name": "gbtree",
                "model": {
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": trees,
                },
            },
            "learner_model_param": {
                "base_score": "5E-1",  # the bias is the first tree
                "boost_from_average": "0",
                "num_class": "0",
                "num_feature": str(len(binned)),
                "num_target": "1",
            },
            "objective": {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
    }
    return Content(json.dumps(document, separators=(",", ":")).encode())


def _leaf(value: float, forest: Forest) -> dict[str, Any]:
    tree = _empty(1, forest)
    tree["split_conditions"] = [value]
    return tree


def _tree(forest: Forest, values: NDArray[np.float32], at: int) -> dict[str, Any]:
    start = int(forest.roots[at])
    stop = int(forest.roots[at + 1]) if at + 1 < forest.n_trees else len(forest.feature)
    tree = _empty(stop - start, forest)
    for node in range(start, stop):
        own, feature = node - start, int(forest.feature[node])
        if feature < 0:
            tree["split_conditions"][own] = float(values[forest.leaf[node]])
            continue
        left, right = int(forest.left[node]) - start, int(forest.right[node]) - start
        tree["left_children"][own], tree["right_children"][own] = left, right
        tree["parents"][left] = tree["parents"][right] = own
        tree["split_indices"][own] = feature
        each = forest.coding.binned[feature]
        goes_left = forest.goes_left[node][np.array(each.places)]  # by fine value; the last is "no value"
        tree["default_left"][own] = int(goes_left[-1])
        if each.column.kind == "numeric":
            tree["split_conditions"][own] = _threshold(each, goes_left[:-1])
            continue
        right_of = np.flatnonzero(~goes_left[:-1]).tolist()
        if not right_of:
            # Every category goes left; only what has no value does not.
            right_of = [len(each.column.categories)]
        tree["split_type"][own] = 1
        tree["categories_nodes"].append(own)
        tree["categories_segments"].append(len(tree["categories"]))
        tree["categories_sizes"].append(len(right_of))
        tree["categories"] += right_of
    return tree


def _threshold(each: Binned, goes_left: NDArray[np.bool_]) -> float:
    """The least float32 that goes right."""
    n_left = int(goes_left.sum())
    if not goes_left[:n_left].all():
        raise DataError(f"a tree asks about column {each.column.name!r} in a way that no threshold says")
    if n_left == 0:
        return -_LARGEST
    if n_left == len(goes_left):
        return _LARGEST
    edge, width = (
        first_value(each.column, n_left),
        first_value(each.column, n_left) - first_value(each.column, n_left - 1),
    )
    below, found = np.float32(edge - width / 2.0), np.float32(edge + width / 2.0)
    # What rounding to float32, or the logarithm and back, moves by a last bit or two.
    while below < (middle := np.float32((float(below) + float(found)) / 2.0)) < found:
        is_right = fine_values(pl.Series([float(middle)], dtype=pl.Float64), each.column)[0] >= n_left
        below, found = (below, middle) if is_right else (middle, found)
    return float(found)


def _empty(n: int, forest: Forest) -> dict[str, Any]:
    zeros = [0.0] * n
    return {
        "base_weights": zeros,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [0] * n,
        "left_children": [-1] * n,
        "loss_changes": zeros,
        "parents": [_NO_PARENT] + [0] * (n - 1),
        "right_children": [-1] * n,
        "split_conditions": [0.0] * n,
        "split_indices": [0] * n,
        "split_type": [0] * n,
        "sum_hessian": zeros,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(len(forest.coding.binned)),
            "num_nodes": str(n),
            "size_leaf_vector": "1",
        },
    }
