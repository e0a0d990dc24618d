"""Linear models with several outputs, or another loss than the logistic one: trained by minibatch SGD in numpy.

The update rule and the order of rows are those of `linear`; what is summed in a minibatch is summed by numpy, so the last bits
may differ between machines, as they may with torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.graph import Graph
from cipherward.learning import checks, linear
from cipherward.learning.linear import F32, F64, Linear, Shuffles
from cipherward.learning.outcome import Outcome, Outputs
from cipherward.study import Training


@dataclass
class LinearOutputs(Linear):
    """`vector`: the weights of each output in turn, then the biases; of `Outputs.is_shared`, one row of weights for all."""

    outputs: Outputs = field(default_factory=Outputs)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        size = self.outputs.size
        return ("weight", len(self.vector) - size), ("bias", size)

    def logits(self, vector: F32, x: F32) -> F64:
        """Float64[n], of several outputs float64[n, size], rounded to float32, with the parameters `vector`."""
        weights, biases = _parts(vector, self.outputs)
        checks.width(x, weights.shape[1])
        found = (x.astype(np.float64) @ weights.T + biases).astype(np.float32).astype(np.float64)
        return found[:, 0] if self.outputs.size == 1 else found

    def exported(self, graph: Graph, features: str) -> str:
        """The same in a graph: float64[rows, size]."""
        weights, biases = _parts(self.vector, self.outputs)
        return linear.of_graph(graph, features, np.ascontiguousarray(weights.T), biases)


def zeros(n_features: int, outputs: Outputs) -> LinearOutputs:
    """The model before training."""
    rows = 1 if outputs.is_shared else outputs.size
    return LinearOutputs(np.zeros(rows * n_features + outputs.size, dtype=np.float32), outputs)


def train(
    module: LinearOutputs,
    start: F32,
    features: F32,
    labels: NDArray[Any],
    settings: Training,
    seed: int,
    outcome: Outcome,
) -> F32:
    """As `sgd.train`, from checked rows."""
    vector, velocity, orders = start.copy(), np.zeros(len(start)), Shuffles(seed)
    for epoch in range(settings.local_epochs):
        order = orders.next(len(labels))
        for first in range(0, len(order), settings.batch_size):
            rows = order[first : first + settings.batch_size]
            x = features[rows]
            slopes = outcome.slopes(module.logits(vector, x), labels[rows])
            step = gradient(module.outputs, slopes, x) / len(rows)
            step += settings.weight_decay * vector + settings.proximal * (vector.astype(np.float64) - start)
            velocity = settings.momentum * velocity + step
            with np.errstate(over="ignore", invalid="ignore"):
                vector = (vector - settings.learning_rate * velocity).astype(np.float32)
        checks.finite(vector, module.groups, epoch)
    return vector


def gradient(outputs: Outputs, slopes: F64, x: F32) -> F64:
    """The sum over rows of the loss's derivatives by the parameters, float64[n_parameters], from those by the outputs."""
    each = slopes.reshape(len(x), -1)
    of_weights = each.sum(axis=1, keepdims=True) if outputs.is_shared else each
    return np.concatenate([(of_weights.T @ x.astype(np.float64)).reshape(-1), each.sum(axis=0)])


def _parts(vector: F32, outputs: Outputs) -> tuple[F64, F64]:
    """Weights float64[1 or size, d] and biases float64[size]."""
    weights, biases = np.split(vector.astype(np.float64), [len(vector) - outputs.size])
    return weights.reshape(1 if outputs.is_shared else outputs.size, -1), biases
