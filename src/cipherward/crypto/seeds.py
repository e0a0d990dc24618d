"""Seeds of masks: agreed between pairs of hospitals, and Shamir-shared among all who joined.

A seed of 32 bytes is cut into nine 30-bit values (little endian), each shared over GF(2^31 - 1) with threshold t:
36 bytes for a share of a seed. Over 65521 a 16-bit value would not fit, and bytes would take 64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cipherward.crypto import sealing, shamir, wire
from cipherward.crypto._jit import U32
from cipherward.crypto.hashing import digest
from cipherward.crypto.params import SEED_BYTES
from cipherward.crypto.sampling import Xof, uniform_into
from cipherward.crypto.scheme import DealtShare, SumTask
from cipherward.errors import ProtocolError, WireError

FIELD = 2**31 - 1
SHARE_BYTES = 36
PUBLIC_BYTES = sealing.PUBLIC_BYTES + 32
"""Of a key that serves sealing and pair agreement: the HPKE key, then an X25519 key."""

_LIMB_BITS, _N_LIMBS = 30, 9


@dataclass(frozen=True)
class Dealing:
    """Plaintext of a sealed share: who joined, and for each a share of the seed with the dealer (its own: of b)."""

    joined: tuple[int, ...]
    values: bytes = field(repr=False)


@dataclass(frozen=True)
class SeedTable:
    """For each dealer: b, then the seed with everyone who is absent. A release holds shares, a witness the seeds."""

    dealers: tuple[int, ...]
    absent: tuple[int, ...]
    values: bytes = field(repr=False)


def pair_key(private: bytes) -> X25519PrivateKey:
    """The key for agreements with other hospitals; not the X25519 key inside the HPKE key: one key, one use.

    Raises:
        ValueError: not 96 private bytes.
    """
    if len(private) != sealing.PRIVATE_BYTES:
        raise ValueError(f"a key pair is made from {sealing.PRIVATE_BYTES} random bytes")
    return X25519PrivateKey.from_private_bytes(digest("pair-key", private))


def agree(own: X25519PrivateKey, public: bytes) -> bytes:
    """The X25519 secret shared with the owner of `public`. Raises WireError: a malformed key or a weak point."""
    if len(public) != PUBLIC_BYTES:
        raise WireError(f"a holder's key has {PUBLIC_BYTES} bytes, found {len(public)}")
    try:
        return own.exchange(X25519PublicKey.from_public_bytes(public[sealing.PUBLIC_BYTES :]))
    except ValueError:  # a curve point of low order
        raise WireError("nothing can be agreed on with a holder's key") from None


def pair_seed(task: SumTask, sender: int, private: bytes, other: int, public: bytes) -> bytes:
    """s_ij, the same 32 bytes for both hospitals and for no other pair or sum (HKDF-SHA256, RFC 5869)."""
    pair = b"".join(i.to_bytes(4, "big") for i in sorted((sender, other)))
    kdf = HKDF(SHA256(), SEED_BYTES, salt=task.context, info=digest("pair-seed", task.context, pair))
    return kdf.derive(agree(pair_key(private), public))


# shares of seeds


def _limbs(seed: bytes) -> list[int]:
    value = int.from_bytes(seed, "little")
    return [value >> (_LIMB_BITS * k) & ((1 << _LIMB_BITS) - 1) for k in range(_N_LIMBS)]


def share(task: SumTask, holders: Sequence[int], seeds: Sequence[bytes], key: bytes) -> Iterator[tuple[int, bytes]]:
    """Each holder's shares of all seeds, `SHARE_BYTES` for each seed, in order.

    Args:
        holders: distinct roster indices, at least `threshold` of them.
        key: 32 fresh secret random bytes; the shares of the first threshold - 1 holders are its streams.
    """
    n_free = task.threshold - 1
    known = np.empty((task.threshold, _N_LIMBS * len(seeds)), np.uint32)
    known[0] = [limb for seed in seeds for limb in _limbs(seed)]
    for row, holder in enumerate(holders[:n_free], start=1):
        uniform_into(Xof(key), (holder, 0), FIELD, known[row])
    rest = shamir.evaluate([0, *holders[:n_free]], known, holders[n_free:], FIELD)
    for holder, values in zip(holders, (*known[1:], *rest), strict=True):
        yield holder, values.astype("<u4").tobytes()
    known.fill(0)


def cut(values: bytes) -> list[bytes]:
    """One item for each seed."""
    return [values[begin : begin + SHARE_BYTES] for begin in range(0, len(values), SHARE_BYTES)]


def field_values(packed: bytes) -> U32:
    """Shares as field elements. Raises WireError when one is not below `FIELD`."""
    values = np.frombuffer(packed, "<u4").astype(np.uint32)
    if values.size and int(values.max()) >= FIELD:
        raise WireError(f"a share holds a value that is not below {FIELD}")
    return values


def _increasing(task: SumTask, *hospitals: int) -> bool:
    return list(hospitals) == sorted(set(hospitals)) and all(1 <= i <= task.n_hospitals for i in hospitals)


def open_dealing(task: SumTask, holder: int, dealer: int, key: sealing.PrivateKey, share: DealtShare) -> Dealing:
    """What a dealer sealed for this holder. Raises WireError: it does not open, is malformed, or not as committed."""
    expected, sealed = sealing.committed(share.sealed)
    plain = sealing.unseal(sealed, key, sealing.info(task, dealer, holder, share.payload_digest))
    sealing.check_commitment(expected, task, dealer, holder, plain)
    return read_dealing(task, holder, dealer, plain)


def read_dealing(task: SumTask, holder: int, dealer: int, plain: bytes) -> Dealing:
    """What was under the seal. Raises WireError: malformed."""
    dealing = wire.decode(Dealing, plain)
    if not _increasing(task, *dealing.joined) or not {dealer, holder} <= set(dealing.joined):
        raise WireError("a share with an impossible list of joins")
    if len(dealing.values) != SHARE_BYTES * len(dealing.joined):
        raise WireError("a share does not hold one value for each seed")
    field_values(dealing.values)
    return dealing


def parse(task: SumTask, data: bytes) -> SeedTable:
    """A release or witness. Raises WireError when it is malformed."""
    table = wire.decode(SeedTable, data)
    if not _increasing(task, *table.dealers) or not _increasing(task, *table.absent):
        raise WireError("the hospitals are not in order, or unknown")
    if set(table.dealers) & set(table.absent):
        raise WireError("a hospital both contributes and is absent")
    if len(table.values) != SHARE_BYTES * len(table.dealers) * (1 + len(table.absent)):
        raise WireError("not one value for each seed")
    return table


def released(task: SumTask, data: bytes) -> tuple[SeedTable, U32]:
    """A release with its shares as field elements. Raises WireError when it is malformed."""
    table = parse(task, data)
    return table, field_values(table.values)


def opened(table: SeedTable) -> Iterator[tuple[int, int, bytes]]:
    """(dealer, other, seed) of a witness; `other` is the dealer itself for b. Raises ProtocolError for no seed."""
    pairs = ((dealer, other) for dealer in table.dealers for other in (dealer, *table.absent))
    for (dealer, other), packed in zip(pairs, cut(table.values), strict=True):
        limbs = [int.from_bytes(packed[begin : begin + 4], "little") for begin in range(0, SHARE_BYTES, 4)]
        value = sum(limb << (_LIMB_BITS * k) for k, limb in enumerate(limbs))
        if any(limb >> _LIMB_BITS for limb in limbs) or value >> (8 * SEED_BYTES):
            raise ProtocolError(f"the sum does not open: no seed of hospital {dealer} comes out of the shares")
        yield dealer, other, value.to_bytes(SEED_BYTES, "little")
