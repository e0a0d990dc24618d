"""What a regression estimates: one term for a numeric column, one for each category but the reference, and the intercept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess, rare_categories
from cipherward.data.rare_categories import Merged
from cipherward.data.schema import declared_range
from cipherward.data.sources import HospitalData
from cipherward.study import Column
from cipherward.tasks.row_groups import RowGroup

INTERCEPT = "(intercept)"


@dataclass(frozen=True)
class Terms:
    """The terms of these columns, `merged` by `rare_categories`. `reference`: by column, the wanted reference category."""

    columns: tuple[Column, ...]
    merged: Merged
    reference: tuple[tuple[str, str], ...]
    has_intercept: bool

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`(intercept)`, `age`, `log(1 + dose)`, `stage = II`, ..."""
        names = [INTERCEPT] * self.has_intercept
        for column in self.columns:
            if column.kind == "numeric":
                names.append(f"log(1 + {column.name})" if column.transform == "log1p" else column.name)
            else:
                names += [f"{column.name} = {category}" for category in self._compared(column)]
        return tuple(names)

    def references(self) -> dict[str, str]:
        """By categorical column, the category that the others are compared with."""
        return {column.name: kept[0] for column in self.columns if (kept := self._kept(column))}

    def design(self, table: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """float64[n, p], numbers in [-1/2, 1/2] of the declared range, and which rows have a value of every column, bool[n]; the
        others are zeros there."""
        parts = [np.ones((table.height, 1))] * self.has_intercept
        used = np.ones(table.height, dtype=bool)
        merged = {name: dict(pairs) for name, pairs in self.merged}
        for column in self.columns:
            if column.kind == "numeric":
                values = preprocess.scaled(table[column.name].to_numpy(), column) - 0.5
                used &= ~np.isnan(values)
                parts.append(np.nan_to_num(values)[:, None])
                continue
            n = len(column.categories)
            places = rare_categories.codes(table[column.name], column.categories, merged.get(column.name))
            used &= (places >= 0) & (places < n)
            compared = [column.categories.index(name) for name in self._compared(column)]
            parts.append((places[:, None] == np.array(compared, dtype=np.int64)[None, :]).astype(np.float64))
        return np.where(used[:, None], np.hstack(parts), 0.0), used

    def in_units(self) -> NDArray[np.float64]:
        """float64[p, p]: from the terms of `design` to terms of the columns' own units; the intercept is that of zeros."""
        p = len(self.names)
        found, at = np.eye(p), int(self.has_intercept)
        for column in self.columns:
            if column.kind == "categorical":
                at += len(self._compared(column))
                continue
            low, high = declared_range(column)
            if column.transform == "log1p":
                low, high = math.log1p(low), math.log1p(high)
            found[at, at] = 1.0 / (high - low)
            if self.has_intercept:
                found[0, at] = -low / (high - low) - 0.5
            at += 1
        return found

    def _kept(self, column: Column) -> list[str]:
        """The categories that are counted by themselves, the reference first."""
        gone = dict(dict(self.merged).get(column.name, ()))
        kept = [name for name in column.categories if name not in gone]
        wanted = dict(self.reference).get(column.name)
        return sorted(kept, key=lambda name: name != wanted)

    def _compared(self, column: Column) -> list[str]:
        return self._kept(column)[1:]


def complete(table: pl.DataFrame, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows have a value in each of these columns, bool[n]."""
    found = np.ones(table.height, dtype=bool)
    for name in names:
        found &= ~table[name].is_null().to_numpy()
    return found


@dataclass(frozen=True)
class CompleteRows(RowGroup):
    """Rows with a value in each of these columns, and of them those with this outcome."""

    columns: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        rows = "rows with a value in every column"
        return rows if self.outcome is None else f"{rows}, {'with' if self.outcome else 'without'} the outcome"

    def chosen(self, data: HospitalData) -> NDArray[np.bool_]:
        return super().chosen(data) & complete(data.table, self.columns)


def merged_names(merged: Merged) -> Mapping[str, Mapping[str, str | None]]:
    """What counts as what, by column."""
    return {name: dict(pairs) for name, pairs in merged}


def counts(table: pl.DataFrame, columns: Sequence[Column], rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of these rows, how many have each declared category, int64[n_cells]."""
    return np.array([n for column in columns for n in _counted(table[column.name], column, rows)], dtype=np.int64)


def _counted(series: pl.Series, column: Column, rows: NDArray[np.bool_]) -> Iterator[int]:
    size = len(column.categories)
    if size:
        places = rare_categories.codes(series, column.categories)[rows]
        yield from np.bincount(places[(places >= 0) & (places < size)], minlength=size).tolist()
