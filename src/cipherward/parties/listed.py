"""What a study document lists of blocks, splits, keys and answers, every signature in it checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cipherward.disclosure.blocks import Block, Register, Split
from cipherward.disclosure.succession import Lineage, Succession
from cipherward.errors import StudyError
from cipherward.parties import declarations
from cipherward.study import Study
from cipherward.study_sections import ListedBlock, ListedSplit, Member


def lineage_of(study: Study) -> Lineage:
    """Which first key each key stands for. Whether these successions hold: `successions_of`, and who_stands.blocks_of checks it."""
    nobody = frozenset[bytes]()
    return Lineage(Succession(bytes.fromhex(s.old), bytes.fromhex(s.new), nobody) for s in study.successions)


def registers_of(study: Study) -> tuple[Register, ...]:
    """The registers of a frozen study by first keys, in roster order."""
    lineage = lineage_of(study)
    return tuple(lineage.register(Register(bytes.fromhex(h.public_key), h.register_name)) for h in study.hospitals)


def blocks_in(study: Study) -> tuple[Block, ...]:
    """The listed blocks, by first keys. Raises StudyError: a member is no hospital and no key."""
    keys = _keys(study)
    return tuple(_block(listed, keys) for listed in study.blocks or ())


def splits_in(study: Study) -> tuple[Split, ...]:
    """The listed splits, with those members that have signed. Raises: as `blocks_in`."""
    keys, lineage = _keys(study), lineage_of(study)
    later = [bytes.fromhex(s.new) for s in study.successions]
    return tuple(_split(each, keys, lineage, later) for each in study.splits)


def successions_of(study: Study) -> tuple[Succession, ...]:
    """The listed successions with those keys that have signed, of hospitals in blocks and on the roster. Raises: as `blocks_in`."""
    of_blocks = {member.hospital for block in blocks_in(study) for member in block.members}
    known = of_blocks.union(bytes.fromhex(h.public_key) for h in study.hospitals)
    known |= {bytes.fromhex(key) for s in study.successions for key in (s.old, s.new)}
    found = []
    for listed in study.successions:
        old, new = bytes.fromhex(listed.old), bytes.fromhex(listed.new)
        declared = declarations.succession(old, new)
        found.append(Succession(old, new, declarations.signers(_all(listed.signatures), known, declared)))
    return tuple(found)


def agreed_of(study: Study) -> frozenset[Register]:
    """The registers whose hospitals have signed that they may be singled out.

    Raises:
        StudyError: one of these is not signed by its hospital.
    """
    by_name = {hospital.name: bytes.fromhex(hospital.public_key) for hospital in study.hospitals}
    lineage, found = lineage_of(study), set()
    for listed in study.agreed:
        key = by_name.get(listed.hospital) or key_in(listed.hospital)
        register = lineage.register(Register(key, listed.register_name))
        declared = declarations.agreement(register)
        if not declarations.signers(_all([listed.signature]), (key, *lineage.before(key)), declared):
            raise StudyError(
                f"the study {study.name!r} says that {listed.hospital} may be singled out, which that hospital has not signed",
                hint="list the hospital's own signed answer, or leave the line out",
            )
        found.add(register)
    return frozenset(found)


def listed_block(block: Block, names: Mapping[bytes, str]) -> dict[str, object]:
    """A block as a study document lists it. `names`: by first key; whoever is not in it is listed by its key."""
    return {
        "members": [
            {"hospital": names.get(m.hospital, m.hospital.hex()), "register_name": m.name} for m in block.members
        ],
        "least": block.least,
        "parent": block.parent.hex(),
    }


def key_in(text: str) -> bytes:
    """A key in hex. Raises StudyError."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise StudyError(
            f"a block names {text!r}, which is no hospital of the study",
            hint="members of blocks are named as on the roster",
        )
    return key


def _keys(study: Study) -> dict[str, bytes]:
    """First keys by name."""
    return {h.name: register.hospital for h, register in zip(study.hospitals, registers_of(study), strict=True)}


def _block(listed: ListedBlock, keys: Mapping[str, bytes]) -> Block:
    members = tuple(sorted(Register(_key(member, keys), member.register_name) for member in listed.members))
    return Block(members, listed.least, bytes.fromhex(listed.parent))


def _key(member: Member, keys: Mapping[str, bytes]) -> bytes:
    return keys[member.hospital] if member.hospital in keys else key_in(member.hospital)


def _split(listed: ListedSplit, keys: Mapping[str, bytes], lineage: Lineage, later: Iterable[bytes]) -> Split:
    unsigned = Split(_block(listed.whole, keys), tuple(_block(part, keys) for part in listed.parts), frozenset())
    known = {member.hospital for member in unsigned.whole.members}.union(later)
    signed = declarations.signers(_all(listed.signatures), sorted(known), declarations.split(unsigned))
    return Split(unsigned.whole, unsigned.parts, frozenset(lineage.first(key) for key in signed))


def _all(signatures: Iterable[str]) -> Iterator[bytes]:
    for text in signatures:
        try:
            yield bytes.fromhex(text)
        except ValueError:
            continue
