"""A table of points for people and programs: what each bin and each cell adds to the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.coding import Coding
from cipherward.tasks.task import ResultTable

_MANY_PAIRS = 1_000_000


def many_pairs(n_bins: int) -> str:
    """What to do about a sum over every two bins that takes long, as words that follow others; "" where it does not."""
    pairs = n_bins * (n_bins + 1) // 2
    if pairs < _MANY_PAIRS:
        return ""
    return f"; {pairs / 1e6:.1f} million pairs of bins to count, which takes long: fewer columns or settings.bins are faster"


def facts(
    coding: Coding, weights: NDArray[np.float32], rows: NDArray[np.int64], positive: NDArray[np.int64]
) -> dict[str, Any]:
    """JSON values: `intercept`; `columns` and `pairs`, each a list of {name, bins: [{value, points, rows, ...}]}.

    Args:
        weights: float32[p + 1]; rows: int64[p]; positive: int64[n_bins], of bins of single columns.
    """
    columns, pairs = [], []
    for at, each in enumerate(coding.binned):
        start = coding.starts[at]
        columns.append(
            {
                "name": each.column.name,
                "bins": [
                    {
                        "value": name,
                        "points": float(weights[start + k]),
                        "rows": int(rows[start + k]),
                        "positive": int(positive[start + k]),
                    }
                    for k, name in enumerate(each.names)
                ],
            }
        )
    for at, pair in enumerate(coding.pairs, start=len(coding.binned)):
        start = coding.starts[at]
        pairs.append(
            {
                "name": coding.pair_name(pair),
                "bins": [
                    {"value": name, "points": float(weights[start + k]), "rows": int(rows[start + k])}
                    for k, name in enumerate(coding.cell_names(pair))
                ],
            }
        )
    return {"intercept": float(weights[-1]), "columns": columns, "pairs": pairs}


def tables(found: Mapping[str, Any]) -> tuple[ResultTable, ...]:
    """The points of columns, and of pairs where there are some."""
    head = ("Column", "Value", "Points", "Rows", "With the outcome")
    first = (("intercept", "every patient", _signed(found["intercept"]), "", ""),)
    singles = tuple(
        (column["name"], one["value"], _signed(one["points"]), f"{one['rows']:,}", _share(one))
        for column in found["columns"]
        for one in column["bins"]
    )
    title = "Points of each column: a patient's risk is 1 / (1 + exp(-s)), s the sum of all points that apply"
    result = [ResultTable("points", title, head, first + singles)]
    if found["pairs"]:
        rows: Sequence[tuple[str, ...]] = [
            (pair["name"], one["value"], _signed(one["points"]), f"{one['rows']:,}")
            for pair in found["pairs"]
            for one in pair["bins"]
        ]
        pair_head = ("Columns", "Values", "Points", "Rows")
        result.append(
            ResultTable("pairs", "Points of pairs of columns, beside those of each column", pair_head, tuple(rows))
        )
    return tuple(result)


def _share(one: Mapping[str, Any]) -> str:
    return f"{100.0 * one['positive'] / one['rows']:.1f} %"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
