"""Shamir sharing of vectors over a prime field (Shamir 1979), most shares as seeds.

Hospital i of n holds the value at point i. The polynomial of degree threshold - 1 is fixed by the secret at 0 and by
threshold - 1 seed holders, whose uniform shares are expanded from 32-byte seeds; the other holders' shares are
evaluated. Any threshold shares determine the secret, fewer are uniform and say nothing about it (given that the seeds'
expansions are indistinguishable from uniform).

Share vectors are uint32[N] with values below `share_modulus`, which is 65521 or 2^31 - 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In2, Out1, Out2, inlined, kernel
from cipherward.crypto._jit import U32, U64, BytesLike
from cipherward.crypto._ntt import copy
from cipherward.crypto.params import SumParameters
from cipherward.crypto.sampling import Xof, uniform_into
from cipherward.errors import WireError

N_CHALLENGES = 8
"""Public vectors of a challenge: eight over a 16-bit field miss a difference with probability 2^-127; of one alone, a
liar can try a hundred thousand releases until it misses."""

_LOW32 = np.uint64(2**32 - 1)
_BLOCK = 256


def share(
    params: SumParameters, secret: NDArray[np.signedinteger], seeded: Mapping[int, U32], holders: Sequence[int]
) -> dict[int, U32]:
    """The full shares of the given holders, uint32[N] each.

    Args:
        secret: N signed integers of absolute value below share_modulus / 2.
        seeded: of threshold - 1 holders their shares, each expanded from 32 fresh secret random bytes.
        holders: who else gets a share; 1..n_hospitals, none of them in `seeded`.

    Raises:
        ValueError: an argument is out of range.
    """
    modulus = params.share_modulus
    _check_points([*seeded, *holders], params.n_hospitals)
    if len(seeded) != params.threshold - 1:
        raise ValueError(f"threshold {params.threshold} needs {params.threshold - 1} seeds, not {len(seeded)}")
    wide = secret.astype(np.int64)
    if wide.shape != (params.ring.ring_degree,) or int(np.abs(wide).max()) * 2 >= modulus:
        raise ValueError(f"a secret is {params.ring.ring_degree} integers below {modulus} / 2")
    order = sorted(seeded)
    known = np.empty((params.threshold, wide.size), np.uint32)
    known[0] = wide % modulus
    for row, holder in enumerate(order, start=1):
        known[row] = seeded[holder]
    values = evaluate([0, *order], known, holders, modulus)
    known[:] = 0
    wide[:] = 0
    return dict(zip(holders, values, strict=True))


def expand_share(params: SumParameters, seed: bytes) -> U32:
    """The share that a 32-byte seed stands for: the first N uniform values of its stream (0, 0), uint32[N]."""
    values = np.empty(params.ring.ring_degree, np.uint32)
    uniform_into(Xof(seed), (0, 0), params.share_modulus, values)
    return values


def pack(params: SumParameters, values: U32) -> bytes:
    """A share vector as `share_bytes` bytes, little-endian, 2 or 4 bytes for each value.

    Raises:
        ValueError: not uint32[N] below the share modulus.
    """
    if values.shape != (params.ring.ring_degree,) or int(values.max()) >= params.share_modulus:
        raise ValueError(f"a share is {params.ring.ring_degree} values below {params.share_modulus}")
    return values.astype(f"<u{params.share_value_bytes}").tobytes()


def unpack(params: SumParameters, packed: BytesLike) -> U32:
    """Inverse of `pack`: uint32[N].

    Raises:
        WireError: wrong length, or a value that is not below the share modulus.
    """
    return _values(params, packed, params.ring.ring_degree, "a share")


def unpack_slice(params: SumParameters, packed: BytesLike) -> U32:
    """One slice of a packed share: uint32[slice_values].

    Raises:
        WireError: as `unpack`.
    """
    return _values(params, packed, params.slice_values, "a slice of a share")


def _values(params: SumParameters, packed: BytesLike, n_values: int, what: str) -> U32:
    n_bytes, expected = memoryview(packed).nbytes, n_values * params.share_value_bytes
    if n_bytes != expected:
        raise WireError(f"{what} has {n_bytes} bytes, {expected} expected")
    values = np.frombuffer(packed, f"<u{params.share_value_bytes}").astype(np.uint32)
    if int(values.max()) >= params.share_modulus:
        raise WireError(f"{what} holds a value that is not below {params.share_modulus}")
    return values


def add_shares(params: SumParameters, shares: Iterable[U32]) -> U32:
    """The sum of one holder's shares of several secrets: its share, uint32[N], of the sum of the secrets."""
    total = np.zeros(params.ring.ring_degree, np.uint64)
    for values in shares:  # at most 2^20 of 31 bits
        total += values
    return (total % np.uint64(params.share_modulus)).astype(np.uint32)


