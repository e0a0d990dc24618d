"""Uniform and centred binomial values from AES-256-CTR keystreams. Who derives the keys stands in `quorum`.

A stream is named by a pair (major, minor) of integers below 2^32. Its bytes are the AES-256-CTR keystream whose first
counter block is major (4 bytes, big endian), minor (4 bytes, big endian), 8 zero bytes. Streams of one key never
overlap: each is shorter than 2^64 blocks.

Uniform values below a bound: the stream is read as little-endian words (16-bit for a bound below 2^16, else 32-bit);
each word is masked to the bound's bit length; a masked word that is not below the bound is skipped; the first words
left are the values, in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, Out1, Out2, inlined, kernel
from cipherward.crypto._jit import U32
from cipherward.crypto.params import ETA, SEED_BYTES, RingParameters

_ZEROS = bytes(1 << 18)
_AT_START = modes.CTR(bytes(16))
_SPARE_WORDS = 64
_BLOCK = 64


class Xof:
    """The keystreams of one 32-byte key. Not thread-safe: every thread makes its own from the key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != SEED_BYTES:
            raise ValueError(f"a key has {SEED_BYTES} bytes, not {len(key)}")
        self._encryptor = Cipher(algorithms.AES256(key), _AT_START).encryptor()

    def start(self, major: int, minor: int = 0) -> None:
        """Go to the first byte of stream (major, minor)."""
        self._encryptor.reset_nonce(major.to_bytes(4, "big") + minor.to_bytes(4, "big") + bytes(8))

    def fill(self, out: NDArray[Any]) -> None:
        """Overwrite a contiguous array with the next bytes of the stream."""
        target = out.reshape(-1).view(np.uint8).data
        for begin in range(0, target.nbytes, len(_ZEROS)):
            part = target[begin : begin + len(_ZEROS)]
            self._encryptor.update_into(memoryview(_ZEROS)[: part.nbytes], part)


@inlined
def _accept(words: NDArray[np.unsignedinteger], mask: np.uint32, bound: np.uint32, out: U32, filled: int) -> int:
    size = out.size
    for block in range((words.size + _BLOCK - 1) // _BLOCK):
        if filled == size:
            break
        part = words[block * _BLOCK : (block + 1) * _BLOCK]
        target = out[filled : filled + part.size]
        if target.size == part.size:  # most blocks hold nothing to skip
            outside = np.uint32(0)
            for i in range(part.size):
                value = np.uint32(part[i]) & mask
                target[i] = value
                outside += np.uint32(value >= bound)
            if outside == 0:
                filled += part.size
                continue
        for i in range(part.size):
            value = np.uint32(part[i]) & mask
            if filled < size:
                out[filled] = value
                filled += int(value < bound)
    return filled


@kernel
def _accept_16(words: In1[np.uint16], mask: np.uint32, bound: np.uint32, out: Out1[np.uint32], filled: int) -> int:
    return _accept(words, mask, bound, out, filled)


@kernel
def _accept_32(words: In1[np.uint32], mask: np.uint32, bound: np.uint32, out: Out1[np.uint32], filled: int) -> int:
    return _accept(words, mask, bound, out, filled)


@kernel
def _accept_rows(words: In2[np.uint32], primes: In1[np.uint32], out: Out2[np.uint32]) -> int:
    # Rows filled before the first whose words did not suffice.
    for j in range(primes.size):
        if _accept(words[j], np.uint32(2**30 - 1), primes[j], out[j], 0) < out.shape[1]:
            return j
    return int(primes.size)


def _n_words(n_values: int) -> int:
    return n_values + n_values // 128 + _SPARE_WORDS


def uniform_into(xof: Xof, stream: tuple[int, int], bound: int, out: U32) -> None:
    """Fill out: uint32[n] with the first n uniform values below `bound` (at most 2^31) of a stream."""
    is_short = bound < 2**16
    accept = _accept_16 if is_short else _accept_32
    words: NDArray[Any] = np.empty(_n_words(out.size), np.uint16 if is_short else np.uint32)
    mask = np.uint32((1 << (bound - 1).bit_length()) - 1)
    xof.start(*stream)
    filled = 0
    while filled < out.size:
        xof.fill(words)
        filled = accept(words, mask, np.uint32(bound), out, filled)


def expand_uniform(xof: Xof, ring: RingParameters, ciphertext: int, out: U32) -> None:
    """The public ring element a_k of one ciphertext, in NTT form, into out: uint32[K, N].

    Row j holds the first N uniform values below prime j of stream (ciphertext, j). Drawing the values of the NTT form
    directly is the same distribution as transforming a uniform polynomial, since the transform is a bijection.
    """
    words = np.empty((ring.n_primes, _n_words(ring.ring_degree)), np.uint32)
    for j in range(ring.n_primes):
        xof.start(ciphertext, j)
        xof.fill(words[j])
    for j in range(_accept_rows(words, np.array(ring.primes, np.uint32), out), ring.n_primes):
        uniform_into(xof, (ciphertext, j), ring.primes[j], out[j])


@inlined
def _ones(word: np.uint64) -> np.uint64:
    # Spelled so that LLVM recognises a population count; half-way sums never overflow their field.
    x = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.uint64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


_ETA_MASK = np.uint64((1 << ETA) - 1)


@kernel
def binomial_into(words: In1[np.uint64], out: Out1[np.int8]) -> None:
    """out[i] = ones in the low 42 bits of words[2 i] minus ones in those of words[2 i + 1]."""
    for i in range(out.size):
        plus = np.int64(_ones(words[2 * i] & _ETA_MASK))
        minus = np.int64(_ones(words[2 * i + 1] & _ETA_MASK))
        out[i] = np.int8(plus - minus)


def centred_binomial(key: bytes, n_values: int) -> NDArray[np.int8]:
    """Centred binomial values with eta = 42 (std 4.58, |x| <= 42) from stream (0, 1) of a 32-byte key: int8[n_values].

    Value i is the number of ones in the low 42 bits of the stream's little-endian 64-bit word 2 i, minus that of word
    2 i + 1. Errors come from streams (ciphertext, 0), so that even one key for both would not repeat a value.
    """
    words = np.empty(2 * n_values, np.uint64)
    values = np.empty(n_values, np.int8)
    xof = Xof(key)
    xof.start(0, 1)
    xof.fill(words)
    binomial_into(words, values)
    words[:] = 0
    return values
