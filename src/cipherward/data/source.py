"""What a data source is: its words, its settings, and its tables as found. A new source derives from `DataSource`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.database import Source
from cipherward.data.problems import Problem
from cipherward.data.tables import RawTable
from cipherward.data.values import names_of, number_key
from cipherward.study import Study, same_text


@dataclass(frozen=True)
class Found:
    """One hospital's table as it was found. `best_score` float64[n_rows]: the true probability, where it is known.
    `parts` uint8[n_rows]: the part of the split (`partition`) of each row, where the data are published with one.
    `left_out`: rows of its file that belong to no hospital of the study."""

    name: str
    raw: RawTable
    best_score: NDArray[np.float64] | None = None
    parts: NDArray[np.uint8] | None = None
    left_out: int = 0


class DataSource(ABC):
    """One source of tables. `words` name it in reports; `settings` are the keys of `[data]` that are its own.

    `is_own_tables`: every hospital brings a table of its own, as a study between hospitals needs.
    """

    words: ClassVar[str]
    is_own_tables: ClassVar[bool] = False
    settings: ClassVar[frozenset[str]] = frozenset()

    def problems(self, study: Study) -> Iterator[str]:
        """Everything in the study that does not fit this source, found without reading a table."""
        if not study.n_hospitals:
            yield f'source "{study.data.source}" needs [[hospitals]]: one entry per hospital'

    @abstractmethod
    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        """The tables of the hospitals `wanted`, one after the other; what cannot be found is appended to `problems`.

        Args:
            given: what the user named instead of the study's own place (--data).
            base: the study file's folder.
        """


def whole(table: pl.DataFrame, origin: str) -> RawTable:
    """A table whose rows are numbered as they stand."""
    return RawTable(table, np.arange(1, table.height + 1), origin)


def blocks(
    raw: RawTable, column: str, wanted: Sequence[str], problems: list[Problem], valid: Sequence[str] = ()
) -> Iterator[Found]:
    """One hospital's rows after the other, told apart by a column; `valid`: the names that can be found there."""
    labels = names_of(raw.table[column]).series
    keys = {name: number_key(same_text(name)) or same_text(name) for name in wanted}
    present = set(labels.drop_nulls().unique().to_list())
    strangers = int((~labels.is_in([*keys.values(), *valid])).fill_null(True).sum())
    for name in wanted:
        if keys[name] in present:
            yield Found(name, raw.where((labels == keys[name]).fill_null(False)), left_out=strangers)
            strangers = 0  # said once
        else:
            listed = ", ".join(valid or sorted(present)[:20]) or "no name in any row"
            said = f"{name}: no row has this name in column {column!r}"
            problems.append(Problem(f"{name} ({raw.origin}): no row has {column} = {name!r}; found: {listed}", said))
