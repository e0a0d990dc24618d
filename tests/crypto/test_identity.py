"""Signatures bind kind, study, sender and body; identities show no secret."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity, Signed, fingerprint, open_signed
from cipherward.errors import CipherwardError, ProtocolError, WireError

STUDY, OTHER_STUDY = digest("study", b"one"), digest("study", b"two")
SECRETS = {i: hashlib.sha256(f"identity {i}".encode()).digest() for i in range(4)}
PEOPLE = {i: Identity(secret) for i, secret in SECRETS.items()}
KEYS = {i: identity.public_key for i, identity in PEOPLE.items()}
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

ENVELOPE = PEOPLE[1].sign("Vote", STUDY, 1, b"body")


def altered(**changes: object) -> bytes:
    return wire.encode(dataclasses.replace(wire.decode(Signed, ENVELOPE), **changes))  # type: ignore[arg-type]


def test_a_signed_message_opens_to_what_was_signed() -> None:
    assert open_signed(ENVELOPE, study=STUDY, keys=KEYS, kind="Vote").body == b"body"
    signed = open_signed(ENVELOPE, study=STUDY, keys=KEYS)
    assert (signed.kind, signed.study, signed.sender) == ("Vote", STUDY, 1)


def test_signing_the_same_message_again_gives_the_same_bytes() -> None:
    assert Identity(SECRETS[1]).sign("Vote", STUDY, 1, b"body") == ENVELOPE


def test_a_message_of_one_kind_does_not_pass_for_another() -> None:
    with pytest.raises(ProtocolError, match="expected a 'Join'"):
        open_signed(ENVELOPE, study=STUDY, keys=KEYS, kind="Join")
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(kind="Join"), study=STUDY, keys=KEYS, kind="Join")


def test_a_message_of_one_study_does_not_pass_in_another() -> None:
    with pytest.raises(ProtocolError, match="another study"):
        open_signed(ENVELOPE, study=OTHER_STUDY, keys=KEYS)
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(study=OTHER_STUDY), study=OTHER_STUDY, keys=KEYS)


def test_a_message_of_one_hospital_does_not_pass_for_anothers() -> None:
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(sender=2), study=STUDY, keys=KEYS)


@pytest.mark.parametrize("key", [b"", KEYS[1][:31], KEYS[1] + b"\0"])
def test_of_a_key_of_another_size_no_signature_is_believed(key: bytes) -> None:
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(ENVELOPE, study=STUDY, keys={1: key})


def test_even_one_key_in_two_places_of_the_roster_signs_for_one_place_only() -> None:
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(sender=3), study=STUDY, keys={**KEYS, 3: KEYS[1]})


@pytest.mark.parametrize("sender", [4, 2**32 + 1, 2**63 - 1])
def test_an_unknown_sender_is_refused(sender: int) -> None:
    with pytest.raises(ProtocolError, match="unknown sender"):
        open_signed(altered(sender=sender), study=STUDY, keys=KEYS)


def test_an_altered_body_is_refused() -> None:
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(body=b"Body"), study=STUDY, keys=KEYS)


def test_a_signature_by_another_key_is_refused() -> None:
    with pytest.raises(ProtocolError, match="forged signature on a 'Vote' message of sender 1"):
        open_signed(PEOPLE[2].sign("Vote", STUDY, 1, b"body"), study=STUDY, keys=KEYS)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65)])
def test_a_signature_of_another_length_is_malformed(signature: bytes) -> None:
    with pytest.raises(WireError):
        open_signed(altered(signature=signature), study=STUDY, keys=KEYS)


def test_the_other_encoding_of_the_same_signature_is_refused() -> None:
    signature = wire.decode(Signed, ENVELOPE).signature
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(signature=signature[:32] + scalar.to_bytes(32, "little")), study=STUDY, keys=KEYS)


@pytest.mark.parametrize("signature", [bytes(64), b"\x01" + bytes(63), b"\xff" * 64])
def test_trivial_signatures_are_refused(signature: bytes) -> None:
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(signature=signature), study=STUDY, keys=KEYS)


def test_every_flipped_bit_of_an_envelope_is_refused() -> None:
    for position in range(8 * len(ENVELOPE)):
        flipped = bytearray(ENVELOPE)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises((WireError, ProtocolError)):
            open_signed(bytes(flipped), study=STUDY, keys=KEYS, kind="Vote")


@pytest.mark.parametrize("data", [b"", b"\x85", ENVELOPE[:-1], ENVELOPE + b"\x00", b"\x80" * 100])
def test_bytes_that_are_no_envelope_are_malformed(data: bytes) -> None:
    with pytest.raises(WireError):
        open_signed(data, study=STUDY, keys=KEYS)


def test_a_bare_ed25519_signature_over_the_body_is_no_signature_here() -> None:
    bare = Ed25519PrivateKey.from_private_bytes(SECRETS[1]).sign(b"body")
    with pytest.raises(ProtocolError, match="forged"):
        open_signed(altered(signature=bare), study=STUDY, keys=KEYS)


def test_the_signature_is_ed25519_over_the_documented_digest() -> None:
    covered = digest("signature", b"Vote", STUDY, (1).to_bytes(4, "big"), b"body")
    expected = Ed25519PrivateKey.from_private_bytes(SECRETS[1]).sign(covered)
    assert wire.decode(Signed, ENVELOPE).signature == expected


def test_the_repr_of_an_identity_shows_the_fingerprint_and_no_secret() -> None:
    text = repr(PEOPLE[1])
    assert text == f"Identity({fingerprint(KEYS[1])})"
    assert SECRETS[1].hex() not in text
    assert SECRETS[1].hex() not in repr(vars(PEOPLE[1]))
    assert repr(SECRETS[1]) not in repr(vars(PEOPLE[1]))


def test_a_fingerprint_is_stable_and_differs_between_keys() -> None:
    assert fingerprint(bytes(32)) == "fb89 73b5 7bba ac53 8a61 af0d cca5 708c"
    assert len({fingerprint(key) for key in KEYS.values()}) == len(KEYS)
    groups = fingerprint(KEYS[COORDINATOR]).split(" ")
    assert [len(group) for group in groups] == [4] * 8


def test_a_key_of_another_length_makes_no_identity() -> None:
    for size in (0, 31, 33):
        with pytest.raises((ValueError, CipherwardError)):
            Identity(bytes(size))
