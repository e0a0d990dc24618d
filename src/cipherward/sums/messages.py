"""The messages of a secure sum, in the order in which they travel. docs/protocol.md shows them with sizes.

Every body that names a sum carries its `context`; receivers compute theirs and compare, they never copy it. The context
covers the last opening that its sender has seen; `last` names it where two parties have to see whether it is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, cast

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import Identity, Signed, is_met_again, open_signed
from cipherward.crypto.scheme import NOTHING_OPENED
from cipherward.errors import ProtocolError
from cipherward.sums.digests import Digests, Entry
from cipherward.sums.evidence import Answer, Answered, Challenge, Contradiction, Shown, ShowRequest

CONSENT, VOID = 1, 0

Body = TypeVar("Body")


@dataclass(frozen=True)
class Query:
    """What a sum asks: Q = digest(purpose, parameters, model digest or "none")."""

    purpose: str
    parameters: bytes
    model: bytes

    def digest(self) -> bytes:
        return digest("query", self.purpose.encode(), self.parameters, self.model or b"none")


def context(study: bytes, query: bytes, round: int, attempt: int, last: bytes = NOTHING_OPENED) -> bytes:
    """ctx = (study digest, Q, round, attempt, digest of the last opening) as 32 bytes."""
    return digest("context", study, query, round.to_bytes(8, "big"), attempt.to_bytes(8, "big"), last)


def opening_digest(context: bytes, manifest_digest: bytes, following: bytes) -> bytes:
    """What messages name an opening by. Its context covers the opening before, so it names all openings up to this one.

    Args:
        following: digest of the state that follows.
    """
    return digest("opening", context, manifest_digest, following)


@dataclass(frozen=True)
class FalseShare:
    """A dealer's signed header, and its signed `Shown` with a share that is not the one in the header: proof against it."""

    header: bytes
    shown: bytes = field(repr=False)


@dataclass(frozen=True)
class Announce:
    """Coordinator: this sum begins. `voids` holds one void certificate per earlier attempt; `proofs` what was proved in them."""

    context: bytes
    round: int
    attempt: int
    voids: tuple[VoidCertificate, ...]
    last: bytes = NOTHING_OPENED
    proofs: tuple[FalseShare, ...] = ()


@dataclass(frozen=True)
class Behind:
    """Hospital: I have verified the sums below `round` only; send me what I missed."""

    round: int
    last: bytes = NOTHING_OPENED


@dataclass(frozen=True)
class Join:
    """Hospital: my fresh public key for this sum."""

    context: bytes
    key: bytes
    last: bytes = NOTHING_OPENED


@dataclass(frozen=True)
class Joined:
    """Coordinator: the signed joins of everyone who takes part."""

    context: bytes
    joins: tuple[bytes, ...]


@dataclass(frozen=True)
class Header:
    """Hospital: what my contribution consists of, and how I stand in the sum (`disclosure.standing.Statement`).

    `shares`: of each holder's commitment and sealed share; `block`: its digest, empty for a register that stands alone; `agreement`: 1 when this hospital may be singled out;
    `has_rows`: 1 when it has enough rows for this question; `has_entered`: 1 when patients entered its register since its
    last opened sum.
    """

    context: bytes
    joined: bytes
    payload_digest: bytes
    shares: Digests
    block: bytes
    register: str
    agreement: int
    has_rows: int
    has_entered: int


@dataclass(frozen=True)
class ShareFor:
    """A sealed share: for holder `hospital` in an Update, from dealer `hospital` in a ConsentRequest."""

    hospital: int
    sealed: bytes = field(repr=False)


@dataclass(frozen=True)
class Update:
    """Hospital: the contribution. The header is signed and binds the rest."""

    header: bytes
    payload: bytes = field(repr=False)
    shares: tuple[ShareFor, ...] = field(repr=False)


@dataclass(frozen=True)
class Manifest:
    """Coordinator: these contributions, and no others, are in the sum with this digest."""

    context: bytes
    entries: tuple[Entry, ...]
    total_digest: bytes


@dataclass(frozen=True)
class ConsentRequest:
    """Coordinator to one hospital: the signed manifest, every signed header, and the shares sealed to it.

    `shown`: signed `Shown` messages of dealers about whose sealed share this hospital has complained.
    """

    manifest: bytes
    headers: tuple[bytes, ...]
    shares: tuple[ShareFor, ...] = field(repr=False)
    shown: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Vote:
    """Hospital: my one vote on this sum; `fingerprint` is that of my own contribution, empty where I have none."""

    context: bytes
    choice: int
    manifest_digest: bytes
    fingerprint: bytes
    last: bytes = NOTHING_OPENED


