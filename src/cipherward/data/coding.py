"""Columns cut into bins, and pairs of columns into cells: the inputs of a model that is a table of points, or of trees.

Which bins there are follows from opened counts by a public rule (`data.binning`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from cipherward.data.preprocess import scaled
from cipherward.data.rare_categories import codes
from cipherward.data.schema import declared_range
from cipherward.errors import DataError
from cipherward.study import Column

FINE = 64
"""Equal parts of a numeric column's declared range, after its transform, in which its rows are counted first."""


def n_values(column: Column) -> int:
    """How many fine values a column has; the last one is "no value"."""
    return (len(column.categories) if column.kind == "categorical" else FINE) + 1


def fine_values(series: pl.Series, column: Column) -> NDArray[np.int64]:
    """Each row's fine value, int64[n_rows] from 0; a category that was not declared has no value."""
    last = n_values(column) - 1
    if column.kind == "categorical":
        found = codes(series, column.categories)
        return np.where(found < 0, last, found)
    values = scaled(series.to_numpy(), column)
    missing = np.isnan(values)
    part = np.minimum((np.where(missing, 0.0, values) * FINE).astype(np.int64), FINE - 1)
    return np.where(missing, last, part)


@dataclass(frozen=True)
class Binned:
    """A column's bins. `places`: the bin of each fine value; `coarse`: the wider bin that each bin belongs to."""

    column: Column
    places: tuple[int, ...]
    coarse: tuple[int, ...] = ()

    @cached_property
    def size(self) -> int:
        return max(self.places) + 1

    @cached_property
    def coarse_size(self) -> int:
        return max(self.coarse) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """What each bin holds, in the column's own unit."""
        found = []
        for place in range(self.size):
            values = [value for value, own in enumerate(self.places) if own == place]
            found.append(_name(self.column, values))
        return tuple(found)

    @property
    def coarse_names(self) -> tuple[str, ...]:
        """The same of the wider bins."""
        wide = [self.coarse[place] for place in self.places]
        found = []
        for place in range(self.coarse_size):
            found.append(_name(self.column, [value for value, own in enumerate(wide) if own == place]))
        return tuple(found)


@dataclass(frozen=True)
class Pair:
    """Two columns, by their places among the binned ones, and the cell of each two wide bins of theirs, row by row."""

    first: int
    second: int
    cells: tuple[int, ...]

    @cached_property
    def size(self) -> int:
        return max(self.cells) + 1


