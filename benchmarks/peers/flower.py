"""Flower's SecAgg+, by its own functions, as its workflow and its mod call them: everybody is everybody's neighbour, nobody drops out."""

from __future__ import annotations

import os
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from flwr.common.secure_aggregation.ndarrays_arithmetic import (
    parameters_addition,
    parameters_mod,
    parameters_subtraction,
)
from flwr.common.secure_aggregation.quantization import dequantize, quantize
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
from flwr.compat.common.parameter import bytes_to_ndarray, ndarray_to_bytes

from work import N_PARAMETERS, N_PARTIES, Spent, report

# the defaults of SecAggPlusWorkflow
CLIPPING, QUANTIZATION, MODULUS = 8.0, 1 << 22, 1 << 32


def one_sum() -> tuple[Spent, int]:
    spent, vector = Spent(), [np.random.default_rng(1).normal(size=N_PARAMETERS)]
    dimensions, seeds = [vector[0].shape], [os.urandom(32) for _ in range(N_PARTIES)]
    pairs = {frozenset((i, j)): os.urandom(32) for i in range(N_PARTIES) for j in range(i)}

    def masked(me: int) -> bytes:
        sent = quantize(vector, CLIPPING, QUANTIZATION)
        sent = parameters_addition(sent, pseudo_rand_gen(seeds[me], MODULUS, dimensions))
        for other in set(range(N_PARTIES)) - {me}:
            mask = pseudo_rand_gen(pairs[frozenset((me, other))], MODULUS, dimensions)
            sent = (parameters_addition if me > other else parameters_subtraction)(sent, mask)
        update: bytes = ndarray_to_bytes(parameters_mod(sent, MODULUS)[0])
        return update

    updates = [spent.hospital(partial(masked, me)) for me in range(N_PARTIES)]

    def opened() -> Any:
        total = [np.zeros(N_PARAMETERS, np.int64)]
        for update in updates:
            total = parameters_addition(total, [bytes_to_ndarray(update)])
        for seed in seeds:
            total = parameters_subtraction(total, pseudo_rand_gen(seed, MODULUS, dimensions))
        return dequantize(parameters_mod(total, MODULUS), CLIPPING, QUANTIZATION)

    total = spent.server(opened)[0] - (N_PARTIES - 1) * CLIPPING
    if np.abs(total - N_PARTIES * np.clip(vector[0], -CLIPPING, CLIPPING)).max() > 1e-3:
        raise ValueError("the sum is not the sum of the vectors")
    return spent, len(updates[0])


report(version("flwr"), one_sum)
