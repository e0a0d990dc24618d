"""Ciphertexts and keys of SEAL: only numbers that were checked here reach its own parser."""

from __future__ import annotations

import tracemalloc
from functools import lru_cache

import numpy as np
import pytest

tenseal = pytest.importorskip("tenseal")
zstandard = pytest.importorskip("zstandard")

from cipherward.crypto import _seal, _tenseal, ckks  # noqa: E402
from cipherward.errors import WireError  # noqa: E402

SCALE = 2.0**30
HEAD = 16


@lru_cache(maxsize=1)
def ciphertext() -> bytes:
    """One as SEAL writes it."""
    context = _tenseal.load_context(ckks.generate_keys().public_context, secret=False)
    payload = _tenseal.encrypt(context, np.arange(8.0), SCALE)
    return payload[8:]


def checked(data: bytes) -> bytes:
    ours = _tenseal._parameters()
    return _seal.uncompressed(
        data,
        parms=ours.first,
        degree=_tenseal.RING_DEGREE,
        moduli=_tenseal.MODULI[:1],
        scale=SCALE,
        version=ours.version,
    )


def packed(plain: bytes, level: int = 3) -> bytes:
    inner: bytes = zstandard.ZstdCompressor(level=level).compress(plain)
    return ciphertext()[: HEAD - 8] + (HEAD + len(inner)).to_bytes(8, "little") + inner


def test_the_numbers_are_those_that_were_compressed() -> None:
    plain = checked(ciphertext())
    assert len(plain) == HEAD + 97 + 2 * 8 * _tenseal.RING_DEGREE
    for level in (1, 19):
        assert checked(packed(plain[HEAD:], level)) == plain


@pytest.mark.parametrize("place", [0, 31, 32, 33, 41, 49, 57, 65, 73, 78, 81, 89, 95])
def test_every_field_before_the_numbers_is_ours(place: int) -> None:
    plain = bytearray(checked(ciphertext())[HEAD:])
    plain[place] ^= 1
    with pytest.raises(WireError, match="other parameters"):
        checked(packed(bytes(plain)))


@pytest.mark.parametrize("place", [0, 8191])
def test_a_number_that_is_no_residue_is_refused(place: int) -> None:
    plain = checked(ciphertext())[HEAD:]
    start = 97 + 8 * place
    wrong = plain[:start] + _tenseal.MODULI[0].to_bytes(8, "little") + plain[start + 8 :]
    with pytest.raises(WireError, match="no residues"):
        checked(packed(wrong))


@pytest.mark.parametrize("change", [-8, -1, 1, 8])
def test_another_number_of_numbers_is_refused(change: int) -> None:
    plain = checked(ciphertext())[HEAD:]
    with pytest.raises(WireError, match="another size"):
        checked(packed(plain[:change] if change < 0 else plain + bytes(change)))


def test_what_unpacks_to_a_thousand_times_its_size_takes_no_memory() -> None:
    bomb = packed(bytes(1 << 28), level=19)
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="another size"):
            checked(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 1000])
def test_what_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        checked(ciphertext()[:length])
    inner = ciphertext()[HEAD : HEAD + length]
    with pytest.raises(WireError):
        checked(ciphertext()[: HEAD - 8] + (HEAD + len(inner)).to_bytes(8, "little") + inner)
