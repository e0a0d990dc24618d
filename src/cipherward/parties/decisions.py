"""What a hospital's people sign about a study: an approval, or the withdrawal of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Signed, open_signed
from cipherward.disclosure.standing import Agreement
from cipherward.errors import CipherwardError, ProtocolError
from cipherward.parties import inventories, roster
from cipherward.parties.days import LAST_SECOND
from cipherward.parties.inventories import Inventory
from cipherward.study import Study

APPROVAL, WITHDRAWAL = "approval", "withdrawal"
MAX_NAME = 200


@dataclass(frozen=True)
class Approval:
    """What an approval states: this study, with the members list (digest) that the hospital had confirmed.

    `approver`: the name of the person; `at`: Unix seconds, by this hospital's clock; `inventory`: what the hospital declares
    of its table, signed by itself, as every hospital of the study is shown it (`parties.inventories`).
    """

    study: bytes
    members: bytes
    approver: str
    at: int
    inventory: bytes

    @cached_property
    def declared(self) -> Inventory:
        """What is in the inventory, whose signature `approval_of` has checked."""
        return wire.decode(Inventory, wire.decode(Signed, self.inventory).body)

    @property
    def answer(self) -> Agreement:
        """May this hospital be singled out by what is opened?"""
        return self.declared.answer

    @property
    def words(self) -> str:
        """Who approved and when, for people."""
        return f"{self.approver}, {datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal states: no further update of this hospital to this study."""

    study: bytes


Said = TypeVar("Said", Approval, Withdrawal)


def open_approval(data: bytes, study: Study) -> int:
    """The roster index of the hospital that signed this approval of a frozen study (the coordinator's check).

    Raises:
        WireError, ProtocolError: malformed, forged, or of another study.
    """
    return approval_of(data, study)[0]


def is_approval_of(hospital: int, data: bytes, study: Study) -> bool:
    """Whether this is that hospital's approval of a frozen study."""
    try:
        return open_approval(data, study) == hospital
    except CipherwardError:
        return False


def approval_of(data: bytes, study: Study) -> tuple[int, Approval]:
    """The roster index of the hospital that signed this approval, and what it states; raises as `open_approval`."""
    sender, stated = _opened(data, study, APPROVAL, Approval)
    if not is_name(stated.approver) or stated.at > LAST_SECOND:
        raise ProtocolError("an approval without the name of a person and a time")
    if inventories.opened(stated.inventory, study)[0] != sender:
        raise ProtocolError("an approval with somebody else's inventory")
    return sender, stated


def open_withdrawal(data: bytes, study: Study) -> int:
    """The roster index of the hospital that signed this withdrawal.

    Raises:
        WireError, ProtocolError: malformed, forged, or of another study.
    """
    return _opened(data, study, WITHDRAWAL, Withdrawal)[0]


def is_name(text: str) -> bool:
    """Whether this can be the name of a person."""
    return bool(text.strip()) and text.isprintable() and len(text) <= MAX_NAME


def _opened(data: bytes, study: Study, kind: str, body: type[Said]) -> tuple[int, Said]:
    signed = open_signed(data, study=study.digest(), keys=roster.roster_keys(study), kind=kind)
    if signed.sender == COORDINATOR:
        raise ProtocolError(f"the coordinator cannot sign a hospital's {kind}")
    stated = wire.decode(body, signed.body)
    if stated.study != study.digest():
        raise ProtocolError(f"the {kind} is about another study")
    return signed.sender, stated
