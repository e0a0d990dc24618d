"""Which rows a question is about, in public words; how many of them a hospital has stays there, but for one bit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.sources import HospitalData

_PARTS = {TRAIN: "training rows", VALIDATION: "validation rows", TEST: "test rows"}


@dataclass(frozen=True)
class RowGroup:
    """The rows of one part of the split (None: of all parts), and of them those with this outcome (None: with either).

    A task whose questions are about other rows derives its own, with `chosen` and `words`.
    """

    split: int | None = None
    outcome: int | None = None

    @property
    def words(self) -> str:
        """The group for people, without the study's own words: "test rows with the outcome"."""
        part = "rows" if self.split is None else _PARTS[self.split]
        return part if self.outcome is None else f"{part} {'with' if self.outcome else 'without'} the outcome"

    def chosen(self, data: HospitalData) -> NDArray[np.bool_]:
        """Which of a hospital's rows are in it, bool[n_rows]."""
        found = np.ones(len(data.outcome), dtype=bool)
        if self.split is not None:
            found &= data.split == self.split
        if self.outcome is not None:
            found &= data.outcome == self.outcome
        return found


def by_outcome(split: int | None = None) -> tuple[RowGroup, RowGroup]:
    """The two groups of rows that a question tells apart when it counts by outcome."""
    return RowGroup(split, 0), RowGroup(split, 1)


def small(groups: Iterable[RowGroup], data: HospitalData, least: int) -> tuple[RowGroup, ...]:
    """The groups of which a hospital has fewer than `least` rows."""
    return tuple(group for group in groups if int(group.chosen(data).sum()) < least)
