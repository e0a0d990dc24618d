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
from cipherward.data.schema import as_text
from cipherward.data.tables import RawTable
from cipherward.study import Study


@dataclass(frozen=True)
class Found:
    """One hospital's table as it was found. `best_score` float64[n_rows]: the true probability, where it is known."""

    name: str
    raw: RawTable
    best_score: NDArray[np.float64] | None = None


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
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[str]
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
    raw: RawTable, column: str, wanted: Sequence[str], problems: list[str], valid: Sequence[str] = ()
) -> Iterator[Found]:
    """One hospital's rows after the other, told apart by a column; `valid`: the names that can be found there."""
    labels = as_text(raw.table[column])
    present = set(labels.drop_nulls().unique().to_list())
    for name in wanted:
        if name in present:
            yield Found(name, raw.where((labels == name).fill_null(False)))
        else:
            listed = ", ".join(valid or sorted(present)[:20])
            problems.append(f"{name} ({raw.origin}): no row has {column} = {name!r}; found: {listed}")
