"""Foundings that exclude each other: both wait, and people decide (rule 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cipherward.disclosure.blocks import ALONE, Block, Register, contested
from cipherward.parties import listed, who_stands
from cipherward.study import Study


@dataclass(frozen=True)
class Founding:
    """A block that a study lists and that has stood in no opened sum. `names`: of its members."""

    study: str
    digest: bytes
    block: Block
    names: tuple[str, ...]


def of_study(study: Study) -> tuple[Founding, ...]:
    """The foundings in a study; parts of a block that was split are none."""
    names = names_in(study)
    return tuple(
        Founding(study.name, study.digest(), block, tuple(sorted(names.get(m.hospital, "?") for m in block.members)))
        for block in listed.blocks_in(study)
        if block.parent == ALONE
    )


def names_in(study: Study) -> Mapping[bytes, str]:
    """Names by first key."""
    registers = who_stands.registers_of(study)
    return {r.hospital: hospital.name for r, hospital in zip(registers, study.hospitals, strict=True)}


def conflicts(foundings: Iterable[Founding], register: Register | None = None) -> dict[bytes, str]:
    """Why studies (digests) wait for people, in words; `register`: look at this one only."""
    known = tuple(foundings)
    registers = [register] if register else sorted({member for one in known for member in one.block.members})
    found: dict[bytes, str] = {}
    for each in registers:
        blocks = set(contested(each, [one.block for one in known]))
        listing = [one for one in known if one.block in blocks]
        said = "; ".join(f"study {one.study}: {', '.join(one.names)}" for one in listing)
        for one in listing:
            found.setdefault(
                one.digest,
                f"rule 2: foundings that list the same hospital with different ones ({said}); all of these wait, and people decide: "
                "one study is stopped, or withdrawn from",
            )
    return found
