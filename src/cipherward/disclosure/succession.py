"""A hospital's new key stands where the old one stood (rule 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cipherward.disclosure.blocks import Block, Register
from cipherward.disclosure.refusals import Refusal


@dataclass(frozen=True)
class Succession:
    """`signers`: the keys whose signatures over (old, new) were checked."""

    old: bytes
    new: bytes
    signers: frozenset[bytes]


class Lineage:
    """Which first key each key stands for; every rule is applied to first keys."""

    def __init__(self, accepted: Iterable[Succession] = ()) -> None:
        self._older: dict[bytes, bytes] = {}
        for succession in accepted:
            # A key has one predecessor, and no circle: the first accepted statement stands.
            if succession.new not in self._older and self.first(succession.old) != succession.new:
                self._older[succession.new] = succession.old

    def first(self, key: bytes) -> bytes:
        """The key under which this hospital's blocks, agreements and budget began."""
        while key in self._older:
            key = self._older[key]
        return key

    def has_successor(self, key: bytes) -> bool:
        """Whether another key has taken the place of this one, which signs nothing any more."""
        return key in self._older.values()

    def before(self, key: bytes) -> tuple[bytes, ...]:
        """The keys that this one stands for, the newest first."""
        found = []
        while key in self._older:
            key = self._older[key]
            found.append(key)
        return tuple(found)

    def register(self, register: Register) -> Register:
        """The register as blocks list it."""
        return Register(self.first(register.hospital), register.name)


def problem(succession: Succession, blocks: Iterable[Block], known: Lineage = Lineage()) -> Refusal | None:
    """Why the new key is not taken for the old one, if it is not.

    Args:
        blocks: those that list a register of the old key, by first keys.
        known: the successions before this one; a key that has a successor vouches for nobody.
    """
    members = {member.hospital for block in blocks for member in block.members}
    if known.has_successor(succession.old):
        return Refusal(4, "a key with two successors", "people find out which one is the hospital's, and list that one")
    if known.before(succession.new) or known.has_successor(succession.new):
        return Refusal(4, "a new key that stands for another hospital already", "the hospital makes a key of its own")
    if succession.old in succession.signers:
        return None
    vouching = {known.first(key) for key in succession.signers if not known.has_successor(key)}
    mates = members - {known.first(succession.old)}
    if mates and mates <= vouching:
        return None
    return Refusal(
        4,
        "a new key that neither the old one nor every block mate has signed",
        "sign it with the old key, or have every block mate confirm it with the hospital itself: a false successor "
        "exposes its predecessor",
    )


def refusal(successions: Iterable[Succession], blocks: Iterable[Block]) -> Refusal | None:
    """Why these successions, in their order, are not all accepted; None where they are.

    Args:
        blocks: those of a study, by first keys.
    """
    listed, accepted = tuple(blocks), list[Succession]()
    members = {member.hospital for block in listed for member in block.members}
    for each in successions:
        if each.new in members:
            return Refusal(
                4, "a new key that stands for another hospital already", "the hospital makes a key of its own"
            )
        known = Lineage(accepted)
        first = known.first(each.old)
        of_old = [block for block in listed if first in {member.hospital for member in block.members}]
        if found := problem(each, of_old, known):
            return found
        accepted.append(each)
    return None
