"""Logistic regression by damped Newton steps (iteratively reweighted least squares; Hastie, Tibshirani and Friedman,
The Elements of Statistical Learning, section 4.4.1).

What a step needs of the rows are sums: of losses, gradients, and second derivatives. So a fit over many hospitals takes the
steps of the fit over all their rows in one place, and ends at the same weights. The rule that follows from the sums is + - * /
in a fixed order, element by element, and exactly rounded sums (`math.fsum`): no BLAS, the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import linear

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

MOST_LOSS = 64.0
"""A row's loss counts as no more than this."""

_BLOCK = 8_192  # rows whose weighted copy fits the cache
_LONGEST_STEP = 10.0
_SHORTEST = 2.0**-6
_IMPROVED = 1e-9
_CONVERGED = 1e-8


@dataclass(frozen=True)
class Sums:
    """Over some rows, at some weights: how many rows, and the sums of their losses, gradients float64[p] and second
    derivatives float64[p (p + 1) / 2] (upper triangle, row by row). p: number of inputs and the bias, which comes last."""

    rows: int
    loss: float
    gradient: F64 = field(repr=False)
    curvature: F64 = field(repr=False)


@dataclass(frozen=True)
class Fit:
    """Where a fit stands. `weights` float32[p] were the best so far with this `objective`; from them `step` times
    `direction` float64[p] was tried, or will be."""

    weights: F32 = field(repr=False)
    objective: float
    direction: F64 = field(repr=False)
    step: float = 1.0
    is_done: bool = False

    @property
    def next_weights(self) -> F32:
        """What the next sums are taken at; the result of a fit that is done."""
        if self.is_done:
            return self.weights
        return (self.weights.astype(np.float64) - self.step * self.direction).astype(np.float32)


def sums_at(weights: F32, features: F32, labels: NDArray[np.integer]) -> Sums:
    """The sums over these rows: features float32[n, p - 1], labels [n] of 0 and 1."""
    logit = linear.logits(weights, features)
    chance = linear.sigmoid(logit)
    error = chance - labels
    # log(1 + e^-|z|) + max(z, 0) - y z, which never overflows.
    losses = np.log1p(np.exp(-np.abs(logit))) + np.maximum(logit, 0.0) - labels * logit
    n, p = features.shape[0], len(weights)
    gradient, curvature = np.zeros(p), np.zeros((p, p))
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        x = np.hstack([features[part].astype(np.float64), np.ones((len(features[part]), 1))])
        gradient += x.T @ error[part]
        curvature += x.T @ (x * (chance[part] * (1.0 - chance[part]))[:, None])
    return Sums(n, float(np.minimum(losses, MOST_LOSS).sum()), gradient, curvature[np.triu_indices(p)])


def advance(before: Fit | None, weights: F32, found: Sums, ridge: float) -> Fit:
    """The fit after sums at `weights`, which are `before.next_weights` where there was a step before.

    A step that made the objective larger is halved. The fit is done when the next step would gain less than 1e-8 of loss a
    row, or no step does any good.

    Args:
        ridge: of squared weights, the bias left out; see `default_ridge`.

    Raises:
        ProtocolError: sums that no rows give.
    """
    if found.rows < 1 or not (math.isfinite(found.loss) and found.loss >= 0.0):
        raise ProtocolError("the opened sums of a Newton step are of no rows, or not finite")
    w = weights.astype(np.float64)
    w[-1] = 0.0
    objective = found.loss / found.rows + 0.5 * ridge * math.fsum(w * w)
    if before is not None and objective > before.objective + _IMPROVED * abs(before.objective):
        shorter = before.step / 2.0
        return Fit(before.weights, before.objective, before.direction, shorter, is_done=shorter < _SHORTEST)
    gradient = found.gradient / found.rows + ridge * w
    direction = solved(_full(found.curvature / found.rows, ridge, len(weights)), gradient)
    gain = 0.5 * math.fsum(direction * gradient)
    longest = float(np.abs(direction).max())
    if longest > _LONGEST_STEP:
        direction = direction * (_LONGEST_STEP / longest)
    return Fit(weights, objective, direction, is_done=gain < _CONVERGED)


def default_ridge(rows: int, least: float = 0.0) -> float:
    """1 / rows, the penalty of scikit-learn's default C = 1 on standardised inputs; at least `least`."""
    return max(1.0 / rows, least)


def steps(start: F32, features: F32, labels: NDArray[np.integer], most: int, ridge: float) -> Iterator[F32]:
    """The weights after each step of a fit to these rows, at most `most` of them; the last ones are the fit."""
    fit, weights = None, start
    for _ in range(most):
        fit = advance(fit, weights, sums_at(weights, features, labels), ridge)
        weights = fit.next_weights
        yield weights
        if fit.is_done:
            return


def _full(upper: F64, ridge: float, p: int) -> F64:
    """The symmetric matrix float64[p, p] with the ridge on its diagonal, but for the bias."""
    matrix = np.zeros((p, p))
    matrix[np.triu_indices(p)] = upper
    matrix = matrix + np.triu(matrix, 1).T
    matrix[np.arange(p - 1), np.arange(p - 1)] += ridge
    return matrix


def solved(matrix: F64, right: F64) -> F64:
    """x float64[p] of matrix x = right, a positive definite matrix float64[p, p], by LDL^T without pivoting (Golub and Van Loan, Matrix Computations, section 4.1.2).

    Raises:
        ProtocolError: the matrix is not positive definite, which sums over rows with a ridge always are.
    """
    rest, p = matrix.copy(), len(right)
    lower, diagonal = np.zeros((p, p)), np.zeros(p)
    for j in range(p):
        pivot = rest[j, j]
        if not pivot > 0.0:
            raise ProtocolError("the opened sums of a Newton step are no second derivatives of a loss over rows")
        diagonal[j] = pivot
        column = rest[j + 1 :, j] / pivot
        lower[j + 1 :, j] = column
        rest[j + 1 :, j + 1 :] -= column[:, None] * rest[j, j + 1 :][None, :]
    x = right.copy()
    for j in range(p):
        x[j + 1 :] -= lower[j + 1 :, j] * x[j]
    x /= diagonal
    for j in range(p - 1, -1, -1):
        x[:j] -= lower[j, :j] * x[j]
    return x
