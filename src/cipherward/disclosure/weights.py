"""Public weights: a coarse class of the row count, or equal (rule 8)."""

from __future__ import annotations

from collections.abc import Iterable


def size_class(rows: int) -> int:
    """The largest power of two that is not above `rows`: within a factor of two of it, and all that others learn."""
    return 1 << (rows.bit_length() - 1) if rows > 0 else 0


def dominates(own: int, block_mates: Iterable[int]) -> bool:
    """Whether a hospital of this class outweighs all its block mates together: what is opened is then nearly its own."""
    return own > sum(block_mates)
