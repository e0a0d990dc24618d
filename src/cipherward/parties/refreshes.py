"""At which refresh of its register a study reads each hospital's table (rule 7): from a study document, and back into it."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.disclosure.blocks import ALONE, Blocks, Register
from cipherward.errors import StudyError
from cipherward.parties.listed import registers_of
from cipherward.study import Study


def refreshes_of(study: Study) -> dict[Register, int]:
    """The refresh that a frozen study names for each of its registers."""
    return {r: hospital.refresh for r, hospital in zip(registers_of(study), study.hospitals, strict=True)}


def with_refreshes(study: Study, blocks: Blocks, opened: Mapping[Register, int]) -> Study:
    """A study with blocks, and the refresh of every register: the newest that was opened of its block, or the next one.

    Args:
        opened: the newest refresh at which each register stood in an opened sum; a register that is not in it is new.
    """
    listed = []
    for register, hospital in zip(registers_of(study), study.hospitals, strict=True):
        digest = blocks.of(register)
        together = (register,) if digest == ALONE else blocks[digest].members
        known = [opened[member] for member in together if member in opened]
        refresh = max(known) + study.refresh if known else 0
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
