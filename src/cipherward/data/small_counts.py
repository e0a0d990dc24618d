"""Counts of few rows are not shown where a page may be printed and passed on. What was opened holds them all the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALL = 10


def shown(count: int, smallest: int = SMALL) -> int | None:
    """A count that may be shown: None stands for 1 up to `smallest` - 1."""
    return count if count == 0 or count >= smallest else None


def hidden(counts: NDArray[np.int64], smallest: int = SMALL, *, total_known: bool = True) -> NDArray[np.bool_]:
    """Which cells of a table are not shown, so that no small one follows from the others by subtraction.

    Args:
        counts: int64[1 + n_groups, n_cells]: all rows, then each group of them.
        total_known: whether the sum of each line of cells is known to the reader.

    Returns:
        bool[1 + n_groups, n_cells]: small cells, and wherever one stands alone in its line the smallest beside it.
    """
    found = (counts > 0) & (counts < smallest)
    while True:
        before = int(found.sum())
        for cell in range(counts.shape[1]):
            _cover(counts[:, cell], found[:, cell])
        if total_known:
            for line in range(len(counts)):
                _cover(counts[line], found[line])
        if int(found.sum()) == before:
            return found


def _cover(counts: NDArray[np.int64], found: NDArray[np.bool_]) -> None:
    """Hide a second cell of a line in which one alone is hidden (in place)."""
    others = np.flatnonzero(~found & (counts > 0))
    if int(found.sum()) == 1 and len(others):
        found[others[np.argmin(counts[others])]] = True
