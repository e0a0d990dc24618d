"""Letters: what a coordinator and its hospitals send each other besides, and around, the packets of a study.

A letter is a short signed head and a payload that the head names by digest, so that a large update is hashed once and
never copied into an envelope. The head says to whom the letter goes: nobody can pass it on as meant for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity, Signed, check_signed
from cipherward.errors import ProtocolError, WireError

NO_STUDY = bytes(32)
"""In the place of a study digest where a letter is about none."""

_MAGIC = b"CWL1"
_MAX_HEAD = 4096
_SHORT = 1 << 18
"""Bytes of packets that share a letter. Whoever catches up is sent many, and large ones."""
_MOST = 64
"""Packets of a letter. In the largest there is room for a hundred million small ones, each of which its reader keeps track of and logs."""
_MEMBER = 1
"""In the place of a roster index: a member has one in each study, and none outside them."""


@dataclass(frozen=True)
class Packets:
    """Either way: packets of a running study, see `cipherward.sums.packets`, in the order in which they are taken. Opened, views
    into the letter."""

    packets: tuple[bytes | memoryview, ...] = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """Coordinator: a frozen study as TOML, and the public CKKS key where the scheme has one."""

    document: str
    ckks_public: bytes = field(repr=False)


@dataclass(frozen=True)
class Begun:
    """Coordinator: what hospitals declared with their approvals, with which the study begins (`parties.inventories`)."""

    inventories: bytes = field(repr=False)


@dataclass(frozen=True)
class Approval:
    """Hospital: its people have approved the study; `statement` is what they signed."""

    statement: bytes = field(repr=False)


@dataclass(frozen=True)
class Withdrawal:
    """Hospital: no further update and no release; what is opened is still verified; `statement` is signed."""

    statement: bytes = field(repr=False)


@dataclass(frozen=True)
class Refusal:
    """Hospital: names of what keeps it from the study as it is (`statements.REASONS`), and no word more; none: nothing any more."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Members:
    """Coordinator: the newest signed list of members."""

    document: bytes = field(repr=False)


@dataclass(frozen=True)
class Alert:
    """Coordinator: hospital `hospital` (roster index) reports a breach; `receipt` is its signed word for it."""

    hospital: int
    receipt: bytes = field(repr=False)


@dataclass(frozen=True)
class Stopped:
    """Coordinator: the study has ended, and why."""

    reason: str


@dataclass(frozen=True)
class Declaration:
    """Hospital: what it has signed outside any study (`parties.declarations`)."""

    statement: bytes = field(repr=False)


@dataclass(frozen=True)
class SplitProposal:
    """Coordinator: a split of this hospital's block, for its people to sign; `document`: a `declarations.Proposal`."""

    document: bytes = field(repr=False)


@dataclass(frozen=True)
class Head:
    """Coordinator: a head of the study's audit log to be cosigned, with the proof that it goes on from the one that the hospital
    cosigned last; hospital: the head with its cosignature, or how many entries it knows. Both as c2sp.org/tlog-witness has them.
    `own`, of a hospital: the newest head of its own log of the study."""

    text: str = field(repr=False)
    own: str = field(default="", repr=False)


@dataclass(frozen=True)
class LogSuccession:
    """Coordinator: its audit log of the study was lost, and another follows; `statement` is signed (`runs.earlier_logs`), `sums` is
    how many openings it has. It is answered with the newest head of an earlier log that the hospital has cosigned, and with the
    openings that are lost."""

    statement: bytes = field(repr=False)
    sums: int


@dataclass(frozen=True)
class LostOpening:
    """Hospital: the opening of a sum that it has verified and the coordinator has lost."""

    round: int
    opening: bytes = field(repr=False)


@dataclass(frozen=True)
class ModelWithdrawn:
    """Coordinator: the study's final model must not be used any more; `statement` is signed (`runs.withdrawn`)."""

    statement: bytes = field(repr=False)


@dataclass(frozen=True)
class Seen:
    """When a party last gave a sign of life, Unix seconds."""

    name: str
    at: int


@dataclass(frozen=True)
class Waits:
    """Whom and what a running study waits for, in words."""

    study: bytes
    words: str


@dataclass(frozen=True)
class Reached:
    """How many sums of a study that this hospital has approved it has verified."""

    study: bytes
    sums: int


@dataclass(frozen=True)
class Alive:
    """Either way: a sign of life, made at `sent` (Unix seconds). The coordinator answers a hospital's with its own, and
    with what it knows of the others; a hospital says that it is there, which version of the members list it has, and how
    far its studies are, from which a coordinator that was restored from an old backup learns that it was."""

    sent: int
    members: int = 0
    seen: tuple[Seen, ...] = ()
    waits: tuple[Waits, ...] = ()
    reached: tuple[Reached, ...] = ()


Body = (
    Packets
    | Offer
    | Begun
    | Approval
    | Withdrawal
    | Refusal
    | Members
    | Alert
    | Stopped
    | Alive
    | Declaration
    | SplitProposal
    | Head
    | LogSuccession
    | LostOpening
    | ModelWithdrawn
)

FROM_COORDINATOR: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Packets,
        Offer,
        Begun,
        Members,
        Alert,
        Stopped,
        Alive,
        SplitProposal,
        Head,
        LogSuccession,
        ModelWithdrawn,
    )
}
FROM_HOSPITAL: dict[str, type] = {
    kind.__name__: kind for kind in (Packets, Approval, Withdrawal, Refusal, Alive, Declaration, Head, LostOpening)
}
ABOUT_NO_STUDY = {"Members", "Alive", "Declaration", "SplitProposal"}


