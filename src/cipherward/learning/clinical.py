"""What a binary model is worth at a threshold, and whether its risks are the right size, from counts of rows by score.

All of it follows from the opened histograms by outcome: it costs no further sum, and shows nothing that they do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.learning import likelihood, wald
from cipherward.learning.newton import Sums

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]

THRESHOLDS = (0.01, 0.02, 0.05, *(k / 20 for k in range(2, 20)))
"""Of predicted risk."""

FEW = 10
"""Nothing is said of fewer rows on one side of a threshold."""

_STEPS = 50
_UNKNOWN = 10.0  # a slope with such an error runs away


@dataclass(frozen=True)
class CalibrationLine:
    """The logistic regression of the outcome on the score's logit: a slope of 1 and an intercept of 0 are right, a slope below 1 says that
    risks are too extreme. `in_the_large`: the intercept where the slope is held at 1. Each with its standard error."""

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    in_the_large: float
    in_the_large_error: float


@dataclass(frozen=True)
class Decision:
    """Rows whose predicted risk is `threshold` or more are `above`. `net_benefit`: right ones less wrong ones x the odds of the threshold, a
    row (Vickers and Elkin 2006); `net_benefit_of_all`: the same if all rows were above. Rates are None where they are of few rows."""

    threshold: float
    above: int
    sensitivity: float
    specificity: float
    positive_predictive_value: float
    negative_predictive_value: float
    net_benefit: float
    net_benefit_of_all: float


def decisions(score: F64, negative: Ints, positive: Ints) -> tuple[Decision, ...]:
    """At each threshold with at least `FEW` rows on both sides.

    Args:
        score, negative, positive: predicted risks, and the rows of each class that have them, [n] each.
    """
    found = (decision(score, negative, positive, threshold) for threshold in THRESHOLDS)
    return tuple(each for each in found if each)


def decision(score: F64, negative: Ints, positive: Ints, threshold: float) -> Decision | None:
    """At one threshold; None with fewer than `FEW` rows on a side. Args: as `decisions`."""
    n_negative, n_positive = int(negative.sum()), int(positive.sum())
    n, over = n_negative + n_positive, score >= threshold
    hits, alarms = int(positive[over].sum()), int(negative[over].sum())
    above = hits + alarms
    if not FEW <= above <= n - FEW:
        return None
    odds = threshold / (1.0 - threshold)
    return Decision(
        threshold,
        above,
        hits / n_positive,
        (n_negative - alarms) / n_negative,
        hits / above,
        (n_negative - alarms) / (n - above),
        hits / n - alarms / n * odds,
        n_positive / n - n_negative / n * odds,
    )


def calibration_line(score: F64, negative: Ints, positive: Ints) -> CalibrationLine | None:
    """None where there is none: all scores alike, or rows of both outcomes parted without error.

    Args: as `decisions`.
    """
    inside = np.clip(score, 1e-15, 1.0 - 1e-15)
    logit = np.log(inside) - np.log1p(-inside)
    rows = (negative + positive).astype(np.float64)
    both = _fitted(np.stack([np.ones(len(logit)), logit], axis=1), np.zeros(len(logit)), rows, positive)
    large = _fitted(np.ones((len(logit), 1)), logit, rows, positive)
    if both is None or large is None or both[1][1] > _UNKNOWN:
        return None
    numbers = (both[0][1], both[1][1], both[0][0], both[1][0], large[0][0], large[1][0])
    return CalibrationLine(*(wald.rounded(float(number)) for number in numbers))


def _fitted(x: F64, offset: F64, rows: F64, positive: Ints) -> tuple[F64, F64] | None:
    """Estimates and standard errors of a logistic regression of grouped rows."""
    fit, weights = None, np.zeros(x.shape[1])
    for _ in range(_STEPS):
        fit = likelihood.advance(fit, weights, _sums(weights, x, offset, rows, positive))
        weights = fit.next_weights
        if fit.is_done:
            break
    if fit is None or not fit.has_converged or not fit.kept.all():
        return None
    return weights, np.sqrt(np.diagonal(likelihood.inverse(fit.information)))


def _sums(weights: F64, x: F64, offset: F64, rows: F64, positive: Ints) -> Sums:
    p = x.shape[1]
    eta = (x * weights).sum(axis=1) + offset
    chance = 1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0)))
    loss = float((rows * np.logaddexp(0.0, eta) - positive * eta).sum())
    error, unsure = rows * chance - positive, rows * chance * (1.0 - chance)
    second = [(x[:, j] * x[:, k] * unsure).sum() for j in range(p) for k in range(j, p)]
    return Sums(int(rows.sum()), loss, (x * error[:, None]).sum(axis=0), np.array(second))
