"""Ed25519 identities and the signed envelope that carries every message.

A signature covers label, version, message kind, study digest, sender and body, so that no signature made for one
purpose, study or sender can serve another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cipherward.crypto import signatures, wire
from cipherward.crypto.hashing import DIGEST_BYTES, digest
from cipherward.errors import ProtocolError, WireError

COORDINATOR = 0


@dataclass(frozen=True)
class Signed:
    """`kind` names the body's type; `sender` is a roster index (1..n) or COORDINATOR (0)."""

    kind: str
    study: bytes
    sender: int
    body: bytes
    signature: bytes


class Identity:
    """A long-lived Ed25519 signature key. Its repr shows the public fingerprint only."""

    def __init__(self, private_key: bytes) -> None:
        self._key = signatures.SigningKey(private_key)
        self.public_key: bytes = bytes(self._key.verify_key)

    def __repr__(self) -> str:
        return f"Identity({fingerprint(self.public_key)})"

    def sign(self, kind: str, study: bytes, sender: int, body: bytes) -> bytes:
        """The encoded `Signed` envelope around `body`."""
        signature = self._key.sign(_covered(kind, study, sender, body)).signature
        return wire.encode(Signed(kind, study, sender, body, signature))

    def sign_note(self, text: bytes) -> bytes:
        """The signature (64 bytes) over a note as it is, for tools of others. An envelope's covers a digest of 32 bytes, and a
        note is longer: neither can pass for the other.

        Raises:
            ValueError: not longer than a digest.
        """
        if len(text) <= DIGEST_BYTES:
            raise ValueError("too short for a note")
        return self._key.sign(text).signature


def fingerprint(public_key: bytes) -> str:
    """Short, human-comparable digest of a public key: 8 groups of 4 hex digits."""
    text = digest("key-fingerprint", public_key).hex()[:32]
    return " ".join(text[i : i + 4] for i in range(0, 32, 4))


def open_signed(data: bytes, *, study: bytes, keys: Mapping[int, bytes], kind: str | None = None) -> Signed:
    """Decode an envelope and check kind, study digest, sender and signature.

    Args:
        keys: public key (32 bytes) by roster index; COORDINATOR for the coordinator's.

    Raises:
        WireError: malformed.
        ProtocolError: another study, an unknown sender, another kind, or a forged signature.
    """
    return check_signed(_decoded(data, kind), study=study, keys=keys, kind=kind)


def check_signed(signed: Signed, *, study: bytes, keys: Mapping[int, bytes], kind: str | None = None) -> Signed:
    """The same for an envelope that is decoded already.

    Raises:
        as `open_signed`.
    """
    if kind is not None and signed.kind != kind:
        raise ProtocolError(f"expected a {kind!r} message, found {signed.kind!r}")
    if signed.study != study:
        raise ProtocolError(f"{signed.kind!r} message of sender {signed.sender} belongs to another study")
    key = keys.get(signed.sender)
    if key is None:
        raise ProtocolError(f"{signed.kind!r} message of unknown sender {signed.sender}")
    if len(signed.signature) != signatures.SIGNATURE_BYTES:
        raise WireError(f"a signature has {signatures.SIGNATURE_BYTES} bytes")
    try:
        if is_met_again(signed):
            _verify_again(key, signed)
        else:
            _verify(key, signed.signature, _covered(signed.kind, signed.study, signed.sender, signed.body))
    except signatures.BadSignatureError:
        raise ProtocolError(f"forged signature on a {signed.kind!r} message of sender {signed.sender}") from None
    return signed


_MET_AGAIN, _LARGEST = frozenset({"Join", "Header", "Manifest", "Vote"}), 1 << 14


def is_met_again(signed: Signed) -> bool:
    """Whether it is small, and of a kind that a party meets more than once: headers and manifest at consent and in the opening,
    votes in certificate and opening. Such messages are decoded and checked once."""
    return signed.kind in _MET_AGAIN and len(signed.body) <= _LARGEST


def _decoded(data: bytes, kind: str | None) -> Signed:
    if kind in _MET_AGAIN and type(data) is bytes and len(data) <= _LARGEST:
        return _decode_again(data)
    return wire.decode(Signed, data)


# What raises is not remembered.


@lru_cache(maxsize=1024)
def _decode_again(data: bytes) -> Signed:
    return wire.decode(Signed, data)


@lru_cache(maxsize=1024)
def _verify_again(key: bytes, signed: Signed) -> None:
    signatures.check(key, signed.signature, _covered(signed.kind, signed.study, signed.sender, signed.body))


@lru_cache(maxsize=4096)
def _verify(key: bytes, signature: bytes, covered: bytes) -> None:
    signatures.check(key, signature, covered)


def _covered(kind: str, study: bytes, sender: int, body: bytes) -> bytes:
    return digest("signature", kind.encode(), study, sender.to_bytes(4, "big"), body)
