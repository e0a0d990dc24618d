"""At which refresh of its register a study reads each hospital's table (rule 7): from a study document, and back into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cipherward.disclosure.blocks import ALONE, Blocks, Register
from cipherward.errors import StudyError
from cipherward.parties.listed import registers_of
from cipherward.study import Study


def refreshes_of(study: Study) -> dict[Register, int]:
    """The refresh that a frozen study names for each of its registers."""
    return {r: hospital.refresh for r, hospital in zip(registers_of(study), study.hospitals, strict=True)}


@dataclass(frozen=True)
class Known:
    """The newest refresh of each register in earlier studies: of those of which a sum was `opened`, and of all that began, in
    which hospitals may have dealt patients into batches."""

    opened: Mapping[Register, int] = field(default_factory=dict)
    begun: Mapping[Register, int] = field(default_factory=dict)


def known(studies: Iterable[tuple[Study, bool]]) -> Known:
    """What the studies that have begun say; with each, whether a sum of it was opened."""
    opened: dict[Register, int] = {}
    begun: dict[Register, int] = {}
    for study, is_opened in studies:
        for register, refresh in refreshes_of(study).items():
            begun[register] = max(refresh, begun.get(register, 0))
            if is_opened:
                opened[register] = max(refresh, opened.get(register, 0))
    return Known(opened, begun)


def with_refreshes(study: Study, blocks: Blocks, earlier: Known) -> Study:
    """A study with blocks, and the refresh of every register: the newest that was opened of its block, or a new one."""
    listed = []
    for register, hospital in zip(registers_of(study), study.hospitals, strict=True):
        digest = blocks.of(register)
        together = (register,) if digest == ALONE else blocks[digest].members
        opened = max((earlier.opened[member] for member in together if member in earlier.opened), default=None)
        begun = max((earlier.begun.get(member, 0) for member in together), default=0)
        refresh = 0 if opened is None else begun + 1 if study.refresh else opened
        listed.append(hospital.model_dump(mode="json") | {"refresh": refresh})
    return study.with_overrides(top={"hospitals": listed})


def check(study: Study, blocks: Blocks) -> None:
    """Raises StudyError: members of a block are not read at one refresh."""
    named = refreshes_of(study)
    for block in blocks.listed:
        if len({named[member] for member in block.members if member in named}) > 1:
            raise StudyError(
                f"the study {study.name!r} reads members of one block at different refreshes (rule 7)",
                hint="a refresh is a step of the whole block: give all its members the same number",
            )
