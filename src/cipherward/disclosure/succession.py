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


def problem(succession: Succession, blocks: Iterable[Block]) -> Refusal | None:
    """Why the new key is not taken for the old one, if it is not.

    Args:
        blocks: those that list a register of the old key.
    """
    if succession.old in succession.signers:
        return None
    mates = {member.hospital for block in blocks for member in block.members} - {succession.old}
    if mates and mates <= succession.signers:
        return None
    return Refusal(
        4,
        "a new key that neither the old one nor every block mate has signed",
        "sign it with the old key, or have every block mate confirm it with the hospital itself: a false successor "
        "exposes its predecessor",
    )


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

    def register(self, register: Register) -> Register:
        """The register as blocks list it."""
        return Register(self.first(register.hospital), register.name)
