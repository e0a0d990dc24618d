"""Shares sealed to their holder with HPKE (RFC 9180): ML-KEM-768 + X25519, HKDF-SHA256, AES-256-GCM.

A key pair serves one sum: 96 private bytes (64 of ML-KEM seed, 32 of X25519), 1,216 public bytes (1,184 and 32).
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cipherward.crypto import slices
from cipherward.crypto.hashing import digest
from cipherward.crypto.scheme import SumTask
from cipherward.errors import WireError

PrivateKey = hpke.MLKEM768X25519PrivateKey

PRIVATE_BYTES, PUBLIC_BYTES = 96, 1216
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_MLKEM_SEED, _MLKEM_PUBLIC = 64, 1184


def public_key(private: bytes) -> bytes:
    """The public key of 96 private bytes.

    Raises:
        ValueError: not 96 bytes.
    """
    if len(private) != PRIVATE_BYTES:
        raise ValueError(f"a key pair is made from {PRIVATE_BYTES} random bytes")
    lattice = MLKEM768PrivateKey.from_seed_bytes(private[:_MLKEM_SEED])
    curve = X25519PrivateKey.from_private_bytes(private[_MLKEM_SEED:])
    return lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def private_key(private: bytes) -> PrivateKey:
    """The key that 96 private bytes stand for."""
    lattice = MLKEM768PrivateKey.from_seed_bytes(private[:_MLKEM_SEED])
    return PrivateKey(lattice, X25519PrivateKey.from_private_bytes(private[_MLKEM_SEED:]))


def key_is_usable(public: bytes) -> bool:
    """A trial seal: some well-formed points (of low order) give no shared secret."""
    try:
        seal(b"", public, b"trial")
    except WireError:
        return False
    return True


def info(task: SumTask, dealer: int, holder: int, payload: bytes) -> bytes:
    """What a share is sealed for: this sum, dealer and holder, and the payload with this digest."""
    return digest("sealed-share", task.context, dealer.to_bytes(4, "big"), holder.to_bytes(4, "big"), payload)


COMMITMENT_BYTES = 32


def commitment(task: SumTask, dealer: int, holder: int, share: bytes) -> bytes:
    """What a dealer says in its signed header of a share, without showing it: a digest of the share itself.

    A share is as hard to guess as the secret, so the digest tells nothing; and it decides what was dealt, should dealer
    and holder ever differ about it.
    """
    return commitment_to(task, dealer, holder, slices.root(slices.cut(share)))


def commitment_to(task: SumTask, dealer: int, holder: int, root: bytes) -> bytes:
    """The `commitment` to a share whose `crypto.slices` have this root."""
    return digest("share-commitment", task.context, dealer.to_bytes(4, "big"), holder.to_bytes(4, "big"), root)


def committed(sealed: bytes) -> tuple[bytes, bytes]:
    """(commitment, HPKE bytes) of a sealed share as it travels. Raises WireError: too short."""
    if len(sealed) < COMMITMENT_BYTES:
        raise WireError("a sealed share without its commitment")
    return sealed[:COMMITMENT_BYTES], sealed[COMMITMENT_BYTES:]


def check_commitment(expected: bytes, task: SumTask, dealer: int, holder: int, share: bytes) -> None:
    """Raises WireError: the share is not the one that its dealer committed to."""
    if commitment(task, dealer, holder, share) != expected:
        raise WireError("a share that is not the one its dealer committed to")


def seal(plain: bytes, public: bytes, purpose: bytes) -> bytes:
    """`plain` for the holder of a public key; `purpose` (see `info`) must be the same when it is opened.

    Raises:
        WireError: the key is malformed, or nothing can be sealed to it.
    """
    try:
        return _SUITE.encrypt(plain, _public(public), purpose)
    except ValueError:  # a curve point of low order
        raise WireError("nothing can be sealed to a holder's key") from None


def unseal(sealed: bytes, key: PrivateKey, purpose: bytes) -> bytes:
    """Inverse of `seal`.

    Raises:
        WireError: altered, or sealed to another key or for another purpose.
    """
    try:
        return _SUITE.decrypt(sealed, key, purpose)
    except (InvalidTag, ValueError):
        raise WireError("a sealed share does not open") from None


# Every party of a process seals to the same keys.
@lru_cache(maxsize=256)
def _public(key: bytes) -> hpke.MLKEM768X25519PublicKey:
    if len(key) != PUBLIC_BYTES:
        raise WireError(f"a holder's key has {PUBLIC_BYTES} bytes, found {len(key)}")
    try:
        lattice = MLKEM768PublicKey.from_public_bytes(key[:_MLKEM_PUBLIC])
        return hpke.MLKEM768X25519PublicKey(lattice, X25519PublicKey.from_public_bytes(key[_MLKEM_PUBLIC:]))
    except ValueError:
        raise WireError("a holder's key is not a valid ML-KEM-768 + X25519 key") from None
