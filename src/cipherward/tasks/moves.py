"""How far one row can move the counts, means and histograms that tasks ask for: what noise on them has to cover."""

from __future__ import annotations

from collections.abc import Sequence

from cipherward.data.preprocess import FRACTION_BITS
from cipherward.privacy.records import Part, Sensitivity

_UNIT = 1 << FRACTION_BITS
_FINE = 1.5
"""A model bears noise on its scaling better than the merging of categories that enough patients have (docs/privacy.md)."""
_ROUNDING = 2  # the square and the sum in it are each rounded by half a unit, before and after the row


def of_counts(name: str, size: int, entries: int = 1, weight: float = 1.0) -> Sensitivity:
    """Of counts where a row is in at most `entries` cells: a histogram (1), cells of several columns at once."""
    return Sensitivity((Part(((name, size),), 1, min(entries, size), weight),))


def of_split_counts(names: Sequence[str], size: int) -> Sensitivity:
    """Of histograms of one size where a row is in one bin of one of them, as with one histogram for each outcome."""
    return Sensitivity((Part(tuple((name, size) for name in names), 1, 1),))


def of_statistics(
    n_numeric: int, n_categorical: int = 0, n_cells: int = 0, n_counts: int = 2, bins: int = 0
) -> Sensitivity:
    """Of `preprocess.local_statistics`, and of the categories' counts: a row is in at most one cell of each categorical column.

    With u = v - 1/2 in [-1/2, 1/2] a row moves the sum of u by at most 1/2 and the sum of u^2 - 1/8 by at most 1/8, a
    quarter and a eighth of the way that v and v^2 move theirs together. It is in at most two of the `n_counts` counts of rows: the
    first, and that of its class. `bins`: of a histogram in place of sums and squares; 0: none.
    """
    found = of_counts("rows", n_counts, 2)
    if n_numeric and bins:
        found = found.and_also(of_counts("present", n_numeric, n_numeric, 0.5))
        found = found.and_also(of_counts("histogram", n_numeric * bins, n_numeric))
    elif n_numeric:
        found = found.and_also(of_totals(n_numeric, n_numeric))
    return found.and_also(of_counts("categories", n_cells, n_categorical, _FINE)) if n_cells else found


def of_totals(size: int, entries: int) -> Sensitivity:
    """Of "present", "sum" and "square" with `size` entries each, of which a row moves at most `entries` (see
    `of_statistics`)."""
    present = Part((("present", size),), 1, entries, 0.5)
    total = Part((("sum", size),), _UNIT // 2, entries, 1.0, (("present", _UNIT // 2),))
    # u^2 - 1/8 = v^2 - v + 1/8
    square = Part((("square", size),), _UNIT // 8 + _ROUNDING, entries, 1.0, (("sum", 1), ("present", -_UNIT // 8)))
    return Sensitivity((present, total, square))
