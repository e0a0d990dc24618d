"""Boosting by scikit-learn over all rows in one place, on the study's columns as they are: what a fit by sums is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.data.rare_categories import codes
from cipherward.data.sources import HospitalData
from cipherward.study import Column
from cipherward.tasks.rows import TEST, TRAIN, labels_of

NAME = "scikit-learn's HistGradientBoostingClassifier"
_TREES, _RATE, _RIDGE, _LEAF_ROWS = 200, 0.05, 5.0, 100
_MOST_CATEGORIES = 255


def scores(columns: Sequence[Column], hospitals: Sequence[HospitalData]) -> NDArray[np.float64]:
    """Probability of the outcome of all test rows, in roster order, float64[n]; missing values and categories as scikit-learn has them."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    x = np.concatenate([_features(columns, data) for data in hospitals])
    split = np.concatenate([data.split for data in hospitals])
    train = labels_of(hospitals, TRAIN)
    model = HistGradientBoostingClassifier(
        learning_rate=_RATE,
        max_iter=_TREES,
        l2_regularization=_RIDGE,
        min_samples_leaf=max(min(_LEAF_ROWS, len(train) // 50), 1),
        categorical_features=[_is_category(column) for column in columns],
        early_stopping=False,
        random_state=0,
    )
    model.fit(x[split == TRAIN], train)
    found: NDArray[np.float64] = model.predict_proba(x[split == TEST])[:, 1]
    return found


def _is_category(column: Column) -> bool:
    return column.kind == "categorical" and len(column.categories) < _MOST_CATEGORIES


def _features(columns: Sequence[Column], data: HospitalData) -> NDArray[np.float64]:
    found = np.empty((data.table.height, len(columns)))
    for at, column in enumerate(columns):
        series = data.table[column.name]
        if column.kind == "numeric":
            found[:, at] = series.cast(float).fill_null(float("nan")).to_numpy()
        else:
            own = codes(series, column.categories)
            found[:, at] = np.where((own < 0) | (own == len(column.categories)), np.nan, own)
    return found
