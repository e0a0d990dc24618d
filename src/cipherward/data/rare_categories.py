"""Categories that few rows of all hospitals together have are merged: what is made of sums does not single out who has them.

The counts are of all hospitals together and carry the study's noise, if it has any. Public rules, the same at every party
(docs/adr/0022-rare-categories.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.values import OTHER
from cipherward.study import Column

Merged = tuple[tuple[str, tuple[tuple[str, str | None], ...]], ...]
"""By column: each category that is merged and the one that it counts as; None: as no value. Columns without any are left away."""


_NAMED = 8
_FEW = 4096
"""Rows up to which one call of polars takes longer than to look up each."""


def counts_as(into: str | None) -> str:
    """What a merged category is taken for, as a clause."""
    return "counts as missing" if into is None else f"counts as {into!r}"


def merged_words(pairs: Mapping[str, str | None]) -> str:
    """What is merged of one column, and what to do about it, as a sentence. `pairs`: each such category and what it counts as."""
    (into, *_), names = pairs.values(), [*pairs]
    if len(names) <= _NAMED:
        listed = ", ".join(map(repr, names))
        return f"too few patients have {listed}: {'each ' if len(names) > 1 else ''}{counts_as(into)}"
    listed = ", ".join(map(repr, names[:_NAMED]))
    return (
        f"too few patients have {len(names)} of its categories ({listed}, ...; all in result.json): each {counts_as(into)}. What they know of the "
        "outcome is lost to the model, and to the centralised one beside it: declare broader categories, and in the "
        "column's codes which values belong to each"
    )


def n_cells(columns: Sequence[Column]) -> int:
    """Categories of all categorical columns."""
    return sum(len(column.categories) for column in columns)


def merged(columns: Sequence[Column], counts: NDArray[np.int64], least: float) -> Merged:
    """The categories that fewer than `least` rows have; all of a column count as one that is kept.

    It is `other`, else the last declared. The order is the study's and not that of the counts: a category that is merged in
    several studies, however their noise falls, is in all of them together with the first other one of this order.

    Args:
        counts: int64[n_cells], in declared order; with noise, they may be negative.
    """
    found, start = [], 0
    for column in columns:
        names = column.categories if column.kind == "categorical" else ()
        own = dict(zip(names, counts[start : start + len(names)].tolist(), strict=True))
        start += len(names)
        gone = [name for name in names if own[name] < least]
        if gone:
            into = host(names, gone)
            found.append((column.name, tuple((name, into) for name in gone)))
    return tuple(found)


def host(names: Sequence[str], gone: Collection[str]) -> str | None:
    """What a category of few patients counts as, of these but for those that are merged; None: as no value."""
    kept = [name for name in names if name not in gone]
    return OTHER if OTHER in kept else next(reversed(kept), None)


def rarely_missing(
    columns: Sequence[Column],
    n_rows: int,
    present: NDArray[np.int64],
    counts: NDArray[np.int64],
    least: Mapping[str, float],
) -> tuple[str, ...]:
    """The columns of which fewer than `least` rows (by column) of all hospitals together lack a value. Images and series are not looked at.

    Args:
        present: int64[columns that are not categorical, or more], rows with a value; counts: as `merged`.
    """
    found, numbers, start = [], iter(present.tolist()), 0
    for column in columns:
        if column.kind == "categorical":
            there = int(counts[start : start + len(column.categories)].sum())
            start += len(column.categories)
        else:
            there = next(numbers)
        if not column.is_array and n_rows - there < least[column.name]:
            found.append(column.name)
    return tuple(found)


def codes(
    series: pl.Series,
    categories: Sequence[str],
    merged: Mapping[str, str | None] | None = None,
    missing: str | None = None,
) -> NDArray[np.int64]:
    """int64[n]: place of the category, of a merged one that of what it counts as; len(categories) = missing, unless
    `missing` says as which category that counts; -1 = undeclared, and no "other"."""
    places: dict[str | None, int] = {name: place for place, name in enumerate(categories)}
    places[None] = len(categories)
    found = [places[(merged or {}).get(name, name)] for name in categories]
    fallback = found[categories.index(OTHER)] if OTHER in categories else -1
    known: dict[str | None, int] = {**dict(zip(categories, found, strict=True)), None: places[missing]}
    if len(series) <= _FEW:
        return np.array([known.get(each, fallback) for each in series.to_list()], dtype=np.int64)
    return series.replace_strict([*known], [*known.values()], default=fallback, return_dtype=pl.Int64).to_numpy()
