"""The numbered checks that every update passes before it is added to a sum; docs/protocol.md lists them.

An error raised inside `check` carries the number, so that whoever sets the message aside can say which one failed. The
context that check 6 compares holds the study, the question with the digest of the model, the round and the attempt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.scheme import SumTask, share_digest
from cipherward.errors import CipherwardError, FaultyHospitalError, ProtocolError, WireError
from cipherward.sums import forks
from cipherward.sums.digests import Digests
from cipherward.sums.messages import Body, Header, Update, unsign
from cipherward.sums.votes import Rules

Verdict = Literal["late", "duplicate", "faulty"]


class Check(IntEnum):
    """What a check looks at, in the order in which they are made."""

    SIZE = 1
    ENCODING = 2
    STUDY = 3
    ROSTER = 4
    SIGNATURE = 5
    SUM = 6
    TIME = 7
    DUPLICATE = 8
    HOLDERS = 9
    PAYLOAD = 10
    SHARES = 11
    COPY = 12
    RESIDUES = 13


@dataclass(frozen=True)
class SetAside:
    """A message that was not used: who sent it (0 when unknown), which kind, why, and which check it failed (0: none)."""

    sender: int
    kind: str
    reason: str
    check: int = 0
    verdict: Verdict = "faulty"


@contextmanager
def check(number: Check) -> Iterator[None]:
    """Whatever is refused inside has failed this check, unless an inner one has said so already."""
    try:
        yield
    except (WireError, ProtocolError) as error:
        error.check = error.check or number
        raise


def late(reason: str) -> ProtocolError:
    """The error for a message whose time is over; nothing is wrong with it otherwise."""
    error = ProtocolError(reason)
    error.check = Check.TIME
    return error


def set_aside(sender: int, kind: str, error: CipherwardError) -> SetAside:
    """The record of a message that was refused with this error."""
    # A coordinator that has lost its journal makes another list of joins: what an honest hospital has kept is then not for it.
    verdicts: dict[int, Verdict] = {Check.TIME: "late", Check.HOLDERS: "late", Check.DUPLICATE: "duplicate"}
    contradicts_itself = isinstance(error, FaultyHospitalError)
    verdict: Verdict = "faulty" if contradicts_itself else verdicts.get(error.check, "faulty")
    return SetAside(sender, kind, error.message, int(error.check), verdict)


def signed_body(
    rules: Rules, task: SumTask, data: bytes, kind: type[Body], sender: int, closed: Collection[bytes] = ()
) -> Body:
    """Checks 2 to 7 of a signed message about a sum: its body.

    Args:
        closed: contexts of sums and attempts that are over; a message about one of them is late, not faulty.

    Raises:
        WireError, ProtocolError: with the number of the check.
    """
    try:
        body = unsign(data, kind, study=rules.study, keys=rules.keys, sender=sender)
    except (WireError, ProtocolError) as error:
        error.check = _failed(rules, data, kind.__name__, sender, error)
        raise
    named = getattr(body, "context", None)
    if named in closed:
        raise late("belongs to a sum or attempt that is over")
    with check(Check.SUM):
        forks.check(f"hospital {sender}", getattr(body, "last", task.last), task.last)
        if named != task.context:
            raise ProtocolError("belongs to another study, query, round or attempt")
    return body


def _failed(rules: Rules, data: bytes, kind: str, sender: int, error: CipherwardError) -> Check:
    try:
        signed = wire.decode(Signed, data)
    except WireError:
        return Check.ENCODING
    if signed.study != rules.study:
        return Check.STUDY
    if signed.kind != kind:
        return Check.ENCODING
    if signed.sender not in rules.keys or signed.sender != sender:
        return Check.ROSTER
    return Check.ENCODING if isinstance(error, WireError) and len(signed.signature) == 64 else Check.SIGNATURE


def packet_limit(rules: Rules, task: SumTask) -> int:
    """Check 1: no packet about this sum is larger than this many bytes."""
    n = rules.n_hospitals
    return rules.scheme.update_limit(task) + 128 * n + 4096


def check_shares(update: Update, header: Header, holders: list[int]) -> None:
    """Raises ProtocolError: the sealed shares are not those that the header signs, or not one for each of `holders`."""
    if [item.hospital for item in update.shares] != holders:
        raise ProtocolError("its sealed shares are not one share for every hospital that joined")
    if Digests.of({item.hospital: share_digest(item.sealed) for item in update.shares}) != header.shares:
        raise ProtocolError("the sealed shares are not the ones that the header signs")
