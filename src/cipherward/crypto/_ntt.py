"""Negacyclic number-theoretic transform on rows of residues, laid out so that every inner loop vectorises.

A row of N = rows * columns coefficients is read as a matrix, first index most significant. The first log2(rows) levels
of the usual decimation (Longa-Naehrig 2016, Harvey's lazy Shoup butterflies, arXiv 1205.2926) combine whole rows of the
matrix; it is then transposed, and the remaining levels again combine whole rows. No level has a short inner loop, and
the values stay in transposed order, which is this package's *NTT form*:

    position c * rows + b  holds the polynomial at psi ** (2 * (rev(c) * rows + rev(b)) + 1)

where rev reverses the log2(columns) bits of c and the log2(rows) bits of b, rows = 2 ** (log2(N) // 2), and
psi = g ** ((p - 1) / 2N) for the smallest quadratic non-residue g >= 2 of p, so that psi ** N = -1.

Nothing here claims constant time: the arithmetic has no secret-dependent branch or index in the source, but the
compiler's output has not been examined for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, Out1, inlined, kernel
from cipherward.crypto._jit import U32, U64
from cipherward.crypto.params import RingParameters

Twiddles = tuple[U32, U32, U32, U32]
"""first uint32[K, rows] and its Shoup companions, second uint32[K, columns, rows] and its Shoup companions."""


@dataclass(frozen=True)
class NttTables:
    """Constants of every prime. A companion of w is floor(w * 2^32 / p). All arrays are read-only.

    primes uint32[K]. up, down: forward and inverse twiddles; the last axis of `second` runs over the row that a block
    came from. scale, fold: 1 / N and 2^30 modulo each prime with companions, uint32[K, 2].
    """

    primes: U32
    up: Twiddles
    down: Twiddles
    scale: U32
    fold: U32


def shoup(values: U64, modulus: int) -> U32:
    """floor(value * 2^32 / modulus) for values below a modulus below 2^31."""
    return ((values << np.uint64(32)) // np.uint64(modulus)).astype(np.uint32)


def root_of_unity(ring_degree: int, prime: int) -> int:
    """psi of the module's docstring: a primitive 2N-th root of unity modulo `prime`."""
    generator = next(g for g in count(2) if pow(g, (prime - 1) // 2, prime) == prime - 1)
    return pow(generator, (prime - 1) // (2 * ring_degree), prime)


def reversed_bits(n_values: int) -> NDArray[np.int64]:
    """Bit reversal of 0..n_values-1 (a power of two)."""
    reverse = np.zeros(1, np.int64)
    while reverse.size < n_values:
        reverse = np.concatenate([2 * reverse, 2 * reverse + 1])
    return reverse


def rows_of(ring_degree: int) -> int:
    """Number of rows of the matrix that a polynomial is read as."""
    return 1 << ((ring_degree.bit_length() - 1) // 2)


def _powers(base: int, n_values: int, prime: int) -> U64:
    powers = np.ones(1, np.uint64)
    while powers.size < n_values:
        step = np.uint64(pow(base, powers.size, prime))
        powers = np.concatenate([powers, powers * step % np.uint64(prime)])
    return powers


def _arranged(ring_degree: int, prime: int, base: int) -> tuple[U64, U64]:
    rows = rows_of(ring_degree)
    columns = ring_degree // rows
    by_level = _powers(base, ring_degree, prime)[reversed_bits(ring_degree)]
    second = np.zeros((columns, rows), np.uint64)
    blocks = 1
    while blocks < columns:
        level = by_level[rows * blocks : 2 * rows * blocks].reshape(rows, blocks)
        second[blocks : 2 * blocks] = level.T
        blocks *= 2
    return by_level[:rows], second


@lru_cache(maxsize=16)
def tables(ring: RingParameters) -> NttTables:
    """The constants of a ring; about 16 N K bytes, computed once per process."""
    n = ring.ring_degree
    psi = {prime: root_of_unity(n, prime) for prime in ring.primes}
    constants = {
        "scale": {prime: pow(n, -1, prime) for prime in ring.primes},
        "fold": {prime: 2**30 % prime for prime in ring.primes},
    }
    pairs = {
        name: _read_only([np.array([value, (value << 32) // prime]) for prime, value in values.items()])
        for name, values in constants.items()
    }
    return NttTables(
        _read_only([np.array(ring.primes)])[0],
        _twiddles(n, psi),
        _twiddles(n, {prime: pow(root, -1, prime) for prime, root in psi.items()}),
        pairs["scale"],
        pairs["fold"],
    )


def _twiddles(ring_degree: int, roots: dict[int, int]) -> Twiddles:
    parts = [(prime, *_arranged(ring_degree, prime, root)) for prime, root in roots.items()]
    return (
        _read_only([first for _, first, _ in parts]),
        _read_only([shoup(first, prime) for prime, first, _ in parts]),
        _read_only([second for _, _, second in parts]),
        _read_only([shoup(second, prime) for prime, _, second in parts]),
    )


def _read_only(rows: list[NDArray[Any]]) -> U32:
    stacked = np.ascontiguousarray(np.stack(rows).astype(np.uint32))
    stacked.flags.writeable = False
    return stacked


@inlined
def below(value: np.uint32, bound: np.uint32) -> np.uint32:
    """value - bound if that is not negative, else value; for value below 2 * bound the remainder, without a branch."""
    return np.uint32(min(value, np.uint32(value - bound)))


@inlined
def times(value: np.uint32, w: np.uint32, w_companion: np.uint32, prime: np.uint32) -> np.uint32:
    """value * w mod prime, in [0, 2p), for any value below 2^32 and w < p with its companion."""
    quotient = np.uint32((np.uint64(value) * np.uint64(w_companion)) >> np.uint64(32))
    return np.uint32(np.uint32(value * w) - np.uint32(quotient * prime))


@inlined
def copy(source: U32, target: U32) -> None:
    """target[i] = source[i]. An assignment of slices could raise an error, which no kernel can."""
    for i in range(target.size):
        target[i] = source[i]


@inlined
def transpose(source: U32, target: U32) -> None:
    """target[c, r] = source[r, c], tile by tile: strides that are powers of two would evict each other."""
    tile = min(source.shape[0], source.shape[1], 16)
    for r0 in range(source.shape[0] // tile):
        for c0 in range(source.shape[1] // tile):
            for c in range(c0 * tile, (c0 + 1) * tile):
                for r in range(r0 * tile, (r0 + 1) * tile):
                    target[c, r] = source[r, c]


def matrix(row: U32, rows: int, columns: int) -> U32:
    """The same memory as uint32[rows, columns]. `kernels.make` says how it is compiled: `reshape` could raise an error."""
    return row.reshape(rows, columns)


@kernel
def forward(
    x: Out1[np.uint32],
    work: Out1[np.uint32],
    prime: np.uint32,
    first: In1[np.uint32],
    first_s: In1[np.uint32],
    second: In2[np.uint32],
    second_s: In2[np.uint32],
) -> None:
    """Transform x: uint32[N] in place, values in [0, 4p) before and after; `work` uint32[N] is overwritten."""
    rows = first.size
    columns = x.size // rows
    two_p = np.uint32(prime + prime)
    a = matrix(x, rows, columns)
    half = rows // 2
    blocks = 1
    while half > 0:
        for block in range(blocks):
            w = first[blocks + block]
            ws = first_s[blocks + block]
            for row in range(2 * block * half, 2 * block * half + half):
                for c in range(columns):
                    u = a[row, c]
                    u = below(u, two_p)
                    v = a[row + half, c]
                    v = times(v, w, ws, prime)
                    a[row, c] = u + v
                    a[row + half, c] = u + np.uint32(two_p - v)
        blocks *= 2
        half //= 2
    b = matrix(work, columns, rows)
    transpose(a, b)
    half = columns // 2
    blocks = 1
    while half > 0:
        for block in range(blocks):
            for row in range(2 * block * half, 2 * block * half + half):
                for c in range(rows):
                    u = b[row, c]
                    u = below(u, two_p)
                    v = b[row + half, c]
                    v = times(v, second[blocks + block, c], second_s[blocks + block, c], prime)
                    b[row, c] = u + v
                    b[row + half, c] = u + np.uint32(two_p - v)
        blocks *= 2
        half //= 2
    copy(work, x)


@kernel
def inverse(
    x: Out1[np.uint32],
    work: Out1[np.uint32],
    prime: np.uint32,
    first: In1[np.uint32],
    first_s: In1[np.uint32],
    second: In2[np.uint32],
    second_s: In2[np.uint32],
) -> None:
    """Undo `forward` up to a factor N: x uint32[N] in place, values in [0, 2p) before and after."""
    rows = first.size
    columns = x.size // rows
    two_p = np.uint32(prime + prime)
    copy(x, work)
    b = matrix(work, columns, rows)
    blocks = columns // 2
    half = 1
    while blocks > 0:
        for block in range(blocks):
            for row in range(2 * block * half, 2 * block * half + half):
                for c in range(rows):
                    u = b[row, c]
                    v = b[row + half, c]
                    s = np.uint32(u + v)
                    b[row, c] = below(s, two_p)
                    v = np.uint32(u + np.uint32(two_p - v))
                    b[row + half, c] = times(v, second[blocks + block, c], second_s[blocks + block, c], prime)
        blocks //= 2
        half *= 2
    a = matrix(x, rows, columns)
    transpose(b, a)
    blocks = rows // 2
    half = 1
    while blocks > 0:
        for block in range(blocks):
            w = first[blocks + block]
            ws = first_s[blocks + block]
            for row in range(2 * block * half, 2 * block * half + half):
                for c in range(columns):
                    u = a[row, c]
                    v = a[row + half, c]
                    s = np.uint32(u + v)
                    a[row, c] = below(s, two_p)
                    v = np.uint32(u + np.uint32(two_p - v))
                    a[row + half, c] = times(v, w, ws, prime)
        blocks //= 2
        half *= 2
