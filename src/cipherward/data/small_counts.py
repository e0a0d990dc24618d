"""Counts of few rows are not shown where a page may be printed and passed on."""

from __future__ import annotations

SMALL = 10


def shown(count: int) -> int | None:
    """A count that may be shown: None stands for 1 to 9."""
    return count if count == 0 or count >= SMALL else None
