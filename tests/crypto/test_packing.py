from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.crypto import packing, params
from cipherward.crypto._jit import U32
from cipherward.crypto.params import SumParameters
from cipherward.errors import WireError

SUM = SumParameters(params.ring(32, 3), 4, 3, 8, 700)


def a_total(seed: int) -> U32:
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, prime, (SUM.n_ciphertexts, SUM.ring.ring_degree)) for prime in SUM.ring.primes]
    return np.ascontiguousarray(np.stack(rows, axis=1).astype(np.uint32))


def unpacked_by_hand(packed: bytes, degree: int) -> list[list[int]]:
    rows = []
    n_words = 15 * degree // 16
    for begin in range(0, len(packed), 4 * n_words):
        words = [int.from_bytes(packed[i : i + 4], "little") for i in range(begin, begin + 4 * n_words, 4)]
        last = [sum((words[h * degree // 16 + g] >> 30) << 2 * h for h in range(15)) for g in range(degree // 16)]
        rows.append([word & (2**30 - 1) for word in words] + last)
    return rows


def test_rows_are_packed_as_documented() -> None:
    total = a_total(1)
    packed = packing.pack_sum(SUM, total)
    assert len(packed) == SUM.payload_bytes == SUM.n_residues * 30 // 8
    assert unpacked_by_hand(packed, 32) == total.reshape(-1, 32).tolist()


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_packing_and_unpacking_undo_each_other(seed: int) -> None:
    total = a_total(seed)
    packed = packing.pack_sum(SUM, total)
    assert np.array_equal(packing.unpack_sum(SUM, packed), total)
    assert packing.pack_sum(SUM, packing.unpack_sum(SUM, bytearray(packed))) == packed


@pytest.mark.parametrize("position", [0, 31, 45, -1])
def test_a_residue_that_is_not_below_its_prime_is_refused(position: int) -> None:
    total = a_total(2)
    flat = total.reshape(-1)
    flat[position] = SUM.ring.primes[(position % flat.size) // 32 % 3]
    with pytest.raises(WireError, match="1 residue"):
        packing.unpack_sum(SUM, packing.pack_sum(SUM, total))


@pytest.mark.parametrize("change", [-1, 1, 4, -(10**9)])
def test_another_length_is_refused(change: int) -> None:
    packed = packing.pack_sum(SUM, a_total(3))
    wrong = packed + bytes(change) if change > 0 else packed[:change]
    with pytest.raises(WireError, match="bytes"):
        packing.unpack_sum(SUM, wrong)


def test_bytes_at_an_odd_address_are_read_alike() -> None:
    packed = packing.pack_sum(SUM, a_total(4))
    assert np.array_equal(packing.unpack_sum(SUM, memoryview(b"x" + packed)[1:]), a_total(4))


def test_an_array_of_another_shape_is_not_a_sum() -> None:
    wrongs: list[Any] = [a_total(5)[:, :2], a_total(5).astype(np.int64), a_total(5)[::-1]]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="a sum is"):
            packing.pack_sum(SUM, wrong)
