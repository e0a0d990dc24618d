"""What regressions and survival curves share: their first question counts rows, with noise, and too few of them end the study."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from cipherward.data.sources import HospitalData
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.study import Study
from cipherward.tasks import noise, statistics
from cipherward.tasks.task import ROWS, Task, Values

S = TypeVar("S")


class CountedTask(Task[S]):
    """A task over exact sums, whose first question counts rows: `rows` int64[3] of it are all, those with a value in every column, and
    of these those with the outcome."""

    _study: Study

    @abstractmethod
    def _counts(self, data: HospitalData, randomness: Randomness) -> tuple[Values, int]:
        """One hospital's answer to the first question, and how many rows were left out of it."""

    @abstractmethod
    def _check_rows(self, study: Study, n_rows: int, n_contributors: int) -> None:
        """Raises: DataError: so many rows with a value in every column are too few."""

    def _rows_wanted(self, study: Study, n_contributors: int) -> int:
        """From how many rows on the noise changes little."""
        return self._rows_needed(study, n_contributors)

    def weights(self) -> str:
        return ROWS

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        if not self._study.own_noise:
            return True
        return self._n_counted(hospitals) >= self._rows_wanted(noise.in_numbers(self._study, self), len(hospitals))

    def patients_needed(self, n_contributors: int) -> int:
        return self._rows_needed(self._study, n_contributors) if self._study.own_noise else 0

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        self._check_rows(noise.in_numbers(self._study, self), self._n_counted(hospitals), len(hospitals))

    def _n_counted(self, hospitals: Sequence[HospitalData]) -> int:
        return sum(int(self._counts(each, SYSTEM)[0]["rows"][1]) for each in hospitals)

    def _rows_needed(self, study: Study, n_contributors: int) -> int:
        return math.ceil(statistics.BEARABLE * noise.stddevs(study, self, n_contributors).get("rows", 0.0))
