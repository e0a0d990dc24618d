"""What a hospital's update counts for: a public, coarse class of its row count.

A weight that is written beside the hospital's name is no secret, so nothing exact may follow from it: rows are known to
a factor of 1.41 either way.
"""

from __future__ import annotations

from collections.abc import Iterable


def row_class(n_rows: int) -> int:
    """The power of two that is nearest to `n_rows` in ratio; 0 for no rows.

    Raises:
        ValueError: a negative number of rows.
    """
    if n_rows < 0:
        raise ValueError("there is no negative number of rows")
    # n >= 2^(k - 1/2) where n^2 >= 2^(2k - 1): exact, without a logarithm
    return 1 << ((n_rows * n_rows).bit_length() // 2) if n_rows else 0


def dominates(own: int, others: Iterable[int]) -> bool:
    """Whether a hospital of this class outweighs all the others together: what is opened is then nearly its own."""
    return own > sum(others)
