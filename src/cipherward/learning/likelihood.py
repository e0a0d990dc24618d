"""Maximum likelihood by Newton steps over opened sums: the estimates and standard errors of the fit to all rows in one place.

Unlike `newton`, which fits a model to predict with, there is no penalty, and terms that the rows do not tell apart are found and left
out, as R does. The rule is + - * / in a fixed order and exactly rounded sums: the same bits on every machine.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import linear
from cipherward.learning.elimination import solved, solved_each
from cipherward.learning.newton import MOST_LOSS, Sums

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

_ALIASED = 1e-9
_CONVERGED = 1e-10
_IMPROVED = 1e-11
_SHORTEST = 2.0**-12
_MOST = 64.0  # an expected count beyond so many times the largest declared one counts as this


@dataclass(frozen=True)
class Fit:
    """Where a fit stands. At `weights` float64[p], the best so far, the negative log likelihood is `loss` and its second derivatives
    `information` float64[p, p]; from there `step` times `direction` was tried, or will be. `kept` bool[p]: terms that are estimated.
    `first_loss`: at the weights that the fit began with. `has_converged`: the likelihood cannot be raised any more.
    """

    weights: F64 = field(repr=False)
    loss: float
    information: F64 = field(repr=False)
    direction: F64 = field(repr=False)
    kept: Bools = field(repr=False)
    first_loss: float
    step: float = 1.0
    is_done: bool = False
    has_converged: bool = False

    @property
    def next_weights(self) -> F64:
        """What the next sums are taken at; of a fit that has converged, the estimates: the last step needs no further sum."""
        if self.is_done and not self.has_converged:
            return self.weights
        return np.asarray(self.weights - self.step * self.direction)


def logistic(weights: F64, x: F64, outcome: NDArray[np.integer]) -> Sums:
    """Of a logistic regression: x float64[n, p], outcome [n] of 0 and 1. The loss of a row counts as no more than `MOST_LOSS`."""
    eta = x @ weights
    chance = linear.sigmoid(eta)
    losses = np.log1p(np.exp(-np.abs(eta))) + np.maximum(eta, 0.0) - outcome * eta
    second = x.T @ (x * (chance * (1.0 - chance))[:, None])
    loss = float(np.minimum(losses, MOST_LOSS).sum())
    return Sums(len(outcome), loss, x.T @ (chance - outcome), second[np.triu_indices(x.shape[1])])


def linear_least_squares(weights: F64, x: F64, outcome: F64) -> Sums:
    """Of a linear regression: half the sum of squared residuals in place of a negative log likelihood. x float64[n, p], outcome
    float64[n]. The estimates do not depend on the variance of the residuals; their errors follow from it afterwards."""
    residual = x @ weights - outcome
    second = x.T @ x
    loss = 0.5 * float((residual * residual).sum())
    return Sums(len(outcome), loss, x.T @ residual, second[np.triu_indices(x.shape[1])])


def poisson(weights: F64, x: F64, counts: F64, offset: F64, most: float) -> Sums:
    """Of a Poisson regression with a log link: x float64[n, p], counts float64[n] from 0 to `most`, offset float64[n], the logarithm of
    each row's exposure. The loss is the whole negative log likelihood, with the logarithms of factorials; far above `most` it goes on
    as a line, so that a step that is too long gives no infinite sums."""
    from scipy import special

    eta = x @ weights + offset
    expected = expected_counts(eta, most)
    beyond = np.maximum(eta - math.log(_MOST * most), 0.0)
    losses = expected * (1.0 + beyond) - counts * eta + special.gammaln(counts + 1.0)
    second = x.T @ (x * expected[:, None])
    return Sums(len(counts), float(losses.sum()), x.T @ (expected - counts), second[np.triu_indices(x.shape[1])])


def expected_counts(eta: F64, most: float) -> F64:
    """float64[n]: e^eta, at most 64 times `most`."""
    return np.asarray(np.exp(np.minimum(eta, math.log(_MOST * most))))


def scatter(x: F64, residual: F64) -> F64:
    """The sum over rows of the squared residual x outer product of the terms, float64[p (p + 1) / 2]: what robust standard errors need
    (Huber 1967; White 1980; HC0)."""
    second = x.T @ (x * (residual * residual)[:, None])
    return np.asarray(second[np.triu_indices(x.shape[1])])


def advance(before: Fit | None, weights: F64, found: Sums, rounding: float = 0.0) -> Fit:
    """The fit after sums at `weights`, which are `before.next_weights` where there was a step before. A step that lowered the
    likelihood is halved. `rounding`: how much fixed point may have changed the loss.

    Raises:
        ProtocolError: sums that no rows give.
    """
    if not math.isfinite(found.loss):
        raise ProtocolError("the opened sums of a regression are not finite")
    if before is not None and found.loss > before.loss + _IMPROVED * abs(before.loss) + rounding:
        step = before.step / 2.0
        return dataclasses.replace(before, step=step, is_done=step < _SHORTEST)
    matrix = full(found.curvature, len(weights))
    kept = independent(matrix) if before is None else before.kept & (np.diagonal(matrix) > 0.0)
    direction = np.zeros(len(weights))
    if kept.any():
        direction[kept] = solved(matrix[np.ix_(kept, kept)], found.gradient[kept])
    gain = 0.5 * math.fsum(direction * found.gradient)
    first = found.loss if before is None else before.first_loss
    is_done = gain < _CONVERGED
    return Fit(weights, found.loss, matrix, direction, kept, first, is_done=is_done, has_converged=is_done)


def full(upper: F64, p: int) -> F64:
    """The symmetric matrix float64[p, p] of its upper triangle, row by row."""
    matrix = np.zeros((p, p))
    matrix[np.triu_indices(p)] = upper
    return matrix + np.triu(matrix, 1).T


def independent(matrix: F64) -> Bools:
    """Which terms are no combination of those before them, by LDL^T: a pivot below a billionth of its diagonal is none. bool[p]"""
    rest, p = matrix.copy(), len(matrix)
    kept = np.zeros(p, dtype=bool)
    for j in range(p):
        pivot = rest[j, j]
        if not (matrix[j, j] > 0.0 and pivot > _ALIASED * matrix[j, j]):
            continue
        kept[j] = True
        column = rest[j + 1 :, j] / pivot
        rest[j + 1 :, j + 1 :] -= column[:, None] * rest[j, j + 1 :][None, :]
    return kept


def inverse(matrix: F64) -> F64:
    """Of a positive definite matrix float64[p, p].

    Raises:
        ProtocolError: it is none.
    """
    return solved_each(matrix, np.eye(len(matrix))) if len(matrix) else matrix
