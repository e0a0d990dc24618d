"""What a table of points and boosted trees share: rows by fine value of each column first, with noise, from which bins follow."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from cipherward.data.coding import FINE
from cipherward.data.sources import HospitalData
from cipherward.privacy import records
from cipherward.study import Study
from cipherward.tasks import measurement, moves, noise, points_questions, statistics
from cipherward.tasks.rows import check_classes
from cipherward.tasks.task import Question, Task

S = TypeVar("S")

_BEARS = 100.0
"""Training rows of all hospitals in standard deviations of the noise on a value's count, from which on bins are about as full
with noise as without (docs/privacy.md)."""


class BinnedTask(Task[S]):
    """A task whose first question is about rows by value, and whose model is measured once."""

    _study: Study

    @abstractmethod
    def _largest(self) -> Iterator[tuple[S, int]]:
        """The largest state before each question, and how often it can be asked."""

    def measured_models(self) -> int:
        return 1

    def bins(self) -> int:
        return FINE

    def plan(self) -> tuple[tuple[Question, int], ...]:
        return self._planned

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        if not self._study.own_noise:
            return True
        frozen = noise.in_numbers(self._study, self)
        return statistics.n_counted(self._study, hospitals) >= _BEARS * self._stddev(frozen, len(hospitals))

    def patients_needed(self, n_contributors: int) -> int:
        rows = _BEARS * self._stddev(self._study, n_contributors) if self._study.own_noise else 0.0
        data = self._study.data
        return math.ceil(rows / (1.0 - data.test_fraction - data.validation_fraction))

    def bears_groups(self, hospitals: Sequence[HospitalData]) -> bool:
        return measurement.bears_groups(hospitals)

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        check_classes(hospitals, self._study.group_rows)

    @cached_property
    def _planned(self) -> tuple[tuple[Question, int], ...]:
        asked = ((self.ask(state), times) for state, times in self._largest())
        return tuple((question, times) for question, times in asked if question)

    @cached_property
    def _sensitivity(self) -> records.Sensitivity:
        size, columns = points_questions.n_values(self._study), len(self._study.columns)
        return moves.of_counts("rows", 2, 2).and_also(moves.of_counts("values", size, columns))

    def _stddev(self, study: Study, n_contributors: int) -> float:
        return noise.stddevs(study, self, n_contributors).get("values", 0.0)
