"""Files that people carry: mail may wrap them in text, nothing else may change."""

from __future__ import annotations

import base64
import contextlib
import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cipherward.consortium.membership import authority, invitations
from cipherward.consortium.membership.invitations import Admission, Invitation
from cipherward.consortium.membership.members import consortium_id
from cipherward.crypto.identity import Identity
from cipherward.errors import CipherwardError, ProtocolError, RefusedError, WireError

COORDINATOR, HOSPITAL, STRANGER = (Identity(bytes([n]) * 32) for n in (1, 2, 3))
ID = consortium_id("north", COORDINATOR.public_key)
INVITATION = Invitation(
    "north", ("tls://host:4222",), b"-----BEGIN", COORDINATOR.public_key, "clinic", b"\x05" * 32, 1_900_000_000
)
CSR = authority.signing_request(authority.new_tls_key(), "clinic")
TEXT = invitations.write_invitation(COORDINATOR, INVITATION)
REQUEST = invitations.write_request(HOSPITAL, INVITATION, CSR)
ADMISSION = invitations.write_admission(
    COORDINATOR, Admission(ID, "clinic", HOSPITAL.public_key, b"pem", b"chain"), "north"
)


def read(kind: str, text: bytes) -> object:
    if kind == "invitation":
        return invitations.read_invitation(text)
    if kind == "request":
        return invitations.read_request(text, ID)
    return invitations.read_admission(text, ID, COORDINATOR.public_key)


FILES = {"invitation": TEXT, "request": REQUEST, "admission": ADMISSION}


@pytest.mark.parametrize("kind", list(FILES))
def test_a_file_says_what_it_is_and_survives_mail(kind: str) -> None:
    text = FILES[kind]
    assert kind in text.splitlines()[0].decode()
    assert max(len(line) for line in text.splitlines()) <= 120
    assert invitations.kind_of(text) == kind
    mailed = b"Dear colleague,\r\n\r\n" + text.replace(b"\n", b" \r\n") + b"\r\n-- \r\nIT\r\n"
    assert read(kind, mailed) == read(kind, text)


def test_what_is_read_is_what_was_written() -> None:
    assert invitations.read_invitation(TEXT) == INVITATION
    request = invitations.read_request(REQUEST, ID)
    assert (request.name, request.public_key, request.signing_request) == ("clinic", HOSPITAL.public_key, CSR)
    invitations.check_proof(request, invitations.token_key(INVITATION.token))


def test_the_request_does_not_hold_the_token_and_no_repr_shows_it() -> None:
    blob = invitations.dearmour("request", REQUEST)
    assert INVITATION.token not in blob
    assert invitations.token_key(INVITATION.token) not in blob
    assert "token" not in repr(INVITATION)


@pytest.mark.parametrize("kind", list(FILES))
@given(data=st.data())
def test_a_damaged_file_is_never_a_crash_and_never_read_as_something_else(kind: str, data: st.DataObject) -> None:
    text = FILES[kind]
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + bytes([data.draw(st.integers(0, 255))]) + text[at + 1 :]
    for attempt in (damaged, text[:at], text[at:], text + text, text[:at] + text[at + 1 :]):
        with contextlib.suppress(CipherwardError):
            assert read(kind, attempt) == read(kind, text)


@pytest.mark.parametrize("kind", list(FILES))
@given(data=st.data())
def test_damage_within_the_signed_bytes_is_always_refused(kind: str, data: st.DataObject) -> None:
    blob = bytearray(invitations.dearmour(kind, FILES[kind]))  # type: ignore[arg-type]
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((WireError, ProtocolError)):
        read(kind, invitations.armour(kind, "again", bytes(blob)))  # type: ignore[arg-type]


@given(st.binary(max_size=300))
@example(b"-----BEGIN CIPHERWARD REQUEST-----\n\n-----END CIPHERWARD REQUEST-----")
@example(b"-----BEGIN CIPHERWARD NONSENSE-----\nAAAA\n-----END CIPHERWARD NONSENSE-----")
def test_anything_else_is_no_such_file(data: bytes) -> None:
    for kind in FILES:
        with pytest.raises(CipherwardError):
            read(kind, data)
        with pytest.raises((WireError, ProtocolError)):
            read(kind, invitations.armour("request", "x", data or b"x"))


def test_base64_with_spare_bits_set_is_damaged() -> None:
    blob = base64.b64encode(b"ab")  # "YWI=": the last two bits of I are spare
    text = invitations.armour("members", "x", b"ab")
    assert blob in text
    with pytest.raises(WireError, match="damaged"):
        invitations.dearmour("members", text.replace(blob, b"YWJ="))


def test_the_wrong_kind_of_file_is_named() -> None:
    with pytest.raises(WireError, match="this is a request file; needed: the invitation"):
        invitations.read_invitation(REQUEST)


def test_a_file_larger_than_any_real_one_is_not_even_looked_at() -> None:
    with pytest.raises(WireError, match="too large"):
        invitations.kind_of(b" " * (invitations.MAX_FILE_BYTES + 1))


def test_an_invitation_whose_parts_were_exchanged_does_not_hold_together() -> None:
    theirs = dataclasses.replace(INVITATION, coordinator_key=STRANGER.public_key)
    with pytest.raises(ProtocolError):
        invitations.read_invitation(invitations.write_invitation(COORDINATOR, theirs))


@pytest.mark.parametrize(
    "change",
    [
        {"servers": ()},
        {"servers": ("tls://a\x1b[2J:1",)},
        {"consortium": "north\nsouth"},
        {"token": b"short"},
        {"name": "Clinic"},
        {"authority": b"x" * 20_000},
    ],
)
def test_an_invitation_that_cannot_be_is_refused_even_when_signed(change: dict[str, object]) -> None:
    odd = dataclasses.replace(INVITATION, **change)  # type: ignore[arg-type]
    with pytest.raises(ProtocolError):
        invitations.read_invitation(invitations.write_invitation(COORDINATOR, odd))


def test_a_request_without_the_token_or_with_other_keys_than_the_token_was_used_for_is_refused() -> None:
    key = invitations.token_key(INVITATION.token)
    guessed = dataclasses.replace(INVITATION, token=b"\x06" * 32)
    for text in (
        invitations.write_request(HOSPITAL, guessed, CSR),
        invitations.write_request(STRANGER, guessed, CSR),
    ):
        with pytest.raises(RefusedError, match="not made with the token"):
            invitations.check_proof(invitations.read_request(text, ID), key)
    honest = invitations.read_request(REQUEST, ID)
    for change in ({"public_key": STRANGER.public_key}, {"signing_request": b"other"}, {"name": "other"}):
        with pytest.raises(RefusedError):
            invitations.check_proof(dataclasses.replace(honest, **change), key)


def test_an_admission_of_another_coordinator_is_forged() -> None:
    admission = Admission(ID, "clinic", HOSPITAL.public_key, b"pem", b"chain")
    with pytest.raises(ProtocolError, match="forged"):
        invitations.read_admission(
            invitations.write_admission(STRANGER, admission, "north"), ID, COORDINATOR.public_key
        )
