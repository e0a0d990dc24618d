"""Records from a gradient: exact algebra on the first layer of a linear model or a perceptron.

A layer that multiplies inputs by weights and adds a bias has, for one record, the gradient d x for each weight row and d for its bias:
their quotient is the record (Phong et al. 2018, arXiv 1711.10677, section 3; Geiping et al. 2020, arXiv 2003.14053, proposition 3.1).
Of several records it is a mean of them, weighted by their d; a hidden unit that only one record switches on gives that record
(Boenisch et al. 2023, arXiv 2112.02918, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

RECOVERED = 0.01
"""A record counts as recovered where a guess differs from it by at most this, relative to its length."""

_LEAST = 1e-12  # of the largest bias gradient: below it the quotient is rounding noise


@dataclass(frozen=True)
class Matched:
    """Guesses beside the true records. `error`: float64[n_records], of each the relative error of its nearest guess; `nearest`: which."""

    error: F64
    nearest: NDArray[np.int64]


def gradient(start: F64, end: F64, rate: float, decay: float = 0.0) -> F64:
    """What one step of SGD moved the weights by, as a gradient of the loss alone: float64[n_parameters]."""
    return (start - end) / rate - decay * start


def guesses(gradient: F64, groups: tuple[tuple[str, int], ...]) -> F64:
    """One guess for each unit of the first layer whose bias has a gradient, and the one that fits all units together best if there is
    one record only: float64[n_guesses, n_features].

    Args:
        groups: (name, entries) of each parameter tensor, in the order of the vector: the first layer's weights, then its bias.
    """
    (_, n_weights), (_, n_units) = groups[:2]
    weights = gradient[:n_weights].reshape(n_units, -1)
    bias = gradient[n_weights : n_weights + n_units]
    able = np.abs(bias) > _LEAST * np.abs(bias).max(initial=0.0)
    if not able.any():
        return np.zeros((0, weights.shape[1]))
    # Of one record all rows are multiples of it: the fit by least squares averages the rounding of lanes out.
    together = bias @ weights / (bias @ bias)
    found: F64 = np.concatenate([weights[able] / bias[able][:, None], together[None]])
    return found


def match(records: F64, guessed: F64, means: F64) -> Matched:
    """The nearest guess of each record; where there is none, `means`."""
    candidates = guessed if len(guessed) else means[None]
    length = np.maximum(np.linalg.norm(records, axis=1), 1e-12)
    errors = np.stack([np.linalg.norm(records - each, axis=1) / length for each in candidates])
    nearest = errors.argmin(axis=0)
    return Matched(errors[nearest, np.arange(len(records))], nearest)
