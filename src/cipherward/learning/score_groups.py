"""Scores in local groups before they are counted, so that no bin shows few rows of one hospital.

A histogram of single scores gives away a row's prediction, and with the model's help often which row it is. Here every
score becomes the mean of its group of neighbours; a bin holds whole groups or nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 10
"""Rows of one hospital that share a score, at least."""


def grouped(scores: NDArray[np.float64], least: int = LEAST) -> NDArray[np.float64]:
    """Each row's group mean, float64[n], in the rows' own order.

    Groups are runs of the sorted scores, as short as they can be with at least `least` rows; equal scores are never
    parted, and what is left at the upper end joins the last group. It holds whatever the outcomes are.

    Raises:
        ValueError: fewer than `least` rows, which must not be measured at all (`may_measure`).
    """
    if not may_measure(len(scores), least):
        raise ValueError(f"{len(scores)} rows are too few to be measured in groups of {least}")
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    ends = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True)) + 1  # after each distinct score
    edges = [0]
    while (place := int(np.searchsorted(ends, edges[-1] + least))) < len(ends):
        edges.append(int(ends[place]))
    edges[-1] = len(scores)
    starts, stops = np.array(edges[:-1]), np.array(edges[1:])
    sizes = stops - starts
    means = np.add.reduceat(ascending, starts) / sizes
    # a mean is rounded; it may not leave its group's range, nor [0, 1]
    means = np.clip(means, ascending[starts], ascending[stops - 1])
    result = np.empty_like(scores)
    result[order] = np.repeat(means, sizes)
    return result


def may_measure(n_rows: int, least: int = LEAST) -> bool:
    """Whether a hospital with so many rows takes part in a measurement; otherwise it sends zeros and says so."""
    return n_rows >= least