@lru_cache(maxsize=2)
def challenge_vectors(params: SumParameters, seed: bytes) -> U32:
    """The public vectors of a challenge from its 32-byte seed, uint32[N_CHALLENGES, N], uniform below the modulus."""
    vectors = np.empty((N_CHALLENGES, params.ring.ring_degree), np.uint32)
    for row, vector in enumerate(vectors):
        uniform_into(Xof(seed), (row, 0), params.share_modulus, vector)
    return vectors


def inner_products(vectors: U32, values: U32, modulus: int) -> U32:
    """<vector, values> modulo `modulus` (at most 31 bits) for each vector: uint32[k] of uint32[k, N] and uint32[N]."""
    products = vectors.astype(np.uint64) * values.astype(np.uint64) % np.uint64(modulus)
    found: U32 = (products.sum(axis=1) % np.uint64(modulus)).astype(np.uint32)
    return found


def interpolate_at_zero(params: SumParameters, points: Sequence[int], shares: Sequence[U32] | U32) -> NDArray[np.int32]:
    """The secret, int32[N] within +-share_modulus / 2, from the first `threshold` of the given shares.

    Extra shares are not looked at: see `consistent`.

    Raises:
        ValueError: fewer than `threshold` shares, or points that are not distinct holders.
    """
    known, t = _stack(params, points, shares), params.threshold
    wide: NDArray[np.int64] = evaluate(points[:t], known[:t], [0], params.share_modulus)[0].astype(np.int64)
    wide[wide > params.share_modulus // 2] -= params.share_modulus
    return wide.astype(np.int32)


def consistent(params: SumParameters, points: Sequence[int], shares: Sequence[U32] | U32) -> bool:
    """Whether all given shares lie on one polynomial of degree below `threshold`, in every coefficient.

    With exactly `threshold` shares that is always so: it takes one more to notice a wrong one.

    Raises:
        ValueError: fewer than `threshold` shares, or points that are not distinct holders.
    """
    known, t = _stack(params, points, shares), params.threshold
    expected = evaluate(points[:t], known[:t], points[t:], params.share_modulus)
    return bool(np.array_equal(expected, known[t:]))


def lagrange(known: Sequence[int], wanted: Sequence[int], modulus: int) -> U32:
    """Coefficients uint32[wanted, known]: f(x) = sum_j out[x, j] f(known_j) for deg f < len(known); distinct points."""
    return _lagrange(tuple(known), tuple(wanted), modulus)


# A dealer's are the same in every sum of the same holders.
@lru_cache(maxsize=64)
def _lagrange(known: tuple[int, ...], wanted: tuple[int, ...], modulus: int) -> U32:
    p = np.int64(modulus)
    nodes = np.array(known, np.int64)
    difference = (nodes[:, None] - nodes[None, :]) % p
    np.fill_diagonal(difference, 1)
    weights = _product(difference, modulus)
    gaps = np.array(wanted, np.int64)[:, None] - nodes[None, :]
    full = _product(gaps % p, modulus)
    inverse_weights = _inverse(weights, modulus)[None, :] * full[:, None] % p
    found: U32 = (_inverse_of_gaps(gaps, modulus) * inverse_weights % p).astype(np.uint32)
    found.setflags(write=False)
    return found


def _product(values: NDArray[np.int64], modulus: int) -> NDArray[np.int64]:
    """Of each row, modulo a prime below 2^31."""
    while values.shape[1] > 1:
        half = values.shape[1] // 2
        pairs = values[:, :half] * values[:, half : 2 * half] % modulus
        values = np.concatenate([pairs, values[:, 2 * half :]], axis=1)
    return values[:, 0]


def _inverse_of_gaps(gaps: NDArray[np.int64], modulus: int) -> NDArray[np.int64]:
    """1 / gap for each; most differences of indices on a roster occur many times."""
    sizes = np.abs(gaps)
    largest = int(sizes.max(initial=0))
    if largest >= gaps.size:
        return _inverse(gaps % modulus, modulus)
    inverses = _inverse(np.arange(largest + 1), modulus)[sizes]
    return np.where(gaps < 0, (modulus - inverses) % modulus, inverses)


def _inverse(values: NDArray[np.int64], modulus: int) -> NDArray[np.int64]:
    # Fermat, elementwise: moduli are prime and below 2^31, so that squares fit.
    result = np.ones_like(values)
    power = values % modulus
    exponent = modulus - 2
    while exponent:
        if exponent & 1:
            result = result * power % modulus
        power = power * power % modulus
        exponent >>= 1
    return result


def evaluate(known: Sequence[int], values: U32, wanted: Sequence[int], modulus: int) -> U32:
    """Polynomials of degree < len(known), given at the points `known`, at other points.

    Args:
        known: distinct points. values: uint32[known, columns] below `modulus`, one polynomial in each column.
        modulus: a prime of at most 31 bits.

    Returns:
        uint32[wanted, columns].
    """
    out = np.empty((len(wanted), values.shape[1]), np.uint32)
    if len(wanted):
        size = min(values.shape[1], _BLOCK)
        low, high = np.empty((2, size), np.uint64)
        part = np.empty((values.shape[0], size), np.uint32)
        _combine(lagrange(known, wanted, modulus), values, np.uint64(modulus), part, low, high, out)
        for used in (part, low, high):
            used.fill(0)
    return out


@kernel
def _combine(
    coefficients: In2[np.uint32],
    values: In2[np.uint32],
    modulus: np.uint64,
    part: Out2[np.uint32],
    low: Out1[np.uint64],
    high: Out1[np.uint64],
    out: Out2[np.uint32],
) -> None:
    # A product below 2^32, or each half of a longer one, so that 2^32 of them fit before one reduction. Columns are taken to
    # `part`, where those of a block lie together: rows whose distance is a power of two would evict each other.
    n, is_short = values.shape[1], modulus >> np.uint64(15) == np.uint64(1)
    block = part.shape[1]
    for place in range((n + block - 1) // block):
        begin = place * block
        size = min(block, n - begin)
        for j in range(values.shape[0]):
            copy(values[j, begin : begin + size], part[j, :size])
        for row in range(out.shape[0]):
            low[:] = np.uint64(0)
            high[:] = np.uint64(0)
            pairs = values.shape[0] // 2 if is_short else 0
            for pair in range(pairs):
                j = 2 * pair
                f0, f1 = np.uint64(coefficients[row, j]), np.uint64(coefficients[row, j + 1])
                v0, v1 = part[j, :size], part[j + 1, :size]
                for i in range(size):
                    low[i] += np.uint64(v0[i]) * f0 + np.uint64(v1[i]) * f1
            for j in range(2 * pairs, values.shape[0]):
                factor = np.uint64(coefficients[row, j])
                column = part[j, :size]
                for i in range(size):
                    product = np.uint64(column[i]) * factor
                    low[i] += product & _LOW32
                    high[i] += product >> np.uint64(32)
            target = out[row, begin : begin + size]
            if is_short:
                reduce_short(low, modulus, target)
                continue
            carry = np.uint64(2**32) % modulus
            for i in range(size):
                target[i] = np.uint32(((high[i] % modulus) * carry + low[i] % modulus) % modulus)


@inlined
def reduce_short(sums: U64, modulus: np.uint64, out: U32) -> None:
    """out[i] = sums[i] mod a modulus of 16 bits, for sums below 2^52, without a division each.

    Once its upper half is folded a sum is below 2^37, and 2^42 / modulus below 2^27: the quotient or one less.
    """
    fold, reciprocal = np.uint64(2**32) % modulus, np.uint64(2**42) // modulus
    for i in range(out.size):
        value = (sums[i] >> np.uint64(32)) * fold + (sums[i] & _LOW32)
        rest = value - ((value * reciprocal) >> np.uint64(42)) * modulus
        out[i] = np.uint32(min(rest, rest - modulus))


def _stack(params: SumParameters, points: Sequence[int], shares: Sequence[U32] | U32) -> U32:
    _check_points(points, params.n_hospitals)
    if len(points) < params.threshold or len(points) != len(shares):
        raise ValueError(f"{len(points)} point(s) and {len(shares)} share(s) for a threshold of {params.threshold}")
    known = np.ascontiguousarray(np.stack(list(shares)))
    if known.dtype != np.uint32 or known.shape[1:] != (params.ring.ring_degree,):
        raise ValueError(f"shares are uint32[{params.ring.ring_degree}]")
    if int(known.max()) >= params.share_modulus:
        raise ValueError(f"a share holds a value that is not below {params.share_modulus}")
    return known


def _check_points(points: Sequence[int], n_hospitals: int) -> None:
    if len(set(points)) != len(points) or any(not 1 <= point <= n_hospitals for point in points):
        raise ValueError(f"holders must be distinct and between 1 and {n_hospitals}")
