"""Logistic regression by compiled kernels: one hundredth of the time of torch's autograd, and no torch to import.

The update rule, the minibatches and the float32 weights are those of `network_sgd`. Sums are float64 in a fixed order,
the exponential is made of + - * alone, nothing is fused: the same rows give the same bits on every processor, which
torch does not promise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, Out1, inlined, kernel
from cipherward.graph import Graph
from cipherward.learning import checks
from cipherward.study import Training

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2; k times HIGH is exact
_UNDERFLOW = -708.0
_BLOCK = 64


@dataclass
class Linear:
    """One logit per row: weights . x + bias. `vector`: float32[n_features + 1], the bias last."""

    vector: F32 = field(repr=False)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """(name, number of entries) of each parameter tensor, as torch.nn.Linear names them."""
        return (("weight", len(self.vector) - 1), ("bias", 1))

    def logits(self, vector: F32, x: F32) -> F64:
        """Float64[n], rounded to float32, with the parameters `vector`; `x`: float32[n, n_features]."""
        return logits(vector, x)

    def exported(self, graph: Graph, features: str) -> str:
        """The same in a graph: float64[rows, 1] from float32[rows, n_features]."""
        weights, bias = self.vector[:-1].astype(np.float64), self.vector[-1:].astype(np.float64)
        return of_graph(graph, features, weights[:, None], bias)


def of_graph(graph: Graph, features: str, weights: F64, biases: F64) -> str:
    """A linear model in a graph, added up in float64 and rounded to float32: float64[rows, outputs].

    Args:
        weights: float64[n_features, 1 or outputs]; biases: float64[outputs].
    """
    products = graph.add("MatMul", graph.cast(features, "float64"), graph.constant(weights))
    return graph.cast(graph.cast(graph.add("Add", products, graph.constant(biases)), "float32"), "float64")


def train(
    module: Linear,
    start: F32,
    features: F32,
    labels: NDArray[np.uint8],
    settings: Training,
    seed: int,
    class_weights: tuple[float, ...] = (),
) -> F32:
    """As `sgd.train`, from checked rows. `class_weights`: of negative and of positive rows; (): alike."""
    checks.width(features, len(start) - 1)
    x, origin = np.ascontiguousarray(features), np.ascontiguousarray(start)
    vector, velocity = start.copy(), np.zeros_like(start)
    total, errors = np.empty(len(start), np.float64), np.empty(_BLOCK, np.float64)
    s, orders = settings, Shuffles(seed)
    # As torch does, constants are rounded to float32 first.
    constants = [float(np.float32(value)) for value in (s.learning_rate, s.momentum, s.weight_decay, s.proximal)]
    constants += class_weights or (1.0, 1.0)
    for epoch in range(s.local_epochs):
        _fit_epoch(
            vector, velocity, total, errors, origin, x, labels, orders.next(len(labels)), s.batch_size, *constants
        )
        checks.finite(vector, module.groups, epoch)
    return vector


def logits(vector: F32, x: F32) -> F64:
    """Float64[n], rounded to float32."""
    checks.width(x, len(vector) - 1)
    found = np.empty(len(x), np.float64)
    _logits(np.ascontiguousarray(vector), np.ascontiguousarray(x), found)
    return found


def sigmoid(logits: F64) -> F64:
    """Probabilities, float64[n]."""
    found = np.empty(len(logits), np.float64)
    _sigmoids(logits, found)
    return found


class Shuffles:
    """Successive random orders of n rows: those of torch.randperm from a generator with this seed."""

    def __init__(self, seed: int) -> None:
        self._words = np.random.RandomState(seed & 0xFFFFFFFF)  # MT19937, whose words numpy promises not to change

    def next(self, n: int) -> NDArray[np.int64]:
        """A permutation, int64[n]."""
        order = np.arange(n, dtype=np.int64)
        _shuffle(order, self._words.randint(0, 1 << 32, n - 1, np.uint32))
        return order


@inlined
def _exp(x: float) -> float:
    """e^x for x <= 0, to the last bit or two of float64."""
    if x < _UNDERFLOW:
        return 0.0
    nearest = x * _LOG2_E + 0.5
    k = np.int64(nearest)
    if k > nearest:
        k -= 1
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    found = 1.0 / 6227020800.0  # 1/13!; Taylor, as |r| < 0.35: the next term is below 5e-18
    found = found * r + 1.0 / 479001600.0
    found = found * r + 1.0 / 39916800.0
    found = found * r + 1.0 / 3628800.0
    found = found * r + 1.0 / 362880.0
    found = found * r + 1.0 / 40320.0
    found = found * r + 1.0 / 5040.0
    found = found * r + 1.0 / 720.0
    found = found * r + 1.0 / 120.0
    found = found * r + 1.0 / 24.0
    found = found * r + 1.0 / 6.0
    found = found * r + 0.5
    found = found * r + 1.0
    found = found * r + 1.0
    return found * np.int64((k + 1023) << 52).view(np.float64)  # 2^k by its bits; k is above -1023


@inlined
def _sigmoid(z: float) -> float:
    small = _exp(-abs(z))
    return 1.0 / (1.0 + small) if z >= 0.0 else small / (1.0 + small)


@inlined
def _logit(vector: F32, x: F32, row: int) -> float:
    n = vector.size - 1
    a = b = c = d = 0.0
    whole = n - n % 4
    for j in range(0, whole, 4):
        a += np.float64(vector[j]) * np.float64(x[row, j])
        b += np.float64(vector[j + 1]) * np.float64(x[row, j + 1])
        c += np.float64(vector[j + 2]) * np.float64(x[row, j + 2])
        d += np.float64(vector[j + 3]) * np.float64(x[row, j + 3])
    for j in range(whole, n):
        a += np.float64(vector[j]) * np.float64(x[row, j])
    return (a + b) + (c + d) + np.float64(vector[n])


@kernel
def _fit_epoch(
    vector: Out1[np.float32],
    velocity: Out1[np.float32],
    total: Out1[np.float64],
    errors: Out1[np.float64],
    origin: In1[np.float32],
    x: In2[np.float32],
    y: In1[np.uint8],
    order: In1[np.int64],
    batch: int,
    rate: float,
    momentum: float,
    decay: float,
    proximal: float,
    negative: float,
    positive: float,
) -> None:
    n = vector.size - 1
    stop = 0
    while stop < order.size:
        start = stop
        stop = min(start + batch, order.size)
        total[:] = 0.0
        # Rows are added one after the other; in blocks, so that exponentials overlap and `total` is read once for four.
        for first in range(start, stop, _BLOCK):
            n_rows = min(stop - first, _BLOCK)
            for k in range(n_rows):
                errors[k] = _logit(vector, x, order[first + k])
            for k in range(n_rows):
                errors[k] = _sigmoid(errors[k])
            for k in range(n_rows):
                label = y[order[first + k]]
                errors[k] = (errors[k] - label) * (positive if label else negative)
            whole = n_rows - n_rows % 4
            for k in range(0, whole, 4):
                e0, e1, e2, e3 = errors[k], errors[k + 1], errors[k + 2], errors[k + 3]
                x0, x1, x2, x3 = (
                    x[order[first + k]],
                    x[order[first + k + 1]],
                    x[order[first + k + 2]],
                    x[order[first + k + 3]],
                )
                for j in range(n):
                    added = total[j] + e0 * np.float64(x0[j])
                    added += e1 * np.float64(x1[j])
                    added += e2 * np.float64(x2[j])
                    total[j] = added + e3 * np.float64(x3[j])
                total[n] = (((total[n] + e0) + e1) + e2) + e3
            for k in range(whole, n_rows):
                row = order[first + k]
                for j in range(n):
                    total[j] += errors[k] * np.float64(x[row, j])
                total[n] += errors[k]
        for j in range(n + 1):
            # Every step is rounded to float32, as torch's are.
            step = np.float32(total[j] / (stop - start))
            if decay != 0.0:
                step = np.float32(np.float64(step) + decay * np.float64(vector[j]))
            if proximal != 0.0:
                moved = np.float32(vector[j] - origin[j])
                step = np.float32(np.float64(step) + proximal * np.float64(moved))
            if momentum != 0.0:
                kept = np.float32(momentum * np.float64(velocity[j]))
                step = np.float32(kept + step)
                velocity[j] = step
            vector[j] = np.float32(np.float64(vector[j]) - rate * np.float64(step))


@kernel
def _logits(vector: In1[np.float32], x: In2[np.float32], found: Out1[np.float64]) -> None:
    for row in range(found.size):
        found[row] = np.float64(np.float32(_logit(vector, x, row)))


@kernel
def _sigmoids(logits: In1[np.float64], found: Out1[np.float64]) -> None:
    for row in range(found.size):
        found[row] = _sigmoid(logits[row])


@kernel
def _shuffle(order: Out1[np.int64], words: In1[np.uint32]) -> None:
    """Fisher-Yates with the words' remainders, as torch's; biased by less than n / 2^32."""
    for i in range(words.size):
        j = i + np.int64(words[i]) % (order.size - i)
        order[i], order[j] = order[j], order[i]
