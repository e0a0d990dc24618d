"""Letters: what was sealed is what is opened, by its reader only, and no byte of it can be changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.consortium.service import letters
from cipherward.consortium.service.letters import (
    NO_STUDY,
    Alert,
    Approval,
    Body,
    Breach,
    Declaration,
    Ended,
    Head,
    Members,
    News,
    Offer,
    Packets,
    SplitProposal,
    Stopped,
    Withdrawal,
)
from cipherward.crypto.identity import Identity
from cipherward.errors import CipherwardError, WireError

OWN = Identity(bytes([7] * 32))
STUDY = bytes([3] * 32)
FROM_COORDINATOR: list[Body] = [
    Packets((b"p", b"second")), Offer("text", b"key"), Members(b"list"), Alert(2, b"r"), Stopped("end"), SplitProposal(b"s"),
]  # fmt: skip
FROM_HOSPITAL: list[Body] = [Packets((b"p",)), Approval(b"a"), Withdrawal(b"w"), Declaration(b"d")]


def sealed(body: Body, *, from_coordinator: bool) -> bytes:
    study = NO_STUDY if isinstance(body, Members | Declaration | SplitProposal) else STUDY
    return letters.seal(OWN, "reader", study, body, from_coordinator=from_coordinator)


def opened(data: bytes, *, from_coordinator: bool) -> Body:
    letter = letters.open_letter(data, to="reader", key=OWN.public_key, from_coordinator=from_coordinator)
    assert letter.kind == type(letter.body).__name__
    body: Body = letter.body
    return body


@pytest.mark.parametrize("body", FROM_COORDINATOR)
def test_a_coordinator_s_letter_opens_to_what_was_sealed_and_is_no_hospital_s(body: Body) -> None:
    data = sealed(body, from_coordinator=True)
    assert opened(data, from_coordinator=True) == body
    with pytest.raises(CipherwardError):
        opened(data, from_coordinator=False)


@pytest.mark.parametrize("body", FROM_HOSPITAL)
def test_a_hospital_s_letter_opens_to_what_was_sealed_and_is_no_coordinator_s(body: Body) -> None:
    data = sealed(body, from_coordinator=False)
    assert opened(data, from_coordinator=False) == body
    with pytest.raises(CipherwardError):
        opened(data, from_coordinator=True)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_a_letter_can_be_flipped(place: int, bit: int) -> None:
    data = bytearray(sealed(Packets((bytes(range(32)), bytes(range(32)))), from_coordinator=True))
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(CipherwardError):
        opened(bytes(data), from_coordinator=True)


@given(noise=st.binary(max_size=300))
def test_noise_is_no_letter_and_can_still_be_described(noise: bytes) -> None:
    for data in (noise, b"CWL1" + noise, b"CWL1\x00\x00\x00\x10" + noise):
        with pytest.raises(CipherwardError):
            opened(data, from_coordinator=True)
        assert letters.describe(data)["letter"] == "?"


def test_a_letter_about_no_study_is_a_members_list_and_nothing_else() -> None:
    for body, study in ((Packets((b"p",)), NO_STUDY), (Members(b"m"), STUDY), (Packets((b"p",)), b"short")):
        data = letters.seal(OWN, "reader", study, body, from_coordinator=True)
        with pytest.raises(CipherwardError, match="about the wrong thing"):
            opened(data, from_coordinator=True)


def test_packets_that_follow_each_other_share_a_letter_as_long_as_it_stays_short() -> None:
    head, large = Head("text"), bytes(letters._SHORT + 1)
    half = bytes(letters._SHORT // 2)
    out: list[bytes | News] = [b"a", b"b", head, b"c", half, half, large, b"d", Breach(3, b"r"), Ended("why")]
    assert letters.bodies(out) == [
        Packets((b"a", b"b")),
        head,
        Packets((b"c", half)),
        Packets((half,)),
        Packets((large,)),
        Packets((b"d",)),
        Alert(3, b"r"),
        Stopped("why"),
    ]
    assert letters.bodies([]) == []


def test_a_letter_holds_so_many_packets_and_is_not_taken_apart_any_further() -> None:
    """Whoever is on a roster may send a letter of a gigabyte: a reader that kept track of every packet would run out of memory."""
    most = [b"p"] * letters._MOST
    assert letters.bodies([*most, *most, b"q"]) == [Packets((*most,)), Packets((*most,)), Packets((b"q",))]
    assert opened(sealed(Packets((*most,)), from_coordinator=False), from_coordinator=False) == Packets((*most,))
    data = sealed(Packets((*most, b"q")), from_coordinator=False)
    with pytest.raises(WireError, match="more than 64 packets"):
        opened(data, from_coordinator=False)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.binary(max_size=12))
def test_packets_come_out_as_they_went_in_and_in_one_way_only(packets: list[bytes], noise: bytes) -> None:
    payload = b"".join(letters._in_a_row(packets))
    assert list(letters._taken_apart(memoryview(payload))) == packets
    for changed in (payload + noise, payload[: -1 - len(noise)], noise):
        try:
            found = letters._taken_apart(memoryview(changed))
        except WireError:
            continue
        assert b"".join(letters._in_a_row(found)) == changed


def test_where_a_packet_ends_is_signed_too() -> None:
    data = sealed(Packets((b"one", b"second")), from_coordinator=True)
    payload = b"".join(letters._in_a_row((b"one", b"second")))
    assert data.endswith(payload)
    for others in ((b"ones", b"econd"), (b"one" + payload[11:],), (b"second", b"one")):
        with pytest.raises(CipherwardError, match="not the signed one"):
            opened(data[: -len(payload)] + b"".join(letters._in_a_row(others)), from_coordinator=True)


def test_a_letter_of_packets_holds_at_least_one_and_none_that_is_empty() -> None:
    for packets in ((), (b"",), (b"p", b"")):
        with pytest.raises(WireError):
            opened(sealed(Packets(packets), from_coordinator=True), from_coordinator=True)
