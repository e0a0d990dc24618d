"""Columns cut into bins, and pairs of columns into cells: the inputs of a model that is a table of points.

Which bins there are follows from opened counts by a public rule: no bin and no cell is smaller than a floor that the study
names, and neither is what is left of a column beside one of its bins, because two bins are the fewest that a column has.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from cipherward.data.preprocess import codes, scaled
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

    @property
    def size(self) -> int:
        return max(self.places) + 1

    @property
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

    @property
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
        return sum(each.size for each in self.binned)

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


def bins_of(column: Column, counts: NDArray[np.int64], most: int, floor: int) -> Binned | None:
    """A column's bins from how many rows have each of its fine values, as far as these counts, which may carry noise, say;
    None where one bin holds nearly all rows.

    A numeric column gets at most `most` bins of neighbouring values, about equally full; categories below the floor go
    together, and with the rarest other one where they are too few even so. Rows without a value are treated as a category.

    Args:
        counts: int64[n_values(column)].
    """
    present = counts[:-1]
    groups = (
        list(_runs(present, most, floor)) if column.kind == "numeric" else [[place] for place in range(len(present))]
    )
    return _grouped(column, [*groups, [len(present)]], counts, floor)


def merged(each: Binned, counts: NDArray[np.int64], floor: int) -> Binned | None:
    """The same bins, those below the floor put together with others as `bins_of` says.

    Args:
        counts: int64[each.size], exact.
    """
    values: list[list[int]] = [[] for _ in range(each.size)]
    for value, place in enumerate(each.places):
        values[place].append(value)
    if each.column.kind == "numeric":
        last = len(each.places) - 1
        line = [place for place in range(each.size) if values[place] != [last]]
        runs = _runs(counts[line], each.size, floor, even=False)
        groups = [[value for k in run for value in values[line[k]]] for run in runs]
        groups += [[last]] if len(line) < each.size else []
    else:
        groups = values
    of_value = np.zeros(len(each.places), dtype=np.int64)
    for place, own in enumerate(values):
        of_value[own[0]] = counts[place]
    return _grouped(each.column, groups, of_value, floor)


def _grouped(column: Column, groups: list[list[int]], counts: NDArray[np.int64], floor: int) -> Binned | None:
    """Groups of fine values as bins, those below the floor put together."""
    size = [sum(int(counts[value]) for value in group) for group in groups]
    kept = [k for k in range(len(groups)) if size[k] >= floor]
    small = [k for k in range(len(groups)) if k not in kept]
    if not kept:
        return None
    if column.kind == "numeric":  # few without a value, or all with one: they count as the fullest bin
        home = dict.fromkeys(small, max(kept, key=lambda k: size[k]))
    elif sum(size[k] for k in small) >= floor:
        home = dict.fromkeys(small, small[0])
    else:
        home = dict.fromkeys(small, min(kept, key=lambda k: size[k]))
    order = sorted({home.get(k, k) for k in range(len(groups))})
    places = [0] * len(counts)
    for k, group in enumerate(groups):
        for value in group:
            places[value] = order.index(home.get(k, k))
    return Binned(column, tuple(places)) if len(order) > 1 else None


def widened(each: Binned, counts: NDArray[np.int64], most: int, floor: int) -> Binned:
    """The same bins with wider ones over them of at least `floor` rows, or one over all: of a numeric column at most `most`.

    Args:
        counts: int64[each.size], exact.
    """
    if each.column.kind == "numeric":
        missing = each.places[-1]
        alone = each.places.count(missing) == 1  # a bin of its own for rows without a value
        line = [place for place in range(each.size) if not (alone and place == missing)]
        groups = [[line[k] for k in run] for run in _runs(counts[line], most - alone, floor)]
        groups += [[missing]] if alone else []
    else:
        kept = [[place] for place in range(each.size) if counts[place] >= floor]
        groups = [*kept, [place for place in range(each.size) if counts[place] < floor]]
    groups.sort(key=lambda group: -int(counts[group].sum()))
    enough = [group for group in groups if counts[group].sum() >= floor] or groups[:1]
    of_place = {place: at for at, group in enumerate(sorted(enough)) for place in group}
    # Few values of a category go with the rarest that is left, few without a value with the fullest bin.
    home = of_place[enough[0 if each.column.kind == "numeric" else -1][0]]
    return Binned(each.column, each.places, tuple(of_place.get(place, home) for place in range(each.size)))


def cells_of(first: int, second: int, counts: NDArray[np.int64], floor: int) -> Pair | None:
    """Two columns' cells: every two wide bins that hold at least `floor` rows together are one, all others one together,
    which the smallest cell takes in where they are fewer. None: there would be one cell.

    Args:
        counts: int64[wide bins of the first, wide bins of the second].
    """
    flat = counts.reshape(-1)
    kept = [cell for cell in range(len(flat)) if flat[cell] >= floor]
    rest = [cell for cell in range(len(flat)) if flat[cell] < floor]
    if not kept:
        return None
    places = {cell: at for at, cell in enumerate(kept)}
    few = int(flat[rest].sum()) < floor
    places |= dict.fromkeys(rest, places[min(kept, key=lambda cell: int(flat[cell]))] if few else len(kept))
    if max(places.values()) == 0:
        return None
    return Pair(first, second, tuple(places[cell] for cell in range(len(flat))))


def rearranged(joint: NDArray[np.float64], before: Coding, after: Coding) -> NDArray[np.float64]:
    """Counts of rows in every two bins, float64[p, p], for bins that are some of those before, whole or put together."""
    found = np.zeros((after.n_features, before.n_features))
    start_of = {each.column.name: (each, start) for each, start in zip(before.binned, before.starts, strict=True)}
    for each, start in zip(after.binned, after.starts, strict=True):
        old, first = start_of[each.column.name]
        for value, place in enumerate(old.places):
            found[start + each.places[value], first + place] = 1.0
    return np.asarray(found @ joint @ found.T)  # whole numbers below 2^53: exact in any order


def wide_counts(coding: Coding, joint: NDArray[np.float64], first: int, second: int) -> NDArray[np.int64]:
    """Rows in every two wide bins of two columns, int64[wide bins of the first, of the second]."""
    a, b = coding.binned[first], coding.binned[second]
    rows, columns = (slice(coding.starts[k], coding.starts[k] + coding.sizes[k]) for k in (first, second))
    found = np.zeros((a.coarse_size, b.coarse_size), dtype=np.int64)
    np.add.at(found, np.ix_(a.coarse, b.coarse), joint[rows, columns].astype(np.int64))
    return found


def _runs(counts: NDArray[np.int64], most: int, floor: int, *, even: bool = True) -> Iterator[list[int]]:
    """Neighbouring places in runs, each at least the floor, and with `even` about equally full; one run where they are too few
    for two."""
    left = int(counts.sum())
    target = max(floor, -(-left // max(most, 1))) if even else floor
    run: list[int] = []
    inside = 0
    for place, count in enumerate(counts.tolist()):
        run.append(place)
        inside += count
        if inside >= target and left - inside >= floor:
            yield run
            left -= inside
            run, inside = [], 0
    if run:
        yield run


def _name(column: Column, values: Sequence[int]) -> str:
    last = n_values(column) - 1
    parts: list[str] = []
    own = [value for value in values if value != last]
    if column.kind == "categorical":
        parts = [column.categories[value] for value in own]
    elif own:
        low, high = (_unscaled(column, end) for end in (own[0] / FINE, (own[-1] + 1) / FINE))
        parts = [f"{low:.4g} to {high:.4g}" if own[-1] < last - 1 or own[0] else "any value"]
    return ", ".join([*parts, *(["no value"] if last in values else [])])


def _unscaled(column: Column, share: float) -> float:
    low, high = declared_range(column)
    if column.transform == "log1p":
        low, high = float(np.log1p(low)), float(np.log1p(high))
        return float(np.expm1(low + share * (high - low)))
    return low + share * (high - low)