@dataclass(frozen=True)
class Letter:
    """An opened letter: who signed it is known from the key that it was opened with."""

    kind: str
    study: bytes
    body: Any = field(repr=False)


@dataclass(frozen=True)
class _Head:
    to: str
    payload: bytes


@dataclass(frozen=True)
class Ended:
    """The study has ended without a final model; hospitals are told why."""

    reason: str


@dataclass(frozen=True)
class Breach:
    """Hospital `hospital` reports a breach; everyone else is shown its signed receipt."""

    hospital: int
    receipt: bytes


News = Begun | Breach | Ended | Head | LogSuccession

Out = list[tuple[int, bytes | News]]
"""What goes to which hospital: a packet, the news of the beginning, of a breach or of the end, or a head to cosign."""


def bodies(out: Iterable[bytes | News]) -> list[Body]:
    """What goes to one member, as letters carry it. Packets that follow each other share a letter, as long as it stays short."""
    found: list[Body | list[bytes]] = []
    for what in out:
        last = found[-1] if found else None
        if not isinstance(what, bytes):
            found.append(_told(what))
        elif isinstance(last, list) and len(last) < _MOST and sum(map(len, last)) + len(what) <= _SHORT:
            last.append(what)
        else:
            found.append([what])
    return [Packets(tuple(each)) if isinstance(each, list) else each for each in found]


def _told(news: News) -> Body:
    if isinstance(news, Breach):
        return Alert(news.hospital, news.receipt)
    return Stopped(news.reason) if isinstance(news, Ended) else news


def seal(identity: Identity, to: str, study: bytes, body: Body, *, from_coordinator: bool) -> bytes:
    """A signed letter to the member called `to`, or to "coordinator". `study`: the digest, or NO_STUDY."""
    kind = type(body).__name__
    parts = body.packets if isinstance(body, Packets) else (wire.encode(body),)
    head = wire.encode(_Head(to, digest("letter", *parts)))
    sender = COORDINATOR if from_coordinator else _MEMBER
    signed = identity.sign(_label(kind), study, sender, head)
    payload = _in_a_row(parts) if isinstance(body, Packets) else parts
    return b"".join((_MAGIC, len(signed).to_bytes(4, "big"), signed, *payload))


def open_letter(data: bytes | memoryview, *, to: str, key: bytes, from_coordinator: bool) -> Letter:
    """Check a letter and decode it by its declared kind; nothing in it is ever executed or unpickled.

    Args:
        to: the reader's own name.
        key: Ed25519 public key of the only sender it may come from (32 bytes).

    Raises:
        WireError: malformed, or of a kind that this sender has no use for.
        ProtocolError: forged, or meant for somebody else.
    """
    signed, payload = _parts(data)
    kinds = FROM_COORDINATOR if from_coordinator else FROM_HOSPITAL
    kind = signed.kind.removeprefix("letter/")
    if signed.kind != _label(kind) or kind not in kinds:
        raise WireError("a letter of no known kind")
    sender = COORDINATOR if from_coordinator else _MEMBER
    check_signed(signed, study=signed.study, keys={sender: key}, kind=signed.kind)
    head = wire.decode(_Head, signed.body)
    if head.to != to:
        raise ProtocolError(f"a letter to {head.to!r}")
    parts = _taken_apart(payload) if kind == Packets.__name__ else (payload,)
    if head.payload != digest("letter", *parts):
        raise ProtocolError("a letter whose content is not the signed one")
    if len(signed.study) != 32 or (signed.study == NO_STUDY) != (kind in ABOUT_NO_STUDY):
        raise WireError(f"a letter of kind {kind} about the wrong thing")
    body = Packets(parts) if kind == Packets.__name__ else wire.decode(kinds[kind], payload)
    return Letter(kind, signed.study, body)


def describe(data: bytes | memoryview) -> dict[str, object]:
    """Kind and size of a letter for a log, whether or not it can be trusted; never its content."""
    try:
        signed, payload = _parts(data)
    except WireError:
        return {"letter": "?", "bytes": len(data)}
    kind = signed.kind.removeprefix("letter/")
    known = kind in FROM_COORDINATOR or kind in FROM_HOSPITAL
    return {"letter": kind if known else "?", "study": signed.study[:32].hex(), "bytes": len(payload)}


def _in_a_row(packets: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Each preceded by its length in 8 bytes, big endian."""
    return (part for packet in packets for part in (len(packet).to_bytes(8, "big"), packet))


def _taken_apart(payload: memoryview) -> tuple[memoryview, ...]:
    """Inverse of `_in_a_row`, without copies. Raises WireError."""
    found: list[memoryview] = []
    while payload:
        if len(found) == _MOST:
            raise WireError(f"a letter of more than {_MOST} packets")
        end = 8 + int.from_bytes(payload[:8], "big")
        if not 8 < end <= len(payload):
            raise WireError("a letter whose packets are not as long as it says")
        found.append(payload[8:end])
        payload = payload[end:]
    if not found:
        raise WireError("a letter without a packet")
    return tuple(found)


def _parts(data: bytes | memoryview) -> tuple[Signed, memoryview]:
    if data[:4] != _MAGIC or len(data) < 8:
        raise WireError("not a letter")
    size = int.from_bytes(data[4:8], "big")
    if size > _MAX_HEAD or len(data) < 8 + size:
        raise WireError("a letter that ends early")
    return _signed(bytes(data[8 : 8 + size])), memoryview(data)[8 + size :]


@lru_cache(maxsize=4)
def _signed(head: bytes) -> Signed:
    """Decoded once for whoever looks at what a letter is, and whoever opens it."""
    return wire.decode(Signed, head)


def _label(kind: str) -> str:
    return f"letter/{kind}"
