"""Exact samples of the discrete Gaussian, in integers only (Canonne, Kamath, Steinke 2020, arXiv 2004.00010).

Algorithm 1 (Bernoulli(exp(-x))), algorithm 2 (discrete Laplace) and algorithm 3 (discrete Gaussian) of the paper, with
an integer standard deviation and Laplace scale t = stddev. No floating-point number takes part, so no sample betrays
by its low bits what it was added to. Run time depends on the values drawn: whoever can time this process from within
the hospital's machine learns something about the noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import In1, Out1, inlined, kernel
from cipherward.privacy.randomness import Words

MAX_STDDEV = 1 << 26
"""Above it, an exponent's 64-bit fraction could overflow."""

_EMPTY = -1  # position after running out of words
# A geometric variable of 60 or more has probability e^-60 and would then be accepted with less than e^-1700: starting
# again instead changes the distribution by less than 2^-2400, and keeps every product below 2^64.
_MOST = np.uint64(60)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_NOTHING = np.int64(0)
_SPARE_WORDS = 512


@inlined
def _below(words: NDArray[np.uint64], place: int, bound: np.uint64) -> tuple[np.uint64, int]:
    """A uniform integer below `bound` by rejection, and where to read on."""
    mask = bound - _ONE
    mask |= mask >> _ONE
    mask |= mask >> np.uint64(2)
    mask |= mask >> np.uint64(4)
    mask |= mask >> np.uint64(8)
    mask |= mask >> np.uint64(16)
    mask |= mask >> np.uint64(32)
    while 0 <= place < words.size:
        value = words[place] & mask
        place += 1
        if value < bound:
            return value, place
    return _ZERO, _EMPTY


@inlined
def _small_exp(words: NDArray[np.uint64], place: int, a: np.uint64, b: np.uint64) -> tuple[bool, int]:
    """Bernoulli(exp(-a / b)) for 0 <= a <= b (algorithm 1, first case)."""
    k = _ONE
    while True:
        value, place = _below(words, place, b)
        if place == _EMPTY:
            return False, _EMPTY
        goes_on = value < a
        if goes_on and k > _ONE:
            value, place = _below(words, place, k)
            if place == _EMPTY:
                return False, _EMPTY
            goes_on = value == _ZERO
        if not goes_on:
            return (k & _ONE) == _ONE, place
        k += _ONE


@inlined
def _exp(words: NDArray[np.uint64], place: int, a: np.uint64, b: np.uint64) -> tuple[bool, int]:
    """Bernoulli(exp(-a / b)) for any a (algorithm 1)."""
    while a > b:
        passed, place = _small_exp(words, place, _ONE, _ONE)
        if place == _EMPTY or not passed:
            return False, place
        a -= b
    return _small_exp(words, place, a, b)


@inlined
def _one(words: NDArray[np.uint64], place: int, stddev: np.uint64) -> tuple[np.int64, int]:
    """One sample and where to read on (algorithms 2 and 3)."""
    while True:
        low, place = _below(words, place, stddev)
        if place == _EMPTY:
            return _NOTHING, _EMPTY
        passed, place = _small_exp(words, place, low, stddev)
        if place == _EMPTY:
            return _NOTHING, _EMPTY
        if not passed:
            continue
        high = _ZERO
        while high < _MOST:
            passed, place = _small_exp(words, place, _ONE, _ONE)
            if place == _EMPTY:
                return _NOTHING, _EMPTY
            if not passed:
                break
            high += _ONE
        if high == _MOST:
            continue
        sign, place = _below(words, place, np.uint64(2))
        if place == _EMPTY:
            return _NOTHING, _EMPTY
        size = low + stddev * high
        if sign == _ONE and size == _ZERO:
            continue
        far = size - stddev if size > stddev else stddev - size
        passed, place = _exp(words, place, far * far, np.uint64(2) * stddev * stddev)
        if place == _EMPTY:
            return _NOTHING, _EMPTY
        if passed:
            signed = np.int64(size)
            return (-signed if sign == _ONE else signed), place


@kernel
def _fill(words: In1[np.uint64], stddev: np.uint64, out: Out1[np.int64], used: Out1[np.int64], done: int) -> int:
    """Fill out[done:] as far as the words go: how many samples are done; used[0]: the words of those."""
    place = 0
    for i in range(done, out.size):
        value, following = _one(words, place, stddev)
        if following == _EMPTY:
            used[0] = place
            return i
        out[i] = value
        place = following
    used[0] = place
    return out.size


def gaussian(words: Words, stddev: int, size: int) -> NDArray[np.int64]:
    """`size` independent samples of N_Z(0, stddev^2), int64[size].

    Args:
        words: secret uniform words; the samples are a function of them alone.
        stddev: an integer from 1 to `MAX_STDDEV`.

    Raises:
        ValueError: stddev out of range.
    """
    if not 1 <= stddev <= MAX_STDDEV:
        raise ValueError(f"the standard deviation must be an integer from 1 to {MAX_STDDEV}, not {stddev}")
    out = np.empty(size, dtype=np.int64)
    rest, used = np.empty(0, dtype=np.uint64), np.empty(1, np.int64)
    done = 0
    while done < size:
        # A sample that ran out of words starts again from its own first word: dropping the words of long ones would
        # make long ones rarer.
        rest = np.concatenate([rest, words.take(min(24 * (size - done), 1 << 20) + _SPARE_WORDS)])
        done = _fill(rest, np.uint64(stddev), out, used, done)
        rest = rest[used[0] :]
    return out