@dataclass(frozen=True)
class Complaint:
    """Hospital: no consent yet, because this dealer's share for me is bad; let the dealer show it."""

    context: bytes
    dealer: int
    reason: str


@dataclass(frozen=True)
class VoidRequest:
    """Coordinator: this attempt will not be opened; confirm that you never consented."""

    context: bytes


@dataclass(frozen=True)
class VoidCertificate:
    """At least `threshold` signed void votes on one context."""

    votes: tuple[bytes, ...]


@dataclass(frozen=True)
class Contribution:
    """The payload of a contributor that left no signed fingerprint; whoever gets it has its header."""

    hospital: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Certificate:
    """At least `threshold` signed consents of distinct hospitals to one manifest.

    `served`: of contributors that are silent, to read and attest.
    """

    manifest_digest: bytes
    votes: tuple[bytes, ...]
    served: tuple[Contribution, ...] = ()


@dataclass(frozen=True)
class Attested:
    """Hospital, a contributor: the fingerprints, as `Entry`s, of the contributions that I was served."""

    context: bytes
    manifest_digest: bytes
    marks: tuple[Entry, ...]


@dataclass(frozen=True)
class Release:
    """Hospital: the sum of the shares that I hold, over the manifest's contributors."""

    context: bytes
    manifest_digest: bytes
    shares: bytes = field(repr=False)


@dataclass(frozen=True)
class Opening:
    """Coordinator: everything needed to check the sum and to recompute what follows from it.

    Where the sum does not open: `challenge` is the signed challenge about its releases; signed `answers` and `releases` show that it does
    not, `contradictions` who is proved to have spoiled it. In a scheme without challenges `releases` are all of them.
    `voids`: a void certificate for each earlier attempt at the sum; `proofs`: of false shares dealt in any of its attempts.
    `attested`: signed fingerprints by others of who left none; `unsigned`: the payloads of the rest of them.
    """

    round: int
    attempt: int
    manifest: bytes
    headers: tuple[bytes, ...] = field(repr=False)
    votes: tuple[bytes, ...] = field(repr=False)
    total: bytes = field(repr=False)
    witness: bytes = field(repr=False)
    unsigned: tuple[Contribution, ...]
    next_model: bytes
    releases: tuple[bytes, ...] = field(default=(), repr=False)
    challenge: bytes = field(default=b"", repr=False)
    answers: tuple[bytes, ...] = field(default=(), repr=False)
    contradictions: tuple[Contradiction, ...] = field(default=(), repr=False)
    voids: tuple[VoidCertificate, ...] = ()
    proofs: tuple[FalseShare, ...] = ()
    attested: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """Hospital: what I checked of an opening, and what came of it. `last` is this opening, once I have verified it; `day`: when, in
    days since 1970-01-01 UTC."""

    context: bytes
    round: int
    manifest_digest: bytes
    outcome: str
    detail: str
    next_model: bytes
    last: bytes = NOTHING_OPENED
    day: int = 0


@dataclass(frozen=True)
class Notice:
    """Coordinator to one hospital: a message of yours was not used. `code`: "late", "faulty" or "excluded"."""

    context: bytes
    round: int
    code: str
    reason: str


@dataclass(frozen=True)
class Declined:
    """Hospital: I send no contribution to this sum. `reason` is a code; what happened stays in the hospital's log."""

    context: bytes
    reason: str


KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        Announce, Behind, Join, Joined, Header, Update, Manifest, ConsentRequest,
        Vote, Complaint, VoidRequest, Certificate, Release, Challenge, Answer, Answered, ShowRequest, Shown, Opening, Receipt,
        Notice, Declined, Attested,
    )
}  # fmt: skip


def sign(identity: Identity, study: bytes, sender: int, body: Any) -> bytes:
    """The signed envelope around a message body."""
    return identity.sign(type(body).__name__, study, sender, wire.encode(body))


def unsign(
    data: bytes, kind: type[Body], *, study: bytes, keys: Mapping[int, bytes], sender: int | None = None
) -> Body:
    """The body of a signed message of the given kind (and sender, when one is expected).

    Raises:
        WireError, ProtocolError: see `open_signed`; also when another sender signed it.
    """
    return read(open_signed(data, study=study, keys=keys, kind=kind.__name__), kind, sender)


def read(signed: Signed, kind: type[Body], sender: int | None = None) -> Body:
    """The body of an envelope whose signature has been checked."""
    if sender is not None and signed.sender != sender:
        raise ProtocolError(f"a {signed.kind} of hospital {signed.sender} where one of {sender} belongs")
    if is_met_again(signed):
        return cast(Body, _decode_again(cast(Any, kind), signed.body))
    return wire.decode(kind, signed.body)


@lru_cache(maxsize=1024)
def _decode_again(kind: type, body: bytes) -> object:
    return wire.decode(kind, body)
