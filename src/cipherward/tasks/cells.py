"""What a hospital counts exactly by outcome: each cell holds `least` of its rows or none, and so does what is left beside it.

A cell of few rows shows their outcome; where all but few rows have a value, so do the few that are left. Rows of small
cells therefore count as without a value, and where those would be few, some others join them. `least` 0: nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import rare_categories
from cipherward.learning import score_groups
from cipherward.study import Column


def codes(found: NDArray[np.int64], missing: int, least: int) -> NDArray[np.int64]:
    """One column's categories, int64[n], 0 to `missing` (no value) or -1 (in no cell), as they may be counted."""
    counts = np.bincount(found + 1, minlength=missing + 2)  # rows in no cell are a cell by subtraction
    few = (counts > 0) & (counts < least)
    few[missing + 1] = False
    result = np.where(few[found + 1], missing, found)
    short = _short(int((result == missing).sum()), least)
    if short and (result != missing).any():
        sizes = np.bincount(result[result != missing] + 1)
        largest = int(sizes.argmax())
        join = short if sizes[largest] - short >= least else int(sizes[largest])
        result[np.flatnonzero(result + 1 == largest)[:join]] = missing
    return result


def values(found: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """One numeric column, float64[n], NaN = no value, as it may be counted: those nearest the median join few missing ones."""
    there = ~np.isnan(found)
    short = _short(len(found) - int(there.sum()), least)
    if not short and there.sum() >= least:
        return found
    result = found.copy()
    if int(there.sum()) - short < least:
        result[:] = np.nan
        return result
    distance = np.abs(found - np.median(found[there]))  # NaN sorts last
    result[np.argsort(distance, kind="stable")[:short]] = np.nan
    return result


def grouped(found: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """What `values` gave, each value the mean of a group of neighbours, so that no bin holds fewer rows than a group."""
    there = ~np.isnan(found)
    if least < 2 or not there.any():
        return found
    result = found.copy()
    result[there] = score_groups.grouped(found[there], least)
    return result


def table(found: pl.DataFrame, columns: Sequence[Column], least: int) -> pl.DataFrame:
    """Rows as a task may count them that draws its own edges between values and puts categories together as sums tell it.

    Whatever it draws, what two of its partitions differ by is whole groups of at least `least` rows.
    """
    if least < 2:
        return found
    counted = []
    for column in columns:
        if column.kind == "categorical":
            n = len(column.categories)
            own = rare_categories.codes(found[column.name], column.categories)
            names = (*column.categories, None)
            places = codes(np.where(own < 0, n, own), n, least)
            counted.append(pl.Series(column.name, [names[place] for place in places], dtype=pl.String))
        else:
            inside = np.clip(found[column.name].to_numpy(), column.minimum, column.maximum)
            counted.append(pl.Series(column.name, grouped(values(inside, least), least)).fill_nan(None))
    return pl.DataFrame(counted)


def _short(missing: int, least: int) -> int:
    """How many rows have to join those without a value; 0 where there are none, or enough."""
    return least - missing if 0 < missing < least else 0
