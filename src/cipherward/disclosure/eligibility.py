"""Whose contributions may be in one sum: every voter asks this of every manifest, whatever the sum is about."""

from __future__ import annotations

from collections.abc import Iterable

from cipherward.disclosure.blocks import ALONE, Block, Blocks
from cipherward.disclosure.refusals import Refusal
from cipherward.disclosure.standing import Agreement, Memory, Statement


def refusals(statements: Iterable[Statement], blocks: Blocks, memory: Memory) -> tuple[Refusal, ...]:
    """Rules 1 to 3 for the headers of one manifest: anybody's block, not only the voter's own. Empty: it may be opened."""
    said = tuple(statements)
    found = []
    if len({s.register.hospital for s in said}) < len(said):
        found.append(Refusal(1, "a hospital stands in the sum twice", "one register of a hospital in one sum"))
    for one in said:
        for problem in (_own_problem(one, blocks), memory.contradiction(one, blocks)):
            if problem:
                found.append(problem)
    for digest in sorted({s.block for s in said} & blocks.keys()):
        problem = block_problem(blocks[digest], said, memory)
        if problem:
            found.append(problem)
    return tuple(found)


def _own_problem(said: Statement, blocks: Blocks) -> Refusal | None:
    if said.block == ALONE:
        if said.agreement is Agreement.NO:
            return Refusal(3, "a register that said no stands alone", "it joins a block, or its hospital answers yes")
        return None
    block = blocks.get(said.block)
    if block is None:
        return Refusal(2, "a header names a block that the study does not list", "list the block in the study")
    if said.register not in block.registers:
        return Refusal(1, "a header names a block that does not list its register", "the register's own block is named")
    return None


def block_problem(block: Block, statements: Iterable[Statement], memory: Memory) -> Refusal | None:
    """Why this block must not stand in this sum, if it must not."""
    here = {s.register: s for s in statements if s.block == block.digest}
    missing = [m for m in block.members if m not in here]
    if not all(memory.known_yes(member) for member in missing):
        if block.digest not in memory.founded:
            return Refusal(2, "the first sum of a block lacks members", "wait for all of them, or found another block")
        return Refusal(
            1,
            "a block is listed in part, without members that did not agree to be singled out",
            "wait for them, or leave the whole block out of this sum",
        )
    no = [s for s in here.values() if s.agreement is Agreement.NO]
    # `least` reckons with f corrupt members. Of these, the proved ones are out: as many honest ones are left to hide each.
    least = block.least - len(memory.proved.intersection(missing))
    if no and len(no) < least:
        return Refusal(
            3,
            f"{len(no)} members of a block said no where none or at least {least} may",
            "leave the whole block out of this sum",
        )
    if no and sum(s.has_rows for s in no) < least:
        return Refusal(
            1,
            f"fewer than {least} members of a block that said no have enough rows for this question",
            "ask about a cohort that more of them have, or leave the whole block out",
        )
    entered = sum(s.has_entered for s in no)
    if 0 < entered < least:
        return Refusal(
            7,
            f"new patients entered at {entered} members of a block that said no where none or at least {least} may change together",
            "ask at the refresh that was opened last, and step on when more of them have new patients",
        )
    return None


def eligible(statements: Iterable[Statement], blocks: Blocks, memory: Memory) -> frozenset[Statement]:
    """The largest set of these contributions that may be opened together: whole blocks, and loners."""
    sound = tuple(s for s in statements if not _own_problem(s, blocks) and not memory.contradiction(s, blocks))
    whole = {d for d in {s.block for s in sound} & blocks.keys() if not block_problem(blocks[d], sound, memory)}
    return frozenset(s for s in sound if s.block == ALONE or s.block in whole)
