"""What hospitals have signed outside studies, as the coordinator keeps it, and the splits that it has proposed to them.

`declared/000001-NAME.signed`: the key (32 bytes) and the statement that it signed, in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.membership.members import Member
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.signatures import KEY_BYTES
from cipherward.disclosure.blocks import Block, Register, Split, parts_problem, split, split_problem
from cipherward.errors import StudyError
from cipherward.parties import declarations
from cipherward.parties.declarations import Declared, Proposal
from cipherward.store import files


@dataclass(frozen=True)
class Signed:
    """A statement, who signed it by name, and with which key."""

    name: str
    key: bytes
    declared: Declared
    statement: bytes


def take(home: CoordinatorHome, sender: Member, statement: bytes) -> bool:
    """Keep a member's declaration; whether it is new.

    Raises:
        WireError, ProtocolError: not signed by this member, or, about its own successor, by the old key.
    """
    read = declarations.read(statement)
    own = read.kind == declarations.SUCCESSION and read.body == sender.public_key
    key = read.subject if own else sender.public_key
    declarations.opened(statement, key)
    known = all_signed(home)
    if any(one.statement == statement for one in known):
        return False
    files.write(home.declared / f"{len(known) + 1:06d}-{sender.name}.signed", key + statement)
    home.log("declaration", {"hospital": sender.name, "kind": read.kind, "about": read.subject.hex()[:12]})
    return True


def all_signed(home: CoordinatorHome) -> tuple[Signed, ...]:
    """Every declaration, oldest first."""
    paths = sorted(home.declared.glob("*.signed")) if home.declared.exists() else []
    return home.remembered.get("declared", paths, lambda: tuple(map(_read, paths)))


def _read(path: Path) -> Signed:
    data = files.read(path)
    key, statement = data[:KEY_BYTES], data[KEY_BYTES:]
    return Signed(path.stem.partition("-")[2], key, declarations.opened(statement, key), statement)


# splits


def propose(
    home: CoordinatorHome, known: Iterable[Block], names: Mapping[bytes, str], parts: Sequence[Sequence[str]]
) -> Split:
    """Propose to split the block of exactly these hospitals into these parts; the service asks its members to sign.

    Args:
        known: the blocks of studies that have begun. names: of hospitals, by every key that they had.

    Raises:
        StudyError: there is no such block, or it may not be split so.
    """
    wanted = sorted(name for part in parts for name in part)
    found = [block for block in known if sorted(names.get(m.hospital, "?") for m in block.members) == wanted]
    if len(found) != 1:
        listed = (
            "; ".join(", ".join(sorted(names.get(m.hospital, "?") for m in block.members)) for block in known) or "none"
        )
        raise StudyError(
            f"{len(found) or 'no'} block of studies that have begun here is {', '.join(wanted)}",
            hint=f"name every member of one block in one part; blocks: {listed}",
        )
    whole = found[0]
    made = split(whole, ([m for m in whole.members if names[m.hospital] in part] for part in parts))
    proposed = Split(whole, made, frozenset())
    if refusal := parts_problem(proposed):
        raise StudyError(f"this block cannot be split so: {refusal}", hint=refusal.way_out)
    document = wire.encode(declarations.proposed(proposed))
    files.write(home.splits / f"{digest('split', document).hex()}.cbor", document)
    home.log("split proposed", {"block": whole.digest.hex()[:12], "parts": [list(part) for part in parts]})
    return proposed


def proposals(home: CoordinatorHome) -> list[tuple[bytes, Split]]:
    """Every proposed split as it travels, with those members who have signed."""
    paths = sorted(home.splits.glob("*.cbor")) if home.splits.exists() else []
    signed, lineage = all_signed(home), first_keys(home)
    found = []
    for path in paths:
        document = files.read(path)
        plain = declarations.unsigned(wire.decode(Proposal, document))
        declared = declarations.split(plain)
        signers = frozenset(lineage.get(one.key, one.key) for one in signed if one.declared == declared)
        found.append((document, Split(plain.whole, plain.parts, signers)))
    return found


def is_complete(proposed: Split) -> bool:
    """Whether every member has signed."""
    return split_problem(proposed) is None


def signatures(home: CoordinatorHome, declared: Declared) -> list[str]:
    """Everybody's signed statement of exactly this, hex."""
    return [one.statement.hex() for one in all_signed(home) if one.declared == declared]


# keys and names


def first_keys(home: CoordinatorHome) -> dict[bytes, bytes]:
    """The first key by each key that somebody has called a successor, whoever it was: `who_stands` checks what counts."""
    older = {one.body: one.subject for one in _successions(home)}
    found = {}
    for key in older:
        first, seen = key, {key}
        while first in older and older[first] not in seen:
            first = older[first]
            seen.add(first)
        found[key] = first
    return found


def names_of(home: CoordinatorHome) -> dict[bytes, str]:
    """The name of every key that a member ever had."""
    return {member.public_key: member.name for version in home.versions for member in version.members}


def successions(home: CoordinatorHome) -> list[Declared]:
    """Each (old, new) that somebody has signed, in the order of the last signature."""
    last = {one.declared: number for number, one in enumerate(all_signed(home)) if one.declared in _successions(home)}
    return sorted(last, key=lambda declared: last[declared])


def who_said(home: CoordinatorHome, declared: Declared) -> tuple[str, ...]:
    """The names of those who have signed exactly this."""
    return tuple(dict.fromkeys(one.name for one in all_signed(home) if one.declared == declared))


def about(home: CoordinatorHome, registers: Iterable[Register], kind: str) -> Iterator[tuple[Register, Signed]]:
    """The registers about which their own hospital has declared this: a wider answer, or an end."""
    first, signed = first_keys(home), [one for one in all_signed(home) if one.declared.kind == kind]
    for register in registers:
        for one in signed:
            own = first.get(one.key, one.key) == register.hospital
            if own and one.declared.subject == declarations.subject_of(register):
                yield register, one
                break


def _successions(home: CoordinatorHome) -> set[Declared]:
    return {one.declared for one in all_signed(home) if one.declared.kind == declarations.SUCCESSION}
