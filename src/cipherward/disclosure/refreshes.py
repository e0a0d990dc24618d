"""Refreshes of a register: new patients enter in whole batches, when enough members of the block change together (rule 7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from cipherward.disclosure.refusals import Refusal


@dataclass(frozen=True)
class Refreshes:
    """What a hospital's own ledger keeps of one of its registers. `opened`: the refreshes at which it stood in opened sums;
    `open`: by context, those of sums that may still be opened, at another refresh than these."""

    opened: frozenset[int] = frozenset()
    open: Mapping[bytes, int] = field(default_factory=dict)

    def problem(self, refresh: int) -> Refusal | None:
        """Why this register must not be read at this refresh now, if it must not.

        One that was opened may be used again: all members read then what they read before. One between those that were opened is
        new: who changed on the way there may be fewer than those who changed on the whole way.
        """
        if refresh in self.opened:
            return None
        if self.opened and refresh < max(self.opened):
            return Refusal(
                7, "the study names a refresh before the newest one of this register", "name the newest, or the next"
            )
        if any(other != refresh for other in self.open.values()):
            return Refusal(
                7,
                "a sum at another new refresh of this register may still be opened",
                "go on at that refresh, or show void certificates for the attempts at that sum",
            )
        return None

    def has_entered(self, refresh: int, steps: Collection[int]) -> bool:
        """Whether batches entered since the last opened sum. `steps`: the refreshes at which those that are read entered."""
        if not self.opened or refresh in self.opened:
            return False
        return any(max(self.opened) < step <= refresh for step in steps)

    def named(self, refresh: int, context: bytes) -> Refreshes:
        """Recorded before the header of that sum leaves the hospital."""
        return self if refresh in self.opened else replace(self, open={**self.open, context: refresh})

    def voided(self, context: bytes) -> Refreshes:
        """A void certificate for this attempt was checked."""
        if context not in self.open:
            return self
        return replace(self, open={c: r for c, r in self.open.items() if c != context})

    def was_opened(self, context: bytes) -> Refreshes:
        """The attempt was opened, with this register in it."""
        if context not in self.open:
            return self
        opened = self.opened | {self.open[context]}
        return Refreshes(opened, {c: r for c, r in self.open.items() if r not in opened})
