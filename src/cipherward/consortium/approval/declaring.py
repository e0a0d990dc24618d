"""What the people of a hospital sign outside any study, kept in `declared/` until the service has sent it on.

Each function says why something must not be signed; what signing means is in `consequences`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from cipherward.consortium.approval import approvals
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import Identity
from cipherward.disclosure.blocks import Block, Register, Split, parts_problem
from cipherward.errors import ProtocolError, RefusedError, StudyError
from cipherward.parties import declarations, who_stands
from cipherward.parties.declarations import Declared, Proposal
from cipherward.store import files


@dataclass(frozen=True)
class ProposedSplit:
    """A split that the coordinator proposes. `digest` names it, by its first digits; `is_signed`: here."""

    split: Split
    digest: bytes
    is_signed: bool


# splits


def keep_proposal(home: HospitalHome, document: bytes) -> ProposedSplit:
    """Keep a proposed split for people to look at; nothing is signed by this.

    Raises:
        WireError, ProtocolError: malformed, not of a block of this hospital, or one that may never be.
    """
    proposed = declarations.unsigned(wire.decode(Proposal, document))
    if home.first_key not in {member.hospital for member in proposed.whole.members}:
        raise ProtocolError("a split of a block that this hospital is not in")
    if refusal := parts_problem(proposed):
        raise ProtocolError(f"a split that may not be: {refusal}")
    name = digest("split", document)
    path = home.splits / f"{name.hex()}.cbor"
    if not path.exists():
        files.write(path, document)
        home.log("split proposed", {"split": name.hex()[:12], "block": proposed.whole.digest.hex()[:12]})
    return ProposedSplit(proposed, name, _is_signed(home, proposed))


def proposals(home: HospitalHome) -> list[ProposedSplit]:
    """Every split that was proposed to this hospital."""
    found = [files.read(path) for path in sorted(home.splits.glob("*.cbor"))] if home.splits.exists() else []
    read = ((data, declarations.unsigned(wire.decode(Proposal, data))) for data in found)
    return [ProposedSplit(split, digest("split", data), _is_signed(home, split)) for data, split in read]


def find_proposal(home: HospitalHome, selector: str) -> ProposedSplit:
    """The one whose digest begins so. Raises StudyError: none, or more than one."""
    known = proposals(home)
    found = [one for one in known if len(selector) >= 4 and one.digest.hex().startswith(selector.lower())]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(one.digest.hex()[:12] for one in known) or "none"
    raise StudyError(f"{len(found) or 'no'} split begins with {selector!r}", hint=f"splits proposed: {listed}")


def sign_split(home: HospitalHome, proposed: ProposedSplit) -> None:
    """Sign it. Raises RefusedError: another split of that block was signed here."""
    whole = proposed.split.whole.digest
    for other in proposals(home):
        if other.is_signed and other.split.whole.digest == whole and other.digest != proposed.digest:
            raise RefusedError(
                f"another split of this block was signed here ({other.digest.hex()[:12]})",
                hint="a block splits once; its parts can be split later",
            )
    _declare(home, declarations.split(proposed.split))


# keys


def successor_of(home: HospitalHome, name: str) -> tuple[bytes, bytes]:
    """The old key and the new one of a member, as the list that was confirmed here has them.

    Raises:
        RefusedError: it has one key only, is unknown, or another successor of it was signed here.
    """
    confirmed, keys = home.confirmed, home.keys_of(name)
    member = confirmed.find(name) if confirmed else None
    if member is None or not member.is_active or len(keys) < 2:
        raise RefusedError(
            f"{name} has no new key in the members list that is confirmed here",
            hint="cipherward hospital members; a new key is compared and confirmed first: cipherward hospital confirm",
        )
    old, new = [key for key in keys if key != member.public_key][-1], member.public_key
    for declared in declared_here(home):
        if declared.kind == declarations.SUCCESSION and declared.subject == old and declared.body != new:
            raise RefusedError(
                f"this hospital has confirmed another successor of that key of {name}",
                hint="call that hospital; if the key confirmed before was false, tell all block mates and the coordinator",
            )
    return old, new


def confirm_successor(home: HospitalHome, old: bytes, new: bytes) -> None:
    """Sign that the new key is that hospital's, after people have spoken with it."""
    _declare(home, declarations.succession(old, new))


