"""What a missing hospital means for a roster and its answers: the table that people see before a study starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cipherward.disclosure.blocks import ALONE, Block, Blocks, Register
from cipherward.disclosure.eligibility import eligible
from cipherward.disclosure.standing import Agreement, Memory, Statement


class Effect(StrEnum):
    """What a study does without some hospitals."""

    GOES_ON = "goes on"
    WITHOUT_BLOCK = "goes on without their block"
    WAITS = "waits"


@dataclass(frozen=True)
class Absence:
    """Without one hospital from here on. `before`: it has not dealt in the running sum; `after`: it has.

    A study that waits ends when its people stop it: nothing else does.
    """

    hospital: bytes
    before: Effect
    after: Effect


@dataclass(frozen=True)
class Setting:
    """A study's registers with their answers, its blocks, and the two numbers that bound drop-outs. `by_block`: each block is a sum
    of its own, and all of them are needed."""

    answers: Mapping[Register, Agreement]
    blocks: Blocks
    threshold: int
    min_contributors: int
    by_block: bool = False

    def block_of(self, register: Register) -> Block | None:
        """The listed block of a register; None where it stands alone."""
        return self.blocks.get(self.blocks.of(register))

    def without(self, missing: Collection[bytes]) -> Effect:
        """What happens to a sum, after the first, in which these hospitals do not deal."""
        here = [r for r in self.answers if r.hospital not in missing]
        able = eligible((self._statement(r) for r in here), self.blocks, self._memory())
        if len(here) < self.threshold or len(able) < self.min_contributors:
            return Effect.WAITS
        stand = Counter(said.block for said in able)
        if self.by_block and any(stand[block.digest] < self.min_contributors for block in self.blocks.listed):
            return Effect.WAITS
        return Effect.GOES_ON if len(able) == len(here) else Effect.WITHOUT_BLOCK

    def after_dealing(self, missing: Collection[bytes]) -> Effect:
        """What happens to a sum in which these hospitals dealt before they vanished: a quorum opens it."""
        here = sum(r.hospital not in missing for r in self.answers)
        return Effect.GOES_ON if here >= self.threshold else Effect.WAITS

    def can_start(self) -> bool:
        """Whether a sum over everybody may be opened at all, whatever hospitals have rows for."""
        said = [self._statement(r) for r in self.answers]
        return len(eligible(said, self.blocks, self._memory())) >= self.min_contributors

    def table(self) -> tuple[Absence, ...]:
        """One line for each hospital."""
        keys = [register.hospital for register in self.answers]
        return tuple(Absence(key, self.without({key}), self.after_dealing({key})) for key in keys)

    def waited_for(self, dealt: Iterable[Statement], memory: Memory) -> frozenset[Register]:
        """Who has to deal before every block that has begun to can stand in the sum; for `status`."""
        said = tuple(dealt)
        begun = {s.block for s in said}
        here = {s.register for s in said}
        listed = [
            m for b in self.blocks.listed if b.digest in begun or b.digest not in memory.founded for m in b.members
        ]
        return frozenset(m for m in listed if m not in here and not memory.known_yes(m))

    def _statement(self, register: Register) -> Statement:
        block = self.block_of(register)
        return Statement(register, block.digest if block else ALONE, self.answers[register])

    def _memory(self) -> Memory:
        yes = frozenset(r for r, answer in self.answers.items() if answer is Agreement.YES)
        return Memory(agreed=yes, founded=frozenset(block.digest for block in self.blocks.listed))
