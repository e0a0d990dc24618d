"""What the opened mean update becomes: itself (FedAvg), or a step of an adaptive optimiser at the server (Reddi et al. 2021,
Adaptive Federated Optimization, algorithm 2: FedAdam, FedYogi).

Every hospital takes the step itself and must get the coordinator's bits: elementwise float64 + - * / and square roots in a
fixed order. What the mean carries, noise included, is all that the step knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.study import Training

F64 = NDArray[np.float64]

BETA_1, BETA_2, TAU = 0.9, 0.99, 1e-3
"""Of that paper's experiments (section 4, appendix D)."""


@dataclass(frozen=True)
class Moments:
    """Of the mean updates so far, float64[n_parameters] each: of themselves, of their squares."""

    first: F64 = field(repr=False)
    second: F64 = field(repr=False)


def step(settings: Training, before: Moments | None, mean: F64) -> tuple[F64, Moments | None]:
    """How the weights move, float64[n_parameters], and the moments afterwards; None where the rule has none.

    Args:
        settings: `server` and `server_rate`.
        before: None at the first round.
        mean: the mean update, float64[n_parameters].
    """
    if settings.server == "average":
        return mean, None
    held = before or Moments(np.zeros_like(mean), np.full_like(mean, TAU * TAU))
    square = mean * mean
    first = BETA_1 * held.first + (1.0 - BETA_1) * mean
    if settings.server == "adam":
        second = BETA_2 * held.second + (1.0 - BETA_2) * square
    else:
        second = held.second - (1.0 - BETA_2) * square * np.sign(held.second - square)
    return settings.server_rate * first / (np.sqrt(second) + TAU), Moments(first, second)
