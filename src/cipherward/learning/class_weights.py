"""What a training row counts for by its outcome, where one outcome is rare (King and Zeng 2001, Political Analysis 9:137-163).

"balanced" is scikit-learn's rule: n / (k x n_c) for each of k classes, from the opened counts of training rows, so that all classes
count for as much together. The weights stand in the loss, of training and of validation. What a model then calls a probability is none:
of a binary outcome the odds come out about w1 / w0 times too large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

MOST = 100.0
"""No row counts for more: noise on a count of few rows must not become a weight without a bound."""

NO_RISKS = (
    "Rows counted by their outcome in training (training.class_weights), so what the model calls a probability is no risk: it is too high "
    "for what is rare. Rows can be put in order by it, and a threshold chosen; net benefit and calibration are not those of risks."
)


def balanced(counts: Sequence[int]) -> tuple[float, ...]:
    """The weights of classes with so many training rows, by + - * / in a fixed order. Counts that noise made smaller than one are one."""
    usable = [max(int(count), 1) for count in counts]
    total = sum(usable)
    return tuple(min(total / (len(usable) * count), MOST) for count in usable)


def of_rows(weights: Sequence[float], labels: NDArray[Any]) -> F64:
    """What each row counts for by its class, float64[n]; without weights 1."""
    if not weights:
        return np.ones(len(labels))
    found: F64 = np.array(weights)[labels.astype(np.intp)]
    return found


def expected(weights: Sequence[float], chances: F64) -> F64:
    """What each row is expected to count for where its class is as likely as a weighted model says, float64[n]; without weights 1.

    A weighted model's probabilities q are proportional to w x p, so that the mean of w under p is 1 / sum(q / w). Second derivatives with
    it (Fisher scoring) do not depend on labels: weighted ones would tell counts of patients by two categories and the outcome.

    Args:
        chances: q, float64[n, classes].
    """
    if not weights:
        return np.ones(len(chances))
    found: F64 = 1.0 / (chances @ (1.0 / np.array(weights)))
    return found
