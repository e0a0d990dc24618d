"""Compiled steps of `ring`, each over one ciphertext, so that its rows stay in the cache.

`first`, `first_s`, `second`, `second_s` are the forward or inverse twiddles and their companions, as in `_ntt`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, In3, Out1, Out2, Out3, inlined, kernel
from cipherward.crypto._jit import U32, U64
from cipherward.crypto._ntt import below, copy, forward, inverse, times
from cipherward.crypto.packing import n_outside, pack_row, unpack_row
from cipherward.crypto.sampling import binomial_into

BLOCK = 512
"""So many coefficients are put together at a time: they stay in the cache."""
_LOW30 = np.uint64(2**30 - 1)
_LOW32 = np.uint64(2**32 - 1)


@kernel
def transform_secret(
    secret: In1[np.int64],
    primes: In1[np.uint32],
    first: In2[np.uint32],
    first_s: In2[np.uint32],
    second: In3[np.uint32],
    second_s: In3[np.uint32],
    work: Out1[np.uint32],
    key: Out3[np.uint32],
) -> None:
    """NTT of small integers int64[N] (absolute value below 2^29) into key[0] uint32[K, N], Shoup companions in key[1].

    `work`: scratch uint32[N], 0 afterwards.
    """
    for k in range(primes.size):
        prime = primes[k]
        two_p = np.uint32(prime + prime)
        row = key[0, k]
        for i in range(row.size):
            row[i] = np.uint32(secret[i] + np.int64(prime))
        forward(row, work, prime, first[k], first_s[k], second[k], second_s[k])
        for i in range(row.size):
            value = below(row[i], two_p)
            row[i] = below(value, prime)
        companions(row, prime, key[1, k])
    work[:] = np.uint32(0)


@inlined
def companions(values: U32, prime: np.uint32, out: U32) -> None:
    """out[i] = floor(values[i] 2^32 / p) for values below p, without a division each.

    With m = floor(2^62 / p), value * m / 2^30 is less than 1 too small: the quotient or one less.
    """
    wide = np.uint64(prime)
    reciprocal = np.uint64(2**62) // wide
    for i in range(values.size):
        value = np.uint64(values[i])
        quotient = (value * reciprocal) >> np.uint64(30)
        rest = (value << np.uint64(32)) - quotient * wide
        out[i] = np.uint32(quotient + np.uint64(rest >= wide))


@kernel
def seal(
    lanes: In1[np.uint32],
    random: In1[np.uint64],
    a: In2[np.uint32],
    key: In3[np.uint32],
    weights: In2[np.uint64],
    primes: In1[np.uint32],
    fold: In2[np.uint32],
    first: In2[np.uint32],
    first_s: In2[np.uint32],
    second: In3[np.uint32],
    second_s: In3[np.uint32],
    noise: Out1[np.int8],
    sums: Out1[np.uint64],
    message: Out2[np.uint32],
    words: Out2[np.uint32],
) -> None:
    """One ciphertext a * s + NTT(e + 2^d m), packed into words uint32[K, 15 N / 16].

    lanes uint32[F * N]; random uint64[2 N] becomes e; a uint32[K, N]; weights[k, f] = 2^d lane_weight(f) mod p_k;
    fold[k] is 2^30 mod p_k with its companion. Scratch: noise int8[N], sums uint64[a divisor of N], message uint32[K + 1, N].
    """
    binomial_into(random, noise)
    encode(lanes, noise, weights, primes, fold, sums, message)
    work = message[primes.size]
    for k in range(primes.size):
        prime = primes[k]
        two_p = np.uint32(prime + prime)
        x, public, secret, companion = message[k], a[k], key[0, k], key[1, k]
        forward(x, work, prime, first[k], first_s[k], second[k], second_s[k])
        for i in range(x.size):
            value = times(public[i], secret[i], companion[i], prime)
            value = np.uint32(value + below(x[i], two_p))
            value = below(value, two_p)
            x[i] = below(value, prime)
        pack_row(x, words[k])


@inlined
def encode(lanes: U32, noise: NDArray[np.int8], weights: U64, primes: U32, fold: U32, sums: U64, message: U32) -> None:
    """Residues, in [0, 4p), of e + 2^d m into message uint32[>= K, N].

    A weighted sum of F lanes stays below 2^61: F * bits < 30 * 64, bits <= 24, weights are below 2^30. Blocks of
    coefficients keep the lanes in the cache while every prime reads them.
    """
    n = noise.size
    n_fields = weights.shape[1]
    size = sums.size
    for block in range(n // size):
        begin = block * size
        for k in range(primes.size):
            prime = primes[k]
            sums[:] = np.uint64(0)
            f = 0
            while f < n_fields:
                lane0 = lanes[f * n + begin : f * n + begin + size]
                w0 = weights[k, f]
                if f + 1 < n_fields:
                    lane1 = lanes[(f + 1) * n + begin : (f + 1) * n + begin + size]
                    w1 = weights[k, f + 1]
                    for i in range(size):
                        sums[i] += np.uint64(lane0[i]) * w0 + np.uint64(lane1[i]) * w1
                else:
                    for i in range(size):
                        sums[i] += np.uint64(lane0[i]) * w0
                f += 2
            w, ws = fold[k, 0], fold[k, 1]
            row = message[k, begin : begin + size]
            for i in range(size):
                high = times(np.uint32(sums[i] >> np.uint64(30)), w, ws, prime)
                low = np.uint32(sums[i] & _LOW30)
                value = np.uint32(below(high, prime) + below(low, prime))
                row[i] = np.uint32(value + np.uint32(np.int64(prime) + np.int64(noise[begin + i])))


@kernel
def remove_mask(
    total: In2[np.uint32],
    key: In3[np.uint32],
    primes: In1[np.uint32],
    scale: In2[np.uint32],
    first: In2[np.uint32],
    first_s: In2[np.uint32],
    second: In3[np.uint32],
    second_s: In3[np.uint32],
    delta_bits: int,
    work: Out1[np.uint32],
    a: Out2[np.uint32],
) -> None:
    """a uint32[K, N] becomes the residues, each below its prime, of (total - a * s) + 2^(delta_bits - 1)."""
    for k in range(primes.size):
        prime = primes[k]
        two_p = np.uint32(prime + prime)
        x, c, secret, companion = a[k], total[k], key[0, k], key[1, k]
        for i in range(x.size):
            value = times(x[i], secret[i], companion[i], prime)
            value = np.uint32(c[i] + np.uint32(two_p - value))
            x[i] = below(value, two_p)
        inverse(x, work, prime, first[k], first_s[k], second[k], second_s[k])
        w, ws = scale[k, 0], scale[k, 1]
        half = np.uint32((np.int64(1) << np.int64(delta_bits - 1)) % np.int64(prime))
        for i in range(x.size):
            value = times(x[i], w, ws, prime)
            value = below(value, prime)
            value = np.uint32(value + half)
            x[i] = below(value, prime)


@kernel
def inner_products(
    rows: In2[np.uint32],
    rho: Out2[np.uint32],
    primes: In1[np.uint32],
    scratch: Out1[np.uint32],
    total: Out2[np.uint32],
) -> bool:
    """total uint32[5, K] += <rho_v, row_k> mod p_k; rho is masked to 30 bits, in place. False if a residue is not below p_k.

    rows uint32[K, N], or packed uint32[K, 15 N / 16].
    """
    packed = rows.shape[1] != scratch.size
    outside = 0
    for v in range(rho.shape[0]):
        factor = rho[v]
        for i in range(factor.size):
            factor[i] &= np.uint32(_LOW30)
    for k in range(primes.size):
        if packed:
            unpack_row(rows[k], scratch)
        else:
            copy(rows[k], scratch)
        outside += n_outside(scratch, primes[k])
        if outside:
            return False
        for v in range(rho.shape[0]):
            total[v, k] = inner_product(scratch, rho[v], np.uint64(primes[k]), np.uint64(total[v, k]))
    return True


@inlined
def inner_product(x: U32, y: U32, prime: np.uint64, before: np.uint64) -> np.uint32:
    """before + <x, y> modulo p, for values below 2^30 and at most 2^16 of them, a multiple of 16.

    Sixteen products fit 64 bits; their sums are added as two halves, each below 2^32.
    """
    low = np.uint64(0)
    high = np.uint64(0)
    columns = min(x.size // 16, 64)
    stride = np.uint64(columns)  # unsigned: nothing asks whether an index is negative
    for block in range(x.size // (16 * columns)):
        begin = 16 * columns * block
        a = x[begin : begin + 16 * columns]
        b = y[begin : begin + 16 * columns]
        for i in range(columns):
            part = np.uint64(0)
            for j in range(16):
                at = np.uint64(i) + np.uint64(j) * stride
                part += np.uint64(a[at]) * np.uint64(b[at])
            low += part & _LOW32
            high += part >> np.uint64(32)
    value = (high % prime) * (np.uint64(2**32) % prime) + low % prime + before
    return np.uint32(value % prime)
