"""No length field makes a decoder take memory that the input does not back."""

from __future__ import annotations

import resource
import tracemalloc
from random import Random

import pytest
from tests.fuzz.attack import is_refused
from tests.fuzz.decoders import Decoder
from tests.fuzz.mutation import forge_head, forge_number
from tests.fuzz.test_decoders import NAMES

PER_BYTE, BASE = 100, 1 << 20
"""A decoded message takes at most so many bytes for each of its own (an array of tiny entries does), plus what is fixed."""


_TRIES = {"ledger": 12, "ckks-context": 12, "table-parquet": 4}


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", NAMES)
def test_a_forged_length_takes_no_memory(everything: dict[str, Decoder], name: str, times: int) -> None:
    decoder, rng = everything[name], Random(name * times)
    data = min(decoder.valid, key=len)
    is_refused(decoder, data[:-1])  # what is made once is not counted
    fixed = 0 if decoder.remembers else peak(decoder, data)
    for _ in range(times * _TRIES.get(name, 50)):
        forged = rng.choice((forge_head, forge_number))(data, rng, [data])
        if forged not in decoder.valid:
            limit = 2 * fixed + PER_BYTE * len(forged) + BASE
            # A kernel that is needed for the first time is loaded then.
            assert peak(decoder, forged) < limit or peak(decoder, forged) < limit


def peak(decoder: Decoder, data: bytes) -> int:
    """Bytes that Python and numpy held at once while this was decoded."""
    tracemalloc.start()
    try:
        if data in decoder.valid:
            decoder.decode(data)
        else:
            is_refused(decoder, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["ckks-payload", "ckks-context", "model-file", "ledger"])
def test_a_forged_length_takes_no_memory_in_a_foreign_library_either(everything: dict[str, Decoder], name: str) -> None:
    decoder, rng = everything[name], Random(name)
    decoder.decode(decoder.valid[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        forged = forge_number(decoder.valid[0], rng, decoder.valid)
        if forged not in decoder.valid:
            is_refused(decoder, forged)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024
