"""What a hospital signs outside any study: a split, a key that follows a key, a wider answer, the end of a register.

Each is an envelope about one thing, by one key; a study document carries those that it rests on, so that everybody checks them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import Identity, Signed, check_signed
from cipherward.disclosure.blocks import Block, Register, Split
from cipherward.disclosure.blocks import split as parts_of
from cipherward.errors import ProtocolError, WireError

SPLIT, SUCCESSION, AGREEMENT, END = "split", "succession", "singled out", "register ended"
KINDS = (SPLIT, SUCCESSION, AGREEMENT, END)
_SIGNER = 1


@dataclass(frozen=True)
class Declared:
    """`subject`: the whole block's digest, the old key, or `subject_of` the register; `body`: the digests of the parts one after
    the other, the new key, or nothing."""

    kind: str
    subject: bytes
    body: bytes


@dataclass(frozen=True)
class Proposed:
    """A member of a block that is to be split, and the number of its part, from 0."""

    hospital: bytes
    register: str
    part: int


@dataclass(frozen=True)
class Proposal:
    """A split for people to sign; `least`, `parent`: of the whole block."""

    members: tuple[Proposed, ...]
    least: int
    parent: bytes


def proposed(of: Split) -> Proposal:
    """The split as it travels."""
    numbers = {member: number for number, part in enumerate(of.parts) for member in part.members}
    members = tuple(Proposed(m.hospital, m.name, numbers[m]) for m in sorted(of.whole.members))
    return Proposal(members, of.whole.least, of.whole.parent)


def unsigned(proposal: Proposal) -> Split:
    """The split that is proposed, signed by nobody. Whether it may be: disclosure.blocks.split_problem."""
    registers = {Register(m.hospital, m.register): m.part for m in proposal.members}
    whole = Block(tuple(sorted(registers)), proposal.least, proposal.parent)
    numbers = sorted(set(registers.values()))
    return Split(
        whole, parts_of(whole, ([r for r, n in registers.items() if n == part] for part in numbers)), frozenset()
    )


def split(of: Split) -> Declared:
    """Exactly these parts of exactly this block."""
    return Declared(SPLIT, of.whole.digest, b"".join(part.digest for part in of.parts))


def succession(old: bytes, new: bytes) -> Declared:
    """The new key stands where the old one stood."""
    return Declared(SUCCESSION, old, new)


def agreement(register: Register) -> Declared:
    """This register may be singled out by what is opened, from now on and in what was opened."""
    return Declared(AGREEMENT, subject_of(register), b"")


def end(register: Register) -> Declared:
    """This register stands in no sum any more."""
    return Declared(END, subject_of(register), b"")


def subject_of(register: Register) -> bytes:
    """32 bytes in the place of a study's digest. The register's hospital is named by its first key."""
    return digest("register", register.hospital, register.name.encode())


def sign(identity: Identity, declared: Declared) -> bytes:
    """The signed envelope."""
    return identity.sign(declared.kind, declared.subject, _SIGNER, declared.body)


def opened(data: bytes, key: bytes) -> Declared:
    """What the holder of this key has declared.

    Raises:
        WireError, ProtocolError: malformed, of no such kind, or signed by another key.
    """
    declared = read(data)
    check_signed(wire.decode(Signed, data), study=declared.subject, keys={_SIGNER: key})
    return declared


def read(data: bytes) -> Declared:
    """What a declaration says, whoever has signed it. Raises WireError: it is none."""
    signed = wire.decode(Signed, data)
    if signed.kind not in KINDS or signed.sender != _SIGNER or len(signed.study) != 32:
        raise WireError("not a declaration")
    return Declared(signed.kind, signed.study, signed.body)


def is_by(data: bytes, key: bytes, declared: Declared) -> bool:
    """Whether this key has signed exactly this."""
    try:
        return opened(data, key) == declared
    except (WireError, ProtocolError):
        return False


def signers(signatures: Iterable[bytes], keys: Iterable[bytes], declared: Declared) -> frozenset[bytes]:
    """Those of the keys that have signed it."""
    given, known = tuple(signatures), tuple(keys)
    return frozenset(key for data in given for key in known if is_by(data, key, declared))
