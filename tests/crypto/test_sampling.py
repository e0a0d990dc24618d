import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cipherward.crypto import params, sampling
from cipherward.crypto.params import RINGS
from cipherward.crypto.sampling import Xof

KEY = hashlib.sha256(b"a key").digest()


def keystream(major: int, minor: int, n_bytes: int) -> bytes:
    """Counter mode spelled out with the bare block cipher."""
    encryptor = Cipher(algorithms.AES256(KEY), modes.ECB()).encryptor()  # noqa: S305
    blocks = (
        major.to_bytes(4, "big") + minor.to_bytes(4, "big") + i.to_bytes(8, "big") for i in range(-(-n_bytes // 16))
    )
    return encryptor.update(b"".join(blocks))[:n_bytes]


def accepted(stream: bytes, width: int, bound: int) -> Iterator[int]:
    mask = (1 << (bound - 1).bit_length()) - 1
    for i in range(0, len(stream), width):
        value = int.from_bytes(stream[i : i + width], "little") & mask
        if value < bound:
            yield value


def test_a_stream_is_counter_mode_from_its_own_first_block() -> None:
    xof = Xof(KEY)
    xof.start(7, 3)
    first, second = np.empty(100, np.uint8), np.empty(2**20, np.uint8)
    xof.fill(first)
    xof.fill(second)
    assert first.tobytes() + second.tobytes() == keystream(7, 3, 100 + 2**20)


@pytest.mark.parametrize("bound", [65521, 2**31 - 1, RINGS[1].primes[2], 2**29 + 1, 40000])
def test_uniform_values_are_the_accepted_words_in_order(bound: int) -> None:
    out = np.empty(3000, np.uint32)
    sampling.uniform_into(Xof(KEY), (5, 9), bound, out)
    words = accepted(keystream(5, 9, 60_000), 2 if bound < 2**16 else 4, bound)
    assert out.tolist() == [next(words) for _ in range(3000)]


@pytest.mark.parametrize("ring", [params.ring(16, 3), RINGS[1]], ids=["toy", "4096"])
def test_every_ciphertext_and_prime_has_its_own_stream(ring: params.RingParameters) -> None:
    out = np.empty((ring.n_primes, ring.ring_degree), np.uint32)
    sampling.expand_uniform(Xof(KEY), ring, 2, out)
    for j, prime in enumerate(ring.primes):
        words = accepted(keystream(2, j, 8 * ring.ring_degree), 4, prime)
        assert out[j].tolist() == [next(words) for _ in range(ring.ring_degree)]


def test_an_expansion_goes_on_where_half_of_the_words_are_rejected() -> None:
    small = next(p for p in range(2**29 + 1, 2**30, 32) if params.is_prime(p))
    ring = params.RingParameters(16, (params.ring(16, 1).primes[0], small))
    out = np.empty((2, 16), np.uint32)
    for ciphertext in range(50):
        sampling.expand_uniform(Xof(KEY), ring, ciphertext, out)
        words = accepted(keystream(ciphertext, 1, 1024), 4, small)
        assert out[1].tolist() == [next(words) for _ in range(16)]


def test_uniform_values_fill_their_range_evenly() -> None:
    values = np.empty(200_000, np.uint32)
    sampling.uniform_into(Xof(KEY), (0, 0), 65521, values)
    counts = np.histogram(values, bins=16, range=(0, 65521))[0]
    assert int(values.max()) < 65521
    assert ((counts - 12_500) ** 2 / 12_500).sum() < 60


def test_binomial_values_count_forty_two_bits_against_forty_two() -> None:
    values = sampling.centred_binomial(KEY, 500)
    stream = keystream(0, 1, 8000)
    words = [int.from_bytes(stream[i : i + 8], "little") & (2**42 - 1) for i in range(0, 8000, 8)]
    assert values.tolist() == [words[2 * i].bit_count() - words[2 * i + 1].bit_count() for i in range(500)]


def test_binomial_values_have_their_moments_and_bounds() -> None:
    n = 400_000
    values = sampling.centred_binomial(KEY, n).astype(np.float64)
    assert abs(values).max() <= 42
    assert abs(values.mean()) < 5 * np.sqrt(21 / n)
    assert abs(values.var() - 21) < 5 * 21 * np.sqrt(2 / n)
    words = np.array([0, 0, 2**64 - 1, 0, 0, 2**64 - 1, 2**64 - 1, 2**64 - 1], np.uint64)
    extremes = np.empty(4, np.int8)
    sampling.binomial_into(words, extremes)
    assert extremes.tolist() == [0, 42, -42, 0]


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Xof(bytes(16))
