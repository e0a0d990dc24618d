"""The additive ring scheme under the secure sum: encrypt, add, open, fingerprint.

Ciphertext k of hospital i is c = a_k * s_i + e + 2^d * m in R_q = Z_q[X] / (X^N + 1), kept as residues in NTT form
(`_ntt`), K primes, packed to 30 bits (`packing`). a_k is public, expanded from a key of the sum and never sent. Lane
l of a vector sits in ciphertext k = l // (F N), coefficient c = l mod N, field f = (l // N) mod F, times 2^d and
`SumParameters.lane_weight(f)`; missing lanes of the last ciphertext are 0.

What a function returns depends on its arguments alone, never on `n_threads`. Secret intermediates are overwritten
before they are released. Not claimed: constant time (see `_ntt`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto import _crt, _kernels, _ntt, packing
from cipherward.crypto._jit import U32, BytesLike
from cipherward.crypto.packing import pack_sum, unpack_sum
from cipherward.crypto.params import ETA, RingParameters, SumParameters
from cipherward.crypto.sampling import Xof, expand_uniform
from cipherward.errors import ProtocolError, WireError

__all__ = [
    "N_FINGERPRINTS",
    "add_fingerprints",
    "add_payload",
    "check_payload",
    "coefficients",
    "encrypt",
    "fingerprint",
    "open_sum",
    "pack_sum",
    "unpack_sum",
    "zero_sum",
]

T = TypeVar("T")

N_FINGERPRINTS = 5
_RESIDUES_PER_THREAD = 2**17  # about 1 ms of work; a thread costs .1 ms and more


def encrypt(
    params: SumParameters,
    a_key: bytes,
    secret: NDArray[np.int8],
    error_key: bytes,
    lanes: U32,
    *,
    n_threads: int = 0,
) -> bytes:
    """Encrypt a vector under a one-time secret; `params.payload_bytes` bytes.

    Args:
        a_key: 32 bytes, public, the same for every hospital of the sum and for no other sum.
        secret: int8[N] from `sampling.centred_binomial`. Never used for a second call.
        error_key: 32 secret bytes, never used for a second call.
        lanes: uint32[n_lanes], each below 2^bits.
        n_threads: 0 means one per available core, as far as there is work for it.

    Raises:
        ValueError: wrong shape or dtype, a lane or a secret coefficient out of range.
    """
    ring = params.ring
    if lanes.shape != (params.n_lanes,) or lanes.dtype != np.uint32 or not lanes.flags.c_contiguous:
        raise ValueError(f"lanes must be a contiguous uint32[{params.n_lanes}]")
    if int(lanes.max()) >> params.bits:
        raise ValueError(f"a lane does not fit {params.bits} bits")
    if (
        secret.shape != (ring.ring_degree,)
        or secret.dtype != np.int8
        or int(np.abs(secret.astype(np.int16)).max()) > ETA
    ):
        raise ValueError(f"a secret is int8[{ring.ring_degree}] within +-{ETA}")
    tables = _ntt.tables(ring)
    weights = np.array(
        [
            [(params.lane_weight(f) << params.delta_bits) % p for f in range(params.lanes_per_coefficient)]
            for p in ring.primes
        ],
        np.uint64,
    )
    key = _transformed(ring, secret.astype(np.int64))

    def work(ciphertexts: range, words: U32) -> None:
        public, errors = Xof(a_key), Xof(error_key)
        a = np.empty((ring.n_primes, ring.ring_degree), np.uint32)
        random = np.empty(2 * ring.ring_degree, np.uint64)
        noise = np.empty(ring.ring_degree, np.int8)
        sums = np.empty(min(_kernels.BLOCK, ring.ring_degree), np.uint64)
        padded = np.empty(params.lanes_per_ciphertext, np.uint32)
        message = np.empty((ring.n_primes + 1, ring.ring_degree), np.uint32)
        rows = words.reshape(params.n_ciphertexts, ring.n_primes, -1)
        for k in ciphertexts:
            part = lanes[k * padded.size : (k + 1) * padded.size]
            padded[: part.size] = part
            padded[part.size :] = 0
            expand_uniform(public, ring, k, a)
            errors.start(k)
            errors.fill(random)
            _kernels.seal(
                padded, random, a, key, weights, tables.primes, tables.fold, *tables.up, noise, sums, message, rows[k]
            )
        for used in (random, noise, sums, padded, message):
            used.fill(0)

    payload = packing.written(params, lambda words: _each(params, n_threads, lambda part: work(part, words)))
    key.fill(0)
    return payload


def zero_sum(params: SumParameters) -> U32:
    """The empty sum: uint32[C, K, N]."""
    return np.zeros((params.n_ciphertexts, params.ring.n_primes, params.ring.ring_degree), np.uint32)


def check_payload(params: SumParameters, payload: BytesLike) -> None:
    """Raises WireError unless `payload` is the encoding of a ciphertext vector of this sum."""
    words = packing.as_words(params, payload, "the encrypted update")
    scratch = np.empty(params.ring.ring_degree, np.uint32)
    outside = packing.count_outside(words, packing.prime_array(params), scratch)
    if outside:
        raise WireError(f"the encrypted update has {outside} residue(s) that are not below their prime")


def add_payload(params: SumParameters, total: U32, payload: BytesLike) -> None:
    """Add an encrypted update to total: uint32[C, K, N], in place; one thread, no memory of the payload's size.

    Raises:
        WireError: wrong length, or a residue that is not below its prime; `total` is then unchanged.
    """
    packing.check_total(params, total)
    words = packing.as_words(params, payload, "the encrypted update")
    primes, scratch = packing.prime_array(params), np.empty(params.ring.ring_degree, np.uint32)
    rows = total.reshape(-1, params.ring.ring_degree)
    added = packing.add_rows(words, primes, scratch, rows)
    if added < len(words):  # residues are looked at as they are added, since honest updates hold none that is outside
        packing.take_rows(words[:added], primes, rows)
        check_payload(params, payload)


def open_sum(
    params: SumParameters,
    a_key: bytes,
    total: U32,
    secret_sum: NDArray[np.int32] | NDArray[np.int64],
    n_contributors: int,
    *,
    n_threads: int = 0,
) -> NDArray[np.int64]:
    """Open a sum with the sum of its contributors' secrets: the exact lane sums, int64[n_lanes].

    Every coefficient's noise, every unused bit and every lane is checked against what n_contributors honest updates
    can give.

    Args:
        total: uint32[C, K, N], each residue below its prime.
        secret_sum: N integers.

    Raises:
        ProtocolError: a secret coefficient beyond 42 n_contributors, noise beyond it, a lane sum above
            n_contributors (2^bits - 1), or anything but zero where no lane is. The message counts what was found.
        ValueError: wrong shape or dtype, n_contributors outside 1..n_hospitals.
    """
    ring = params.ring
    packing.check_total(params, total)
    if not 1 <= n_contributors <= params.n_hospitals:
        raise ValueError(f"{n_contributors} contributors of {params.n_hospitals} hospitals")
    if secret_sum.shape != (ring.ring_degree,) or secret_sum.dtype.kind != "i":
        raise ValueError(f"a sum of secrets is {ring.ring_degree} signed integers")
    bound = ETA * n_contributors
    wide = secret_sum.astype(np.int64)
    beyond = int(np.count_nonzero((wide > bound) | (wide < -bound)))
    if beyond:
        raise ProtocolError(f"{beyond} coefficient(s) of the sum of secrets exceed {bound}")
    tables, garner = _ntt.tables(ring), _crt.tables(ring)
    key = _transformed(ring, wide)
    lanes = np.empty(params.n_lanes, np.int64)
    shape = np.array(
        [
            params.delta_bits,
            params.word_bits,
            params.last_word_bits,
            params.lane_base,
            params.lanes_per_word,
            params.lanes_per_coefficient,
            bound,
            n_contributors * (2**params.bits - 1),
        ],
        np.int64,
    )

    def work(ciphertexts: range) -> NDArray[np.int64]:
        public = Xof(a_key)
        a = np.empty((ring.n_primes, ring.ring_degree), np.uint32)
        scratch = np.empty(ring.ring_degree, np.uint32)
        block = min(_crt.BLOCK, ring.ring_degree)
        digits = np.empty((ring.n_primes, block), np.uint32)
        limbs = np.empty((ring.n_primes + _crt.SPARE_LIMBS, block), np.uint32)
        sums, broken = np.empty(block, np.uint64), np.zeros(4, np.int64)
        for k in ciphertexts:
            expand_uniform(public, ring, k, a)
            _kernels.remove_mask(
                total[k], key, tables.primes, tables.scale, *tables.down, params.delta_bits, scratch, a
            )
            target = lanes[k * params.lanes_per_ciphertext :]
            _crt.open_blocks(
                a, tables.primes, garner.inverse, garner.inverse_shoup, shape, digits, limbs, sums, target, broken
            )
        return broken

    broken = np.sum(_each(params, n_threads, work), axis=0)
    if broken.any():
        noise, overflow, beyond_range, padding = (int(count) for count in broken)
        raise ProtocolError(
            f"the sum does not open to what {n_contributors} honest updates can give: {noise} coefficient(s) with noise "
            f"beyond {bound}, {overflow} with bits above the top lane, {beyond_range} lane(s) above "
            f"{n_contributors} x {2**params.bits - 1}, {padding} unused lane(s) that are not 0"
        )
    return lanes


def coefficients(params: SumParameters, total: U32) -> U32:
    """The residues of a ciphertext's or a sum's coefficients, with no secret removed: uint32[C, K, N], each below its prime.

    Args:
        total: uint32[C, K, N] in NTT form.

    Raises:
        ValueError: wrong shape or dtype.
    """
    packing.check_total(params, total)
    ring, tables = params.ring, _ntt.tables(params.ring)
    none = np.zeros((2, ring.n_primes, ring.ring_degree), np.uint32)
    found, work = np.zeros_like(total), np.empty(ring.ring_degree, np.uint32)
    primes = packing.prime_array(params).astype(np.int64)[:, None]
    for k, out in enumerate(found):
        _kernels.remove_mask(total[k], none, tables.primes, tables.scale, *tables.down, params.delta_bits, work, out)
        out[:] = (out.astype(np.int64) - (1 << (params.delta_bits - 1))) % primes  # what `remove_mask` adds
    return found


def fingerprint(params: SumParameters, rho_key: bytes, ciphertexts: BytesLike | U32, *, n_threads: int = 0) -> U32:
    """Five random inner products modulo each prime, uint32[5, K], of an update (bytes) or a sum (uint32[C, K, N]).

    rho_v for ciphertext k is N words of stream (k, 0) of rho_key, words v N .. v N + N - 1, masked to 30 bits; the same
    for every prime. The map is linear: fingerprints of updates add up (`add_fingerprints`) to that of their sum.

    Soundness: two different vectors differ modulo some prime p > 2^29. For rho drawn after both are fixed, one inner
    product agrees modulo p for at most 2 of the 2^30 values of one coordinate, so all five do with probability at most
    2^-145, which leaves 2^-65 after 2^80 tries at choosing what rho is derived from. Five equal fingerprints say
    nothing about vectors chosen after rho is known.

    Raises:
        WireError: bytes that are not a ciphertext vector of this sum.
        ValueError: an array of the wrong shape.
    """
    ring = params.ring
    if isinstance(ciphertexts, np.ndarray):
        packing.check_total(params, ciphertexts)
        rows = ciphertexts
    else:
        rows = packing.as_words(params, ciphertexts, "the ciphertext vector").reshape(
            params.n_ciphertexts, ring.n_primes, -1
        )
    primes = packing.prime_array(params)

    def work(indices: range) -> U32:
        xof = Xof(rho_key)
        rho = np.empty((N_FINGERPRINTS, ring.ring_degree), np.uint32)
        scratch = np.empty(ring.ring_degree, np.uint32)
        total = np.zeros((N_FINGERPRINTS, ring.n_primes), np.uint32)
        for k in indices:
            xof.start(k)
            xof.fill(rho)
            if not _kernels.inner_products(rows[k], rho, primes, scratch, total):
                raise WireError("the ciphertext vector has a residue that is not below its prime")
        return total

    return add_fingerprints(params, _each(params, n_threads, work))


def add_fingerprints(params: SumParameters, fingerprints: Iterable[U32]) -> U32:
    """The sum of fingerprints uint32[5, K], modulo each prime; zeros for none."""
    total = np.zeros((N_FINGERPRINTS, params.ring.n_primes), np.uint64)
    for each in fingerprints:
        if each.shape != total.shape:
            raise ValueError(f"a fingerprint is uint32{list(total.shape)}, not {each.dtype}{list(each.shape)}")
        total += each
    return (total % np.array(params.ring.primes, np.uint64)).astype(np.uint32)


def _transformed(ring: RingParameters, secret: NDArray[np.int64]) -> U32:
    tables, work = _ntt.tables(ring), np.empty(ring.ring_degree, np.uint32)
    key = np.empty((2, ring.n_primes, ring.ring_degree), np.uint32)
    _kernels.transform_secret(secret, tables.primes, *tables.up, work, key)
    return key


def _each(params: SumParameters, n_threads: int, work: Callable[[range], T]) -> list[T]:
    """Run `work` over contiguous ranges of ciphertexts, one per thread; results in the order of the ranges."""
    n_ciphertexts, ring = params.n_ciphertexts, params.ring
    worth_it = n_ciphertexts * ring.n_primes * ring.ring_degree // _RESIDUES_PER_THREAD
    n_workers = min(n_threads or min(os.cpu_count() or 1, max(worth_it, 1)), n_ciphertexts)
    if n_workers == 1:
        return [work(range(n_ciphertexts))]
    edges = [n_ciphertexts * i // n_workers for i in range(n_workers + 1)]
    with ThreadPoolExecutor(n_workers) as pool:
        return list(pool.map(work, map(range, edges[:-1], edges[1:])))
