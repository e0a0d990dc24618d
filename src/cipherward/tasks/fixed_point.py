"""Real sums over rows as whole numbers, as precise as a lane of 53 bits allows for so many rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BITS = 53
"""Of a sum: what float64 holds exactly."""

_ROOM = 51  # one bit for the shift that leaves no sum negative, one to spare


@dataclass(frozen=True)
class Scale:
    """Sums of terms in [-1, 1] over fewer than `most` rows, a power of two, as whole numbers that are not negative."""

    most: int

    @classmethod
    def of(cls, rows: int) -> Scale:
        """Room for twice as many rows as were counted, perhaps with noise."""
        return cls(1 << (2 * max(rows, 1) + 64).bit_length())

    @property
    def unit(self) -> float:
        return 2.0 ** (_ROOM - (self.most.bit_length() - 1))

    def whole(self, sums: NDArray[np.float64], rows: int) -> NDArray[np.int64]:
        return np.rint((np.clip(sums, -rows, rows) + rows) * self.unit).astype(np.int64)

    def real(self, opened: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
        return np.asarray(opened, dtype=np.float64) / self.unit - rows
