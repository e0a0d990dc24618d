"""Random words for noise, sampling and rounding: an AES-256-CTR keystream under a fresh key of the operating system.

A study's public seed never comes near it: whoever can repeat the noise can subtract it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

Randomness = Callable[[int], bytes]
"""Gives so many secret random bytes. `os.urandom` everywhere but in tests, which pass their own through Python."""

SYSTEM: Randomness = os.urandom


class Words:
    """An endless sequence of uniform 64-bit words. Not thread-safe."""

    def __init__(self, randomness: Randomness) -> None:
        key = randomness(32)
        if len(key) != 32:
            raise ValueError(f"the randomness source gave {len(key)} of 32 bytes")
        self._encryptor = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()

    def take(self, count: int) -> NDArray[np.uint64]:
        """The next `count` words, uint64[count]."""
        return np.frombuffer(self._encryptor.update(bytes(8 * count)), dtype="<u8")

    def fractions(self, count: int) -> NDArray[np.float64]:
        """Uniform in [0, 1) in steps of 2^-32, float64[count]."""
        return np.frombuffer(self._encryptor.update(bytes(4 * count)), dtype="<u4") * 2.0**-32

    def sample(self, n_rows: int, threshold: int) -> NDArray[np.int64]:
        """Row numbers, ascending, each in with probability exactly threshold / 2^53 independently (Poisson sampling)."""
        chosen: NDArray[np.int64] = np.flatnonzero((self.take(n_rows) >> np.uint64(11)) < np.uint64(threshold))
        return chosen
