"""Where a model's inputs end: ten standard deviations from the middle of a column, or nearer where rows are cut before."""

from __future__ import annotations

CLIP_STDDEV = 10.0
Places = tuple[float, float]
"""Below and above which values are cut, in [0, 1] of a column's declared range."""
Cuts = tuple[tuple[str, Places], ...]
"""By the name of a column."""


def limits_of(places: Places | None, mean: float, stddev: float) -> tuple[float, float]:
    """Between which standardised values stay."""
    if places is None:
        return -CLIP_STDDEV, CLIP_STDDEV
    low, high = ((place - mean) / stddev for place in places)
    return max(low, -CLIP_STDDEV), min(high, CLIP_STDDEV)
