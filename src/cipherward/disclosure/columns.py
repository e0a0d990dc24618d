"""Rule 9: what a study may ask of a table follows from what every hospital says of its own with its approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cipherward.disclosure.blocks import Block, Register
from cipherward.disclosure.standing import Agreement


@dataclass(frozen=True)
class Filled:
    """What a hospital says of its register. `columns`: those that it fills with at least `cell_min` patients."""

    answer: Agreement
    columns: frozenset[str]


@dataclass(frozen=True)
class LeftOut:
    """Of the block that has fewest: so many hospitals that may not be singled out fill the column, and `least` must."""

    n_filling: int
    least: int

    def __str__(self) -> str:
        who = f"{self.n_filling or 'no'} hospital{'s fill' if self.n_filling > 1 else ' fills'}"
        return f"{who} it in one block of hospitals; at least {self.least} that may not be singled out must"


def left_out(blocks: Iterable[Block], said: Mapping[Register, Filled], columns: Sequence[str]) -> dict[str, LeftOut]:
    """The columns that no sum over these blocks may be about, in the order of `columns`.

    Who agreed to be singled out hides nobody and does not count; a block in which everybody agreed hides nobody, either.
    """
    found: dict[str, LeftOut] = {}
    for block in blocks:
        hidden = [said[member] for member in block.members if said[member].answer is Agreement.NO]
        for name in columns if hidden else ():
            n = sum(name in each.columns for each in hidden)
            if n < block.least and (name not in found or n < found[name].n_filling):
                found[name] = LeftOut(n, block.least)
    return {name: found[name] for name in columns if name in found}


def whole(blocks: Iterable[Block], there: Iterable[Register]) -> tuple[Block, ...]:
    """The blocks all of whose members are there."""
    known = frozenset(there)
    return tuple(block for block in blocks if known.issuperset(block.members))
