"""Registers and blocks: which tables stand in sums together or not at all (rules 1, 2 and 4)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from cipherward.disclosure.refusals import Refusal

ALONE = b""
"""In place of a block's digest: this register stands in sums by itself."""


class Register(NamedTuple):
    """A table under one name at a hospital: all its extracts over time, and all columns derived from it."""

    hospital: bytes
    name: str


@dataclass(frozen=True)
class Block:
    """A fixed set of registers that stands in sums whole or not at all. `digest` names it.

    `least`: the fewest members that said no with which it may stand in a sum, fixed at its founding. `parent`: digest
    of the block that it was split from.
    """

    members: tuple[Register, ...]
    least: int
    parent: bytes = ALONE

    @cached_property
    def digest(self) -> bytes:
        """Digest of its founding; the order of its members does not matter."""
        state = hashlib.sha256(b"cipherward/v1/block\x00" + self.least.to_bytes(8, "big"))
        for part in (self.parent, *(b for m in sorted(self.members) for b in (m.hospital, m.name.encode()))):
            state.update(len(part).to_bytes(8, "big") + part)
        return state.digest()

    @cached_property
    def registers(self) -> frozenset[Register]:
        """The members, to look one up."""
        return frozenset(self.members)


@dataclass(frozen=True)
class Split:
    """A block's parts, and the hospitals whose signatures over exactly these parts were checked."""

    whole: Block
    parts: tuple[Block, ...]
    signers: frozenset[bytes]


class Blocks(Mapping[bytes, Block]):
    """The blocks of a study document by digest, and those that they were split from."""

    def __init__(self, listed: Iterable[Block], splits: Iterable[Split] = ()) -> None:
        self.splits = tuple(splits)
        self.listed = tuple(listed)
        self._by_digest = {b.digest: b for b in (*self.listed, *(b for s in self.splits for b in (s.whole, *s.parts)))}

    def __getitem__(self, digest: bytes) -> Block:
        return self._by_digest[digest]

    def __contains__(self, digest: object) -> bool:
        return digest in self._by_digest

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._by_digest)

    def __len__(self) -> int:
        return len(self._by_digest)

    @cached_property
    def _listed_for(self) -> Mapping[Register, bytes]:
        return {member: block.digest for block in self.listed for member in block.members}

    def of(self, register: Register) -> bytes:
        """The digest of the listed block of a register; ALONE where none lists it."""
        return self._listed_for.get(register, ALONE)

    def descends(self, later: bytes, earlier: bytes) -> bool:
        """Whether `later` is `earlier`, or came from it by splits that are shown and in order."""
        while later != earlier:
            split = next((s for s in self.splits if later in {part.digest for part in s.parts}), None)
            if split is None or split_problem(split):
                return False
            later = split.whole.digest
        return True


def split_problem(split: Split) -> Refusal | None:
    """Rule 2: a block splits only into parts of at least `least` that cover it, all signing."""
    if refusal := parts_problem(split):
        return refusal
    if not {member.hospital for member in split.whole.members} <= split.signers:
        return Refusal(2, "not every member has signed the split", "the block stays whole until every member signs")
    return None


def parts_problem(split: Split) -> Refusal | None:
    """The same, before anybody has signed."""
    whole = split.whole
    covered = [member for part in split.parts for member in part.members]
    if sorted(covered) != sorted(whole.members) or len(split.parts) < 2:
        return Refusal(2, "the parts are not the whole block, each member once", "list every member in one part")
    if any(part.parent != whole.digest or part.least != whole.least for part in split.parts):
        return Refusal(2, "a part does not name the block that it comes from", "derive the parts from the block")
    if any(len(part.members) < whole.least for part in split.parts):
        return Refusal(2, f"a part has fewer than {whole.least} members", "split into larger parts, or not at all")
    return None


def split(whole: Block, parts: Iterable[Iterable[Register]]) -> tuple[Block, ...]:
    """The parts as blocks; `split_problem` says whether they may be."""
    return tuple(Block(tuple(sorted(part)), whole.least, whole.digest) for part in parts)


def default_blocks(registers: Collection[Register], least: int, existing: Iterable[Block] = ()) -> tuple[Block, ...]:
    """Existing blocks as they are; of the rest as many as fit of at least `least`, sizes differing by one at most.

    Args:
        registers: those of the study, in its own order.
    """
    kept = tuple(block for block in existing if set(block.members) <= set(registers))
    bound = {member for block in existing for member in block.members}
    rest = [register for register in registers if register not in bound]
    n = len(rest) // least
    edges = [len(rest) * i // n for i in range(n + 1)] if n else []
    new = (Block(tuple(sorted(rest[a:b])), least) for a, b in pairwise(edges))
    return kept + tuple(new)


def listing_problem(blocks: Blocks, least: int) -> Refusal | None:
    """Rules 1 and 2: what keeps these blocks out of a study that asks for `least` contributors, if anything."""
    listed = [member for block in blocks.listed for member in block.members]
    if len(listed) != len(set(listed)):
        return Refusal(1, "a register is listed in two blocks", "list every register once; blocks never merge")
    for block in blocks.listed:
        if block.parent == ALONE and len(block.members) < max(least, block.least):
            return Refusal(2, f"a block of {len(block.members)} where {least} are needed", "found larger blocks")
        if block.parent != ALONE and not blocks.descends(block.digest, block.parent):
            return Refusal(2, "a block names a split that is not shown or not in order", "list the signed split")
    return None


def contested(register: Register, foundings: Iterable[Block]) -> tuple[Block, ...]:
    """Rule 2: the foundings that list this register beside different ones. All of them wait; people decide."""
    found = {block.digest: block for block in foundings if register in block.members and block.parent == ALONE}
    return tuple(found.values()) if len({frozenset(b.members) for b in found.values()}) > 1 else ()
