"""From residues to lanes: Garner's mixed radix (Knuth, TAOCP 4.3.2), 32-bit limbs, noise check, unpacking.

Works on blocks of coefficients, so that the digits and limbs of a block stay in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, Out1, Out2, inlined, kernel
from cipherward.crypto import _ntt
from cipherward.crypto._jit import U32, U64
from cipherward.crypto._ntt import below, copy, times
from cipherward.crypto.params import RingParameters

BLOCK = 512
SPARE_LIMBS = 3
NOISE, OVERFLOW, RANGE, PADDING = range(4)


@dataclass(frozen=True)
class GarnerTables:
    """inverse[k, j] = 1 / p_j mod p_k for j < k, with Shoup companions; uint32[K, K], read-only."""

    inverse: U32
    inverse_shoup: U32


@lru_cache(maxsize=16)
def tables(ring: RingParameters) -> GarnerTables:
    """Garner's constants of a ring."""
    size = ring.n_primes
    inverse = np.zeros((size, size), np.uint32)
    companion = np.zeros((size, size), np.uint32)
    for k, prime in enumerate(ring.primes):
        values = np.array([pow(other, -1, prime) for other in ring.primes[:k]], np.uint64)
        inverse[k, :k] = values.astype(np.uint32)
        companion[k, :k] = _ntt.shoup(values, prime)
    inverse.flags.writeable = False
    companion.flags.writeable = False
    return GarnerTables(inverse, companion)


@kernel
def digits(
    residues: Out2[np.uint32], primes: In1[np.uint32], inverse: In2[np.uint32], inverse_s: In2[np.uint32]
) -> None:
    """Residues uint32[K, B], each below its prime, become mixed-radix digits in place: x = sum_k d_k prod_{j<k} p_j."""
    for k in range(1, primes.size):
        prime = primes[k]
        two_p = np.uint32(prime + prime)
        row = residues[k]
        for j in range(k):
            w = inverse[k, j]
            ws = inverse_s[k, j]
            digit = residues[j]
            for i in range(row.size):
                v = np.uint32(row[i] + np.uint32(two_p - digit[i]))
                row[i] = times(v, w, ws, prime)
        for i in range(row.size):
            row[i] = below(row[i], prime)


@kernel
def limbs_of(digit: Out2[np.uint32], primes: In1[np.uint32], limbs: Out2[np.uint32]) -> None:
    """Mixed-radix digits uint32[K, B] (overwritten) to little-endian limbs uint32[K + SPARE_LIMBS, B]; spare ones 0."""
    n_primes = primes.size
    copy(digit[n_primes - 1], limbs[0])
    limbs[1:] = np.uint32(0)
    for j in range(n_primes - 2, -1, -1):
        prime = np.uint64(primes[j])
        carry = digit[j]
        used = n_primes - 1 - j
        for limb in range(used):
            row = limbs[limb]
            for i in range(row.size):
                t = np.uint64(np.uint64(row[i]) * prime) + np.uint64(carry[i])
                row[i] = np.uint32(t)
                carry[i] = np.uint32(t >> np.uint64(32))
        copy(carry, limbs[used])


