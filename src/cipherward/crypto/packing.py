"""Ring elements as bytes, 30 bits for each residue.

A row of N residues (N a multiple of 16) takes 15 N / 16 little-endian 32-bit words, with no spare bit. Residues
0 .. 15 N / 16 - 1 are the low 30 bits of words 0 .. 15 N / 16 - 1. The last N / 16 residues ride in the words' top two
bits: the word at h * N / 16 + g (0 <= h < 15, 0 <= g < N / 16) holds in bits 30 and 31 the bits 2h and 2h + 1 of residue
15 N / 16 + g. Every loop over a row is contiguous, which an ordinary 30-bit stream is not. Rows follow each other in the
order ciphertext, prime. Each residue is below its prime, so one value has one encoding.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from cipherward.compiled import In1, In2, Out1, Out2, inlined, kernel
from cipherward.crypto._jit import U32, BytesLike
from cipherward.crypto._ntt import below
from cipherward.crypto.params import SumParameters
from cipherward.errors import WireError

_LOW = np.uint32(2**30 - 1)


@inlined
def pack_row(residues: U32, words: U32) -> None:
    """residues uint32[N], each below 2^30, into words uint32[15 N / 16]."""
    group = residues.size // 16
    rest = residues[15 * group :]
    for h in range(15):
        shift = np.uint32(2 * h)
        source = residues[h * group : (h + 1) * group]
        target = words[h * group : (h + 1) * group]
        for g in range(group):
            target[g] = source[g] | np.uint32(((rest[g] >> shift) & np.uint32(3)) << np.uint32(30))


@inlined
def unpack_row(words: U32, residues: U32) -> None:
    """Inverse of `pack_row`."""
    group = residues.size // 16
    rest = residues[15 * group :]
    rest[:] = np.uint32(0)
    for h in range(15):
        shift = np.uint32(2 * h)
        source = words[h * group : (h + 1) * group]
        target = residues[h * group : (h + 1) * group]
        for g in range(group):
            word = source[g]
            target[g] = word & _LOW
            rest[g] |= np.uint32((word >> np.uint32(30)) << shift)


@inlined
def n_outside(residues: U32, prime: np.uint32) -> int:
    """How many residues are not below the prime."""
    outside = 0
    for value in residues:
        outside += int(value >= prime)
    return outside


@kernel
def _pack_rows(residues: In2[np.uint32], words: Out2[np.uint32]) -> None:
    for row in range(residues.shape[0]):
        pack_row(residues[row], words[row])


@kernel
def _unpack_rows(words: In2[np.uint32], primes: In1[np.uint32], residues: Out2[np.uint32]) -> int:
    outside = 0
    for row in range(words.shape[0]):
        unpack_row(words[row], residues[row])
        outside += n_outside(residues[row], primes[row % primes.size])
    return outside


@kernel
def count_outside(words: In2[np.uint32], primes: In1[np.uint32], scratch: Out1[np.uint32]) -> int:
    """How many of the packed residues words uint32[C * K, 15 N / 16] are not below their prime."""
    outside = 0
    for row in range(words.shape[0]):
        unpack_row(words[row], scratch)
        outside += n_outside(scratch, primes[row % primes.size])
    return outside


@kernel
def add_rows(words: In2[np.uint32], primes: In1[np.uint32], scratch: Out1[np.uint32], total: Out2[np.uint32]) -> int:
    """total uint32[C * K, N] += packed residues, modulo each row's prime. Returns how many rows were added: all, or those before
    the first with a residue that is not below its prime."""
    for row in range(words.shape[0]):
        unpack_row(words[row], scratch)
        prime = primes[row % primes.size]
        if n_outside(scratch, prime):
            return row
        target = total[row]
        for i in range(target.size):
            target[i] = below(np.uint32(target[i] + scratch[i]), prime)
    return int(words.shape[0])


def take_rows(words: U32, primes: U32, total: U32) -> None:
    """Undo `add_rows` for rows that it has added."""
    for row, packed in enumerate(words):
        added = np.empty((1, total.shape[1]), np.uint32)
        _unpack_rows(packed[None], primes[[row % primes.size]], added)
        prime = primes[row % primes.size]
        value = total[row] - added[0]
        total[row] = np.minimum(value, value + prime)


def as_words(params: SumParameters, payload: BytesLike, what: str) -> U32:
    """The packed rows of `payload` as a read-only uint32[C * K, 15 N / 16], without a copy where alignment allows.

    Raises:
        WireError: not exactly `params.payload_bytes` long.
    """
    view = memoryview(payload)
    if view.nbytes != params.payload_bytes:
        raise WireError(f"{what} has {view.nbytes} bytes, {params.payload_bytes} expected")
    words = np.frombuffer(view, np.uint32)
    if not words.flags.aligned:
        words = words.copy()
    words = words.reshape(params.n_ciphertexts * params.ring.n_primes, -1)
    words.flags.writeable = False
    return words


def prime_array(params: SumParameters) -> U32:
    """The ring's primes as uint32[K]."""
    return np.array(params.ring.primes, np.uint32)


def pack_sum(params: SumParameters, total: U32) -> bytes:
    """A sum uint32[C, K, N] as `payload_bytes` bytes, in the same layout as an update.

    Raises:
        ValueError: wrong shape or dtype.
    """
    check_total(params, total)
    return written(params, lambda words: _pack_rows(total.reshape(-1, params.ring.ring_degree), words))


def written(params: SumParameters, write: Callable[[U32], object]) -> bytes:
    """The bytes of the packed rows uint32[C * K, 15 N / 16] that `write` fills, without a copy."""
    # BytesIO lends its buffer for writing, and gives it away without a copy once no array refers to it.
    buffer = io.BytesIO(bytes(params.payload_bytes))
    write(np.frombuffer(buffer.getbuffer(), np.uint32).reshape(params.n_ciphertexts * params.ring.n_primes, -1))
    return buffer.getvalue()


def unpack_sum(params: SumParameters, packed: BytesLike) -> U32:
    """Inverse of `pack_sum`: uint32[C, K, N].

    Raises:
        WireError: wrong length, or a residue that is not below its prime.
    """
    words = as_words(params, packed, "the packed sum")
    total = np.empty((words.shape[0], params.ring.ring_degree), np.uint32)
    outside = _unpack_rows(words, prime_array(params), total)
    if outside:
        raise WireError(f"the packed sum has {outside} residue(s) that are not below their prime")
    return total.reshape(params.n_ciphertexts, params.ring.n_primes, params.ring.ring_degree)


def check_total(params: SumParameters, total: U32) -> None:
    """Raises ValueError unless `total` is a contiguous uint32[C, K, N]."""
    shape = (params.n_ciphertexts, params.ring.n_primes, params.ring.ring_degree)
    if total.shape != shape or total.dtype != np.uint32 or not total.flags.c_contiguous:
        raise ValueError(f"a sum is a contiguous uint32{list(shape)}, not {total.dtype}{list(total.shape)}")
