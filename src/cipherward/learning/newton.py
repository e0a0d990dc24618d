"""Generalised linear models by damped Newton steps (iteratively reweighted least squares; Hastie, Tibshirani and Friedman,
The Elements of Statistical Learning, section 4.4.1). What is summed is the type of outcome's (`Steps`); here is the rule.

What a step needs of the rows are sums: of losses, gradients, and second derivatives. So a fit over many hospitals takes the
steps of the fit over all their rows in one place, and ends at the same weights. The rule that follows from the sums is + - * /
in a fixed order, element by element, and exactly rounded sums (`math.fsum`): no BLAS, the same bits on every machine.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning.elimination import solved

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

MOST_LOSS = 64.0
"""A row's loss counts as no more than this, where its type of outcome says nothing else."""

_BLOCK = 8_192  # rows whose weighted copy fits the cache
_LONGEST_STEP = 10.0
_SHORTEST = 2.0**-6
_IMPROVED = 1e-9
_CONVERGED = 1e-8
_ROUNDED = 2.0**-24  # of larger losses the sums round away more


@dataclass(frozen=True)
class Sums:
    """Over some rows, at some weights: how many rows, and the sums of their losses, and of what `Steps` takes of their first and
    second derivatives, float64 each, in the sizes that it says."""

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


class Steps(ABC):
    """What Newton steps need of rows, for linear models of one type of outcome. d: number of inputs; q: of weights.

    `most_loss`: a row's loss counts as no more. `class_weights`: what rows count for by their class (`class_weights`). `n_biases`: weights at the end that no ridge pulls to zero, one for each
    output; `is_shared`: the outputs share all other weights. `is_exact`: the loss is
    quadratic, so that one step is the fit.
    """

    most_loss: float = MOST_LOSS
    n_biases: int = 1
    is_shared: bool = False
    is_exact: ClassVar[bool] = False
    class_weights: tuple[float, ...] = ()

    @property
    def largest_weight(self) -> float:
        """What a row counts for at most, and at least 1."""
        return max((1.0, *self.class_weights))

    @abstractmethod
    def sizes(self, d: int) -> tuple[int, int]:
        """How many numbers `Sums.gradient` and `Sums.curvature` have."""

    @abstractmethod
    def reach(self, inputs: F64) -> tuple[F64, F64]:
        """How large the terms in these numbers of a row that counts for 1 can be. `inputs`: float64[d], how large inputs can be."""

    @abstractmethod
    def sums_at(self, weights: F32, features: F32, labels: NDArray[Any]) -> Sums:
        """The sums over these rows: weights float32[q], features float32[n, d], labels [n]."""

    @abstractmethod
    def full(self, gradient: F64, curvature: F64, d: int) -> tuple[F64, F64]:
        """Gradient float64[q] and second derivatives float64[q, q] from means of the sums over rows; + - * / in a fixed order."""


def weighted_squares(features: F32, by: Iterable[F64]) -> Iterator[F64]:
    """For each of some weights of rows, float64[n]: the sum over rows of weight x outer product of inputs and 1, float64[p, p], p = d + 1."""
    for weight in by:
        found = np.zeros((features.shape[1] + 1,) * 2)
        for part, x in blocks(features):
            found += x.T @ (x * weight[part, None])
        yield found


def blocks(features: F32) -> Iterator[tuple[slice, F64]]:
    """The rows in parts that fit the cache, each float64[., d + 1] with a 1 at the end."""
    for start in range(0, features.shape[0], _BLOCK):
        part = slice(start, start + _BLOCK)
        yield part, np.hstack([features[part].astype(np.float64), np.ones((len(features[part]), 1))])


def advance(before: Fit | None, weights: F32, found: Sums, ridge: float, steps: Steps) -> Fit:
    """The fit after sums at `weights`, which are `before.next_weights` where there was a step before.

    A step that made the objective larger is halved. The fit is done when the next step would gain less than 1e-8 of loss a
    row, or no step does any good.

    Args:
        ridge: of squared weights, the biases left out; see `default_ridge`.

    Raises:
        ProtocolError: sums that no rows give.
    """
    if found.rows < 1 or not (math.isfinite(found.loss) and found.loss >= 0.0):
        raise ProtocolError("the opened sums of a Newton step are of no rows, or not finite")
    w = weights.astype(np.float64)
    w[-steps.n_biases :] = 0.0
    objective = found.loss / found.rows + 0.5 * ridge * math.fsum(w * w)
    rounding = (steps.most_loss * steps.largest_weight - MOST_LOSS) * _ROUNDED / found.rows
    if before is not None and objective > before.objective + _IMPROVED * abs(before.objective) + rounding:
        shorter = before.step / 2.0
        return Fit(before.weights, before.objective, before.direction, shorter, is_done=shorter < _SHORTEST)
    d = n_inputs(len(weights), steps)
    slope, matrix = steps.full(found.gradient / found.rows, found.curvature / found.rows, d)
    gradient = slope + ridge * w
    pulled = np.arange(len(weights) - steps.n_biases)
    matrix[pulled, pulled] += ridge
    direction = solved(matrix, gradient)
    if steps.is_exact:
        return Fit((weights.astype(np.float64) - direction).astype(np.float32), objective, direction, is_done=True)
    gain = 0.5 * math.fsum(direction * gradient)
    longest = float(np.abs(direction).max())
    if longest > _LONGEST_STEP:
        direction = direction * (_LONGEST_STEP / longest)
    return Fit(weights, objective, direction, is_done=gain < _CONVERGED)


def default_ridge(rows: int, least: float = 0.0) -> float:
    """1 / rows, the penalty of scikit-learn's default C = 1 on standardised inputs; at least `least`."""
    return max(1.0 / rows, least)


def n_inputs(n_weights: int, steps: Steps) -> int:
    """d of a linear model with so many weights: as many for each output, and the biases."""
    per_output = 1 if steps.is_shared else steps.n_biases
    return (n_weights - steps.n_biases) // per_output


def fitted(start: F32, features: F32, labels: NDArray[Any], most: int, ridge: float, steps: Steps) -> Iterator[F32]:
    """The weights after each step of a fit to these rows, at most `most` of them; the last ones are the fit."""
    fit, weights = None, start
    for _ in range(most):
        fit = advance(fit, weights, steps.sums_at(weights, features, labels), ridge, steps)
        weights = fit.next_weights
        yield weights
        if fit.is_done:
            return


def symmetric(upper: F64, p: int) -> F64:
    """float64[p, p] from its upper triangle, row by row."""
    matrix = np.zeros((p, p))
    matrix[np.triu_indices(p)] = upper
    return matrix + np.triu(matrix, 1).T
