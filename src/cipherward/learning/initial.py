"""First weights of the built-in models: the same bits on every machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_INIT = 0x696E6974  # "init": keeps these words apart from those that shuffle rows


def words(seed: int) -> np.random.PCG64:
    """A model's source of randomness; layers draw from it in turn."""
    return np.random.PCG64(np.random.SeedSequence((_INIT, seed)))


def uniform(source: np.random.PCG64, n: int, fan_in: int) -> NDArray[np.float32]:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), float32[n]."""
    # 53-bit fractions are exact in float64; raw PCG64 words are the same in every numpy release.
    unit = (source.random_raw(n) >> np.uint64(11)) * 2.0**-53
    return ((2.0 * unit - 1.0) * (1.0 / math.sqrt(fan_in))).astype(np.float32)