@dataclass(frozen=True)
class Coding:
    """From typed columns to the places of a row's bins and cells among all of them. `n_rows`, `n_positive`: training rows of
    all hospitals together. `columns`: all of the study's, also those that have one bin and say nothing."""

    columns: tuple[Column, ...]
    binned: tuple[Binned, ...]
    pairs: tuple[Pair, ...]
    n_rows: int
    n_positive: int

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many bins or cells each term has: columns first, then pairs."""
        return (*(each.size for each in self.binned), *(pair.size for pair in self.pairs))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each term's bins begin."""
        return (0, *itertools.accumulate(self.sizes))[:-1]

    @property
    def terms(self) -> tuple[tuple[int, int], ...]:
        """(where its bins begin, how many) of each term."""
        return tuple(zip(self.starts, self.sizes, strict=True))

    @property
    def n_features(self) -> int:
        """Bins and cells of all terms."""
        return sum(self.sizes)

    @property
    def n_bins(self) -> int:
        """Of them, bins of single columns."""
        return sum(self.sizes[: len(self.binned)])

    def pair_name(self, pair: Pair) -> str:
        """Both columns."""
        return f"{self.binned[pair.first].column.name} and {self.binned[pair.second].column.name}"

    def cell_names(self, pair: Pair) -> tuple[str, ...]:
        """What each cell holds."""
        both = list(itertools.product(self.binned[pair.first].coarse_names, self.binned[pair.second].coarse_names))
        parts: list[list[str]] = [[] for _ in range(pair.size)]
        for cell, (first, second) in zip(pair.cells, both, strict=True):
            parts[cell].append(f"{first} and {second}")
        return tuple("; or ".join(part) for part in parts)

    def transform(self, table: pl.DataFrame) -> NDArray[np.float32]:
        """float32[n_rows, n_terms]: for each term the place of the row's bin among all bins, a whole number below 2^24."""
        found = np.empty((table.height, len(self.sizes)), dtype=np.float32)
        wide = []
        for at, each in enumerate(self.binned):
            bins = np.array(each.places)[fine_values(table[each.column.name], each.column)]
            found[:, at] = bins + self.starts[at]
            wide.append(np.array(each.coarse)[bins] if each.coarse else bins)
        for at, pair in enumerate(self.pairs, start=len(self.binned)):
            both = wide[pair.first] * self.binned[pair.second].coarse_size + wide[pair.second]
            found[:, at] = np.array(pair.cells)[both] + self.starts[at]
        return found

    def to_json(self) -> str:
        """JSON text; `from_json` gives the same coding back."""
        document = {
            "columns": [column.model_dump(mode="json") for column in self.columns],
            "binned": [[each.column.name, list(each.places), list(each.coarse)] for each in self.binned],
            "pairs": [[pair.first, pair.second, list(pair.cells)] for pair in self.pairs],
            "n_rows": self.n_rows,
            "n_positive": self.n_positive,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Coding:
        """The inverse of `to_json`.

        Raises:
            DataError: not such a document, or bins that no table can be put into.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            columns = tuple(Column.model_validate(column) for column in document.pop("columns"))
            by_name = {column.name: column for column in columns}
            binned = tuple(
                Binned(by_name[name], tuple(map(int, places)), tuple(map(int, coarse)))
                for name, places, coarse in document.pop("binned")
            )
            pairs = tuple(
                Pair(int(first), int(second), tuple(map(int, cells))) for first, second, cells in document.pop("pairs")
            )
            found = cls(columns, binned, pairs, int(document.pop("n_rows")), int(document.pop("n_positive")))
            sound = not document and all(_is_sound(each) for each in binned) and all(map(found._fits, pairs))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ValidationError):
            sound = False
        if not sound:
            raise DataError("not a document of bins", hint="use the file that the run wrote, unchanged")
        return found

    def _fits(self, pair: Pair) -> bool:
        if not 0 <= pair.first < pair.second < len(self.binned):
            return False
        first, second = self.binned[pair.first], self.binned[pair.second]
        whole = bool(first.coarse and second.coarse) and len(pair.cells) == first.coarse_size * second.coarse_size
        return whole and set(pair.cells) == set(range(pair.size))


def _is_sound(each: Binned) -> bool:
    whole = len(each.places) == n_values(each.column) and set(each.places) == set(range(each.size))
    return whole and (
        not each.coarse or (len(each.coarse) == each.size and set(each.coarse) == set(range(each.coarse_size)))
    )


def _name(column: Column, values: Sequence[int]) -> str:
    last = n_values(column) - 1
    parts: list[str] = []
    own = [value for value in values if value != last]
    if column.kind == "categorical":
        parts = [column.categories[value] for value in own]
    elif own:
        low, high = first_value(column, own[0]), first_value(column, own[-1] + 1)
        parts = [f"{low:.4g} to {high:.4g}" if own[-1] < last - 1 or own[0] else "any value"]
    return ", ".join([*parts, *(["no value"] if last in values else [])])


def first_value(column: Column, place: int) -> float:
    """Where a fine value of a numeric column begins, in the column's own unit; `FINE`: where the last one ends."""
    low, high = declared_range(column)
    share = place / FINE
    if column.transform == "log1p":
        low, high = float(np.log1p(low)), float(np.log1p(high))
        return float(np.expm1(low + share * (high - low)))
    return low + share * (high - low)
