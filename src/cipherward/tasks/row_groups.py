"""Which rows a question is about, in public words; how many of them a hospital has stays there, but for one bit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.sources import HospitalData
from cipherward.learning.outcome import Outcome

_PARTS = {TRAIN: "training rows", VALIDATION: "validation rows", TEST: "test rows"}


@dataclass(frozen=True)
class RowGroup:
    """The rows of one part of the split (None: of all parts), and of them those with this outcome (None: with any): 1 and 0 of a
    binary one, else the place of a class of `n_classes`.

    A task whose questions are about other rows derives its own, with `chosen` and `words`.
    """

    split: int | None = None
    outcome: int | None = None
    n_classes: int = 2

    @property
    def words(self) -> str:
        """The group for people, without the study's own words: "test rows with the outcome"."""
        part = "rows" if self.split is None else _PARTS[self.split]
        if self.outcome is not None and self.n_classes > 2:
            return f"{part} of class {self.outcome + 1} of {self.n_classes}"
        return part if self.outcome is None else f"{part} {'with' if self.outcome else 'without'} the outcome"

    def chosen(self, data: HospitalData) -> NDArray[np.bool_]:
        """Which of a hospital's rows are in it, bool[n_rows]."""
        found = np.ones(len(data.outcome), dtype=bool)
        if self.split is not None:
            found &= data.split == self.split
        if self.outcome is not None:
            found &= data.outcome == self.outcome
        return found

    def count(self, data: HospitalData, least: int) -> int:
        """How many of a hospital's rows count in it, where answers hold `least` rows together or none."""
        return int(self.chosen(data).sum())


def by_outcome(outcome: Outcome, split: int | None = None) -> tuple[RowGroup, ...]:
    """The groups of rows that a question tells apart when it counts by outcome: one for each class, or all where it is a number."""
    n = len(outcome.classes)
    return tuple(RowGroup(split, each, n) for each in outcome.classes) or (RowGroup(split),)


def small(groups: Iterable[RowGroup], data: HospitalData, least: int) -> tuple[RowGroup, ...]:
    """The groups of which a hospital has fewer than `least` rows."""
    return tuple(group for group in groups if group.count(data, least) < least)
