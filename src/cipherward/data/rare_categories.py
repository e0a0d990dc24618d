"""Categories that few rows of all hospitals together have are merged: what is made of sums does not single out who has them.

The counts are of all hospitals together and carry the study's noise, if it has any. Public rules, the same at every party. Merged
categories count as `other`, where a column declares it, and otherwise as none of the categories.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.data.values import OTHER
from cipherward.study import Column


def n_cells(columns: Sequence[Column]) -> int:
    """Categories of all categorical columns."""
    return sum(len(column.categories) for column in columns)


def merged(
    columns: Sequence[Column], counts: NDArray[np.int64], least: float, *, exact: bool = False
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """For each categorical column: its categories that are merged, in declared order; columns with none are left away.

    Merged are all that fewer than `least` rows have. Where fewer than that have any of these (or `other`) together, the
    next larger is merged as well: the count of what is left would follow from the column's total. An exact count of nobody
    needs no company.

    Args:
        counts: int64[n_cells], in declared order; with noise, they may be negative.
    """
    found, start = [], 0
    for column in columns:
        if column.kind == "categorical":
            own = counts[start : start + len(column.categories)]
            start += len(column.categories)
            if names := _merged(column.categories, own, least, exact):
                found.append((column.name, names))
    return tuple(found)


def _merged(names: Sequence[str], counts: NDArray[np.int64], least: float, exact: bool) -> tuple[str, ...]:
    places = sorted((i for i, name in enumerate(names) if name != OTHER), key=lambda i: (int(counts[i]), i))
    together = sum(int(counts[i]) for i, name in enumerate(names) if name == OTHER)
    is_open = OTHER in names and not (exact and together == 0)
    out = set()
    for place in places:
        n = int(counts[place])
        if n >= least and (not is_open or together >= least):
            break
        out.add(place)
        together += n
        is_open = is_open or not (exact and n == 0)
    return tuple(name for i, name in enumerate(names) if i in out)
