"""The byte in front of every message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.errors import WireError
from cipherward.sums.packets import KINDS, pack, unpack, view


@given(st.sampled_from(KINDS), st.binary())
def test_a_packet_gives_its_kind_and_bytes_back(kind: str, data: bytes) -> None:
    assert unpack(pack(kind, data)) == (kind, data)


@given(st.binary(max_size=4))
def test_bytes_are_a_packet_of_one_known_kind_or_refused(packet: bytes) -> None:
    if packet[:1] in {pack(kind, b"") for kind in KINDS}:
        assert pack(*unpack(packet)) == packet
    else:
        with pytest.raises(WireError, match=r"no known kind|wire version"):
            unpack(packet)


@pytest.mark.parametrize("code", [1, 15, 33, 65, 97, 129, 255])
def test_a_packet_of_another_version_is_refused_with_both_versions(code: int) -> None:
    with pytest.raises(WireError, match="speaks version 6: coordinator and hospitals need the same release"):
        unpack(bytes([code]) + b"body")


def test_a_view_of_a_packet_copies_nothing() -> None:
    buffer = bytearray(pack("Update", b"payload"))
    kind, data = view(memoryview(buffer))
    buffer[1:] = b"changed"
    assert (kind, bytes(data)) == ("Update", b"changed")
    assert unpack(bytes(buffer)) == ("Update", b"changed")