@inlined
def read_lanes(
    limbs: U32,
    shape: NDArray[np.int64],
    stride: int,
    words: U64,
    lanes: NDArray[np.int64],
    broken: NDArray[np.int64],
) -> None:
    """Check and unpack a block of values v + 2^(delta_bits - 1), as limbs uint32[*, B].

    Lane f of coefficient i goes to lanes[f * stride + i] where that index is below lanes.size; other lanes must be 0.
    shape: as in `open_blocks`; words: scratch uint64[B]. broken int64[4] counts noise beyond its bound, bits above the top word, lanes above the
    largest sum, non-zero padding.
    """
    delta_bits, word_bits, last_word_bits, lane_base = shape[0], shape[1], shape[2], shape[3]
    lanes_per_word, n_fields, max_noise, max_lane = shape[4], shape[5], shape[6], shape[7]
    size = limbs.shape[1]
    half = np.int64(1) << np.int64(delta_bits - 1)
    noise_mask = np.uint32((np.int64(1) << np.int64(delta_bits)) - np.int64(1))
    low = limbs[0]
    count = 0
    for i in range(size):
        count += int(abs(np.int64(low[i] & noise_mask) - half) > max_noise)
    broken[0] += count

    base, limit = np.uint64(lane_base), np.uint64(max_lane)
    position, f = delta_bits, 0
    while f < n_fields:
        n_digits = min(lanes_per_word, n_fields - f)
        width = word_bits if f + lanes_per_word < n_fields else last_word_bits
        read_words(limbs, position, width, words)
        position += width
        for digit in range(n_digits):
            valid = min(max(lanes.size - f * stride, 0), size)
            target = lanes[f * stride : f * stride + valid]
            is_last = digit == n_digits - 1  # what is left of an honest word is its last digit
            count, padding = 0, 0
            for i in range(size):
                rest = np.uint64(0) if is_last else words[i] // base
                value = words[i] - rest * base
                words[i] = rest
                if i < valid:
                    count += int(value > limit)
                    target[i] = np.int64(value)
                else:
                    padding += int(value != np.uint64(0))
            broken[2] += count
            broken[3] += padding
            f += 1
    broken[1] += count_above(limbs, position)


@inlined
def read_words(limbs: U32, position: int, width: int, words: NDArray[np.uint64]) -> None:
    """The `width` <= 62 bits from bit `position` on of each value, limbs uint32[*, B], into words uint64[B]."""
    low_limb = position >> 5
    offset = np.uint64(position & 31)
    first, second, third = limbs[low_limb], limbs[low_limb + 1], limbs[low_limb + 2]
    # Shifting by 64 is undefined; when nothing of the third limb is needed the mask removes it.
    rest = np.uint64(64) - offset if offset > np.uint64(0) else np.uint64(63)
    mask = np.uint64((np.uint64(1) << np.uint64(width)) - np.uint64(1))
    for i in range(words.size):
        pair = np.uint64(first[i]) | (np.uint64(second[i]) << np.uint64(32))
        words[i] = ((pair >> offset) | (np.uint64(third[i]) << rest)) & mask


@inlined
def count_above(limbs: U32, top: int) -> int:
    """How often a limb of limbs uint32[*, B] has a bit at or above bit `top` of its value."""
    count = 0
    if top < 32 * limbs.shape[0]:
        above = limbs[top >> 5]
        shift = np.uint32(top & 31)
        for i in range(above.size):
            count += int((above[i] >> shift) != 0)
        for limb in range((top >> 5) + 1, limbs.shape[0]):
            above = limbs[limb]
            for i in range(above.size):
                count += int(above[i] != 0)
    return count


@kernel
def open_blocks(
    residues: In2[np.uint32],
    primes: In1[np.uint32],
    inverse: In2[np.uint32],
    inverse_s: In2[np.uint32],
    shape: In1[np.int64],
    digit: Out2[np.uint32],
    limbs: Out2[np.uint32],
    words: Out1[np.uint64],
    lanes: Out1[np.int64],
    broken: Out1[np.int64],
) -> None:
    """Unpack one ciphertext's residues uint32[K, N] into lanes int64[*], from this ciphertext's first lane on.

    shape int64[8]: delta_bits, word_bits, last_word_bits, lane_base, lanes_per_word, lanes_per_coefficient, noise bound,
    largest lane sum. digit, limbs, words: scratch, for blocks of a divisor of N.
    """
    n = residues.shape[1]
    size = digit.shape[1]
    for block in range(n // size):
        begin = block * size
        for k in range(primes.size):
            copy(residues[k, begin : begin + size], digit[k])
        digits(digit, primes, inverse, inverse_s)
        limbs_of(digit, primes, limbs)
        rest = lanes[min(begin, lanes.size) :]
        read_lanes(limbs, shape, n, words, rest, broken)
