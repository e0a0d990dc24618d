"""What all parties know of survival curves between two sums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cipherward.data.rare_categories import Merged
from cipherward.learning.survival import AtRisk
from cipherward.tasks.fixed_point import Scale

Stage = Literal["follow_up", "at_risk", "coarse", "fine", "curve", "log_rank", "done"]


@dataclass(frozen=True)
class Curve:
    """One group. `risk`: who is at risk, at first (`leaving` of zeros) the cells in which that is asked; `ends`: of the wider cells of
    the newest or next count of events, as numbers of cells of `risk`; `events` of each; `steps` and `variances` of the shown ones.
    `rows`: as first counted, perhaps with noise."""

    name: str
    rows: int
    risk: AtRisk
    ends: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    steps: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()

    @property
    def grid(self) -> NDArray[np.float64]:
        """float64[k]: where the wider cells end, in time."""
        return self.risk.ends[np.array(self.ends, dtype=np.int64) - 1] if self.ends else np.zeros(0)


@dataclass(frozen=True)
class SurvivalState:
    """`rows`: all, those with a value in every column, and of these those with the outcome, as first counted; `used`: the second, as an exact
    sum says. `score`, `covariance`: of the log-rank test."""

    stage: Stage = "follow_up"
    merged: Merged = ()
    scale: Scale = field(default_factory=lambda: Scale(1))
    rows: tuple[int, int, int] = (0, 0, 0)
    used: tuple[int, int] = (0, 0)
    curves: tuple[Curve, ...] = ()
    score: NDArray[np.float64] | None = None
    covariance: NDArray[np.float64] | None = None
