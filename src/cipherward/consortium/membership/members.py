"""Who belongs to the consortium: a list signed by the coordinator, versioned, each version naming the one before.

A hospital pins the version that its people compared and confirmed. A later version must follow from the pinned one,
step by step; anything else is a rollback or a fork, and refused. What changed is shown with fingerprints, so that
people compare only the members that are new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cipherward.consortium.membership.authority import check_name
from cipherward.crypto import wire
from cipherward.crypto.hashing import DIGEST_BYTES, digest
from cipherward.crypto.identity import COORDINATOR, Identity, fingerprint, open_signed
from cipherward.crypto.signatures import KEY_BYTES
from cipherward.errors import FaultyCoordinatorError, ProtocolError, WireError

ACTIVE, REVOKED = "active", "revoked"
MAX_CHAIN_BYTES = 4 << 20
_KIND = "members"
_FIRST = bytes(DIGEST_BYTES)


@dataclass(frozen=True)
class Member:
    """One hospital: Ed25519 public key (32 bytes), SHA-256 of its TLS certificate (32 bytes), "active" or "revoked"."""

    name: str
    public_key: bytes
    certificate: bytes
    status: str

    @property
    def is_active(self) -> bool:
        return self.status == ACTIVE

    @property
    def fingerprint(self) -> str:
        """The identity key's fingerprint, to read aloud: 8 groups of 4 hex digits."""
        return fingerprint(self.public_key)


@dataclass(frozen=True)
class MembersList:
    """One version. `previous` is the digest of the version before (zeros for version 1); `issued` in Unix seconds."""

    consortium: bytes
    version: int
    previous: bytes
    issued: int
    members: tuple[Member, ...]

    def digest(self) -> bytes:
        """What the next version names and what a hospital pins; 32 bytes."""
        return digest("members", wire.encode(self))

    @property
    def fingerprint(self) -> str:
        """The version's own fingerprint, to read aloud: 8 groups of 4 hex digits."""
        return grouped(self.digest())

    @property
    def active(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.is_active)

    def find(self, name: str) -> Member | None:
        """The member of that name, active or revoked."""
        return next((member for member in self.members if member.name == name), None)


@dataclass(frozen=True)
class Change:
    """What a new version does to one member."""

    kind: Literal["added", "revoked", "restored", "new identity key", "new certificate"]
    member: Member

    @property
    def text(self) -> str:
        """One line for people."""
        if self.kind == "revoked":
            return f"{self.member.name}: revoked, takes part in nothing any more"
        if self.kind == "new certificate":
            return f"{self.member.name}: new TLS certificate {grouped(self.member.certificate)}"
        return f"{self.member.name}: {self.kind}, identity {self.member.fingerprint}"


@dataclass(frozen=True)
class _Chain:
    versions: tuple[bytes, ...]


def consortium_id(name: str, coordinator_key: bytes) -> bytes:
    """What every signature within a consortium is bound to; 32 bytes."""
    return digest("consortium", name.encode(), coordinator_key)


def grouped(value: bytes) -> str:
    """The first 128 bits of a digest to read aloud: 8 groups of 4 hex digits."""
    text = value.hex()[:32]
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def first(consortium: bytes, issued: int) -> MembersList:
    """Version 1, with nobody on it."""
    return MembersList(consortium, 1, _FIRST, issued, ())


def successor(current: MembersList, member: Member, issued: int) -> MembersList:
    """The next version, with `member` added or put in the place of the one of the same name; the others unchanged."""
    kept = tuple(each for each in current.members if each.name != member.name)
    members = tuple(sorted((*kept, member), key=lambda each: each.name))
    return MembersList(current.consortium, current.version + 1, current.digest(), issued, members)


def sign(identity: Identity, members: MembersList) -> bytes:
    """One version, signed by the coordinator."""
    return identity.sign(_KIND, members.consortium, COORDINATOR, wire.encode(members))


def pack_chain(versions: tuple[bytes, ...]) -> bytes:
    """Signed versions 1, 2, ... as one message."""
    return wire.encode(_Chain(versions))


def open_chain(data: bytes, consortium: bytes, coordinator_key: bytes) -> tuple[MembersList, ...]:
    """Every version of a chain, checked: signatures, numbers, links, names, keys.

    Raises:
        WireError: malformed or too large.
        ProtocolError: not signed by this coordinator for this consortium, or not a chain.
    """
    if len(data) > MAX_CHAIN_BYTES:
        raise WireError(f"a members list of {len(data)} bytes is too large (at most {MAX_CHAIN_BYTES})")
    opened: list[MembersList] = []
    for number, signed in enumerate(wire.decode(_Chain, data).versions, start=1):
        body = open_signed(signed, study=consortium, keys={COORDINATOR: coordinator_key}, kind=_KIND).body
        members = wire.decode(MembersList, body)
        _check(members, consortium)
        previous = opened[-1].digest() if opened else _FIRST
        if members.version != number or members.previous != previous:
            raise ProtocolError(f"version {members.version} of the members list does not follow from the one before")
        opened.append(members)
    if not opened:
        raise ProtocolError("an empty members list")
    return tuple(opened)


def follow(confirmed: MembersList | None, chain: tuple[MembersList, ...]) -> MembersList:
    """The newest version of a checked chain, if it follows from the one that this hospital confirmed.

    Raises:
        FaultyCoordinatorError: the chain ends before the confirmed version (rollback), or holds another one in its
            place (fork).
    """
    newest = chain[-1]
    if confirmed is None:
        return newest
    if newest.version < confirmed.version:
        raise FaultyCoordinatorError(
            f"the members list offered is version {newest.version}, older than version {confirmed.version} that was "
            "confirmed here (rollback)",
            hint="ask the coordinator by phone; keep the confirmed list",
            culprit="coordinator",
        )
    if chain[confirmed.version - 1].digest() != confirmed.digest():
        raise FaultyCoordinatorError(
            f"the members list offered does not follow from version {confirmed.version} that was confirmed here (fork)",
            hint="compare the list's fingerprint with the other hospitals by phone; keep the confirmed list",
            culprit="coordinator",
        )
    return newest


def changes(old: MembersList | None, new: MembersList) -> tuple[Change, ...]:
    """What `new` changes for which members, by name."""
    found = []
    for member in new.members:
        before = old.find(member.name) if old else None
        if before == member:
            continue
        if before is None:
            found.append(Change("added" if member.is_active else "revoked", member))
        elif not member.is_active:
            found.append(Change("revoked", member))
        elif before.public_key != member.public_key:
            found.append(Change("new identity key", member))
        else:
            found.append(Change("new certificate" if before.is_active else "restored", member))
    gone = [m for m in (old.members if old else ()) if new.find(m.name) is None]
    return (*found, *(Change("revoked", member) for member in gone))


def keys_of(chain: tuple[MembersList, ...], name: str) -> tuple[bytes, ...]:
    """Every identity key that these versions ever gave a member, oldest first."""
    found = (member.public_key for version in chain if (member := version.find(name)))
    return tuple(dict.fromkeys(found))


def _check(members: MembersList, consortium: bytes) -> None:
    names = [member.name for member in members.members]
    keys = [member.public_key for member in members.active]
    sound = members.consortium == consortium and names == sorted(set(names)) and len(keys) == len(set(keys))
    for member in members.members:
        check_name(member.name)
        sound = sound and len(member.public_key) == KEY_BYTES and len(member.certificate) == DIGEST_BYTES
        sound = sound and member.status in (ACTIVE, REVOKED)
    if not sound:
        raise ProtocolError(f"version {members.version} of the members list contradicts itself")
