"""Which cells of time are opened: public rules, so that each holds enough rows at risk, rows that leave, and events.

Only + - * / and comparisons in a fixed order: every party gets the same cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.learning.survival import AtRisk

Ints = NDArray[np.int64]

_SURE = 1.645
_COARSE, _FINE = 4, 2
"""Events that a cell is expected to have, as multiples of the least: where the hazard is unknown, and where it is known nearby."""
_LEAVE, _AT_RISK = 3, 2
"""Without outcomes rows are counted in cells that a third of the least leave, and while twice the least are at risk: with wider cells, or fewer
rows, curves are more than 0.002 off (docs/study.md)."""


def leaving(counts: Ints, least: int, stddev: float = 0.0) -> list[int]:
    """Where cells end in which a third of `least` rows leave, without outcomes: numbers of steps, from counts by step that may carry noise.
    What is left at the end is in no cell."""
    least = max(1, least // _LEAVE)
    ends, total, since = [], 0, 0
    for at, count in enumerate(counts.tolist(), start=1):
        total, since = total + count, since + 1
        if total >= least + _SURE * stddev * math.sqrt(since):
            ends.append(at)
            total, since = 0, 0
    return ends


def watched(risk: AtRisk, least: int) -> AtRisk:
    """The cells while twice `least` rows are at risk."""
    return risk.until(_AT_RISK * least)


def coarse(risk: AtRisk, events: float, least: int) -> list[int]:
    """Ends of cells in which events are counted first, as numbers of cells of `risk`: so many that each is expected to have four times the
    least, if the hazard is the same at all times."""
    return _parted(risk, 0, len(risk.ends), int(events // (_COARSE * least)), least)


def fine(risk: AtRisk, ends: Sequence[int], events: Sequence[int], least: int) -> list[int]:
    """The same for the second count: cells of the first in parts that are expected to have twice the least, if the hazard is the same within."""
    found, start = [], 0
    for end, count in zip(ends, events, strict=True):
        found += _parted(risk, start, end, count // (_FINE * least), least)
        start = end
    return found


def released(ends: Sequence[int], events: Sequence[int], least: int) -> tuple[list[int], list[int]]:
    """Cells put together until each has the least number of events; a rest that has fewer joins the last. Ends, and events of each."""
    found: list[int] = []
    counts: list[int] = []
    total = 0
    for end, count in zip(ends, events, strict=True):
        total += count
        if total >= least:
            found.append(end)
            counts.append(total)
            total = 0
    if found and ends[-1] != found[-1]:
        found[-1], counts[-1] = ends[-1], counts[-1] + total
    return found, counts


def _parted(risk: AtRisk, start: int, end: int, parts: int, least: int) -> list[int]:
    """Ends of parts of about the same time at risk, each with at least so many rows that leave; none where there are not so many."""
    if int(risk.leaving[start:end].sum()) < least:
        return []
    spent = risk.spent[start:end].tolist()
    whole, total, left = sum(spent), 0.0, 0
    ends: list[int] = []
    for at, (time, rows) in enumerate(zip(spent, risk.leaving[start:end].tolist(), strict=True), start=start + 1):
        total, left = total + time, left + rows
        if at < end and left >= least and total * parts >= whole * (len(ends) + 1) and len(ends) + 1 < parts:
            ends.append(at)
            left = 0
    if ends and left < least:
        ends.pop()
    return [*ends, end]
