"""What an attacker can try with one hospital's ciphertext of scheme quorum, without the secrets that open a sum.

That it says nothing rests on the hardness of ring learning with errors (docs/security.md). No experiment shows that: these are checks that
the software does not leak in some simpler way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import ring
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.crypto.scheme import SumTask

Lanes = NDArray[np.uint32]


class Sealed:
    """Ciphertexts of one sum of so many lanes, made by the scheme itself for as many hospitals as there are."""

    def __init__(self, n_lanes: int, bits: int, n_hospitals: int) -> None:
        n = max(n_hospitals, 3)
        self.task = SumTask(os.urandom(32), n, thresholds.derive(n).threshold, bits, n_lanes, n_lanes, n_lanes)
        self._scheme = QuorumScheme()
        self._parameters = parameters_of(self.task)
        self._keys = {index: self._scheme.make_key(os.urandom(96))[1] for index in range(1, n + 1)}

    def encrypt(self, lanes: Lanes) -> bytes:
        """A hospital's payload, under a fresh one-time secret."""
        return self._scheme.protect(self.task, 1, lanes, self._keys, os.urandom(32)).payload

    def as_lanes(self, payload: bytes) -> NDArray[np.int64]:
        """A ciphertext decoded as if its secret were zeros: int64[n_lanes], each at most 2^bits - 2. Of zeros it gives the lanes themselves."""
        parameters, n = self._parameters, self._parameters.ring.ring_degree
        residues = self._coefficients(payload)
        fields = parameters.lanes_per_coefficient
        top, half = (1 << self.task.bits) - 2, 1 << (parameters.delta_bits - 1)
        found = np.empty(self.task.n_lanes, np.int64)
        for lane in range(self.task.n_lanes):
            value = self._whole(residues[lane // (fields * n), :, lane % n])
            word = (value + half) % parameters.ring.modulus >> parameters.delta_bits
            found[lane] = min(word // parameters.lane_weight((lane // n) % fields) % parameters.lane_base, top)
        return found

    def likelier(self, payload: bytes, candidates: Sequence[Lanes]) -> int:
        """Which of some contributions a ciphertext looks like: the one that is nearest to it when encrypted under a secret of zeros."""
        primes = np.array(self._parameters.ring.primes, np.int64)[None, :, None]
        zeros = np.zeros(self._parameters.ring.ring_degree, np.int8)
        seen = self._coefficients(payload)
        apart = []
        for lanes in candidates:
            tried = ring.encrypt(self._parameters, bytes(32), zeros, os.urandom(32), lanes)
            difference = (seen - self._coefficients(tried)) % primes
            apart.append(float(np.minimum(difference, primes - difference).mean()))
        return int(np.argmin(apart))

    def _coefficients(self, payload: bytes) -> NDArray[np.int64]:
        return ring.coefficients(self._parameters, ring.unpack_sum(self._parameters, payload)).astype(np.int64)

    def _whole(self, residues: NDArray[np.int64]) -> int:
        """The integer below q with these residues, by the Chinese remainder theorem."""
        q = self._parameters.ring.modulus
        parts = zip(residues.tolist(), self._parameters.ring.primes, strict=True)
        found: int = sum(residue * (q // prime) * pow(q // prime, -1, prime) for residue, prime in parts) % q
        return found