def sign_with_old(home: HospitalHome, old: Identity) -> None:
    """The old key says that this home's key follows it."""
    _declare(home, declarations.succession(old.public_key, home.identity.public_key), old)


# leaving


def own_registers(home: HospitalHome) -> dict[Register, Block | None]:
    """This hospital's registers in the studies that were offered here, with the block of the newest that lists one."""
    found: dict[Register, Block | None] = {}
    for offered in approvals.whole_offers(home)[0]:
        register = who_stands.registers_of(offered.study)[offered.index - 1]
        blocks = who_stands.blocks_of(offered.study)
        found[register] = blocks.get(blocks.of(register)) or found.get(register)
    return found


def find_register(home: HospitalHome, name: str) -> tuple[Register, Block | None]:
    """The register of this name. Raises StudyError: no study here names it."""
    known = own_registers(home)
    for register, block in known.items():
        if register.name == name:
            return register, block
    listed = ", ".join(repr(register.name) for register in known) or "none"
    raise StudyError(f"no study here reads a table called {name!r} of this hospital", hint=f"tables: {listed}")


def widen(home: HospitalHome, register: Register) -> None:
    """People say yes: this register may be singled out."""
    _declare(home, declarations.agreement(register))


def end_register(home: HospitalHome, register: Register) -> list[str]:
    """People end the register: nothing of it leaves any more. The names of the studies that are withdrawn from."""
    withdrawn = []
    for offered in approvals.whole_offers(home)[0]:
        if who_stands.registers_of(offered.study)[offered.index - 1] == register and not offered.withdrawal:
            with contextlib.suppress(RefusedError):  # it is over here
                approvals.withdraw(home, offered)
                withdrawn.append(offered.study.name)
    _declare(home, declarations.end(register))
    return withdrawn


def has_ended(home: HospitalHome, register: Register) -> bool:
    """Whether people here have ended it."""
    return declarations.end(register) in declared_here(home)


def has_widened(home: HospitalHome, register: Register) -> bool:
    """Whether people here have said yes for it outside an approval."""
    return declarations.agreement(register) in declared_here(home)


def words(home: HospitalHome) -> list[str]:
    """What people here are asked to sign, one sentence each."""
    chain = home.path / "members" / "confirmed.chain"
    return home.remembered.get("blocks", [home.declared, home.splits, chain], lambda: _words(home))


def _words(home: HospitalHome) -> list[str]:
    found = [
        f"a split of this hospital's block is proposed: cipherward hospital splits ({one.digest.hex()[:12]})"
        for one in proposals(home)
        if not one.is_signed
    ]
    confirmed, said = home.confirmed, declared_here(home)
    for member in confirmed.active if confirmed else ():
        keys = [key for key in home.keys_of(member.name) if key != member.public_key]
        if keys and member.name != home.name and declarations.succession(keys[-1], member.public_key) not in said:
            found.append(
                f"{member.name} has a new key; if it is in this hospital's block, call it, then: cipherward hospital "
                f"confirm-successor {member.name}"
            )
    return found


# files


def statement_files(home: HospitalHome) -> list[Path]:
    """The statements that were signed here, each in a file."""
    return sorted(home.declared.glob("*.signed")) if home.declared.exists() else []


def declared_here(home: HospitalHome) -> tuple[Declared, ...]:
    """What people here have signed."""
    paths = statement_files(home)
    return home.remembered.get("declared", paths, lambda: tuple(declarations.read(files.read(path)) for path in paths))


def _is_signed(home: HospitalHome, split: Split) -> bool:
    return declarations.split(split) in declared_here(home)


def _declare(home: HospitalHome, declared: Declared, identity: Identity | None = None) -> None:
    data = declarations.sign(identity or home.identity, declared)
    path = home.declared / f"{digest('declared', data).hex()[:32]}.signed"
    if not path.exists():
        files.write(path, data)
        home.log("declaration signed", {"kind": declared.kind, "about": declared.subject.hex()[:12]})
