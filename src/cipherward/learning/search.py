"""The culprit search: which hospitals may contribute after training sums that did not open.

Part of the public state: hospitals and coordinator move it by the same rule, from who can have spoiled each failed sum:
its contributors, and where there were only just enough releases, those who released. A sum that opens clears nobody,
since a culprit may behave for a while; so with one culprit an honest hospital is never excluded.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

CYCLES = 2
"""How often each group is summed before the hospitals are grouped anew. A group that failed is not summed again."""
N_GROUPS = 2
"""Halves: the fewest void rounds for each halving of the suspects, and the largest sums."""

Group = tuple[int, ...]


@dataclass(frozen=True)
class Exclusion:
    """A hospital whose contributions are no longer accepted. `sums`: the failed sums that no other explains alone."""

    hospital: int
    sums: tuple[int, ...]


@dataclass(frozen=True)
class Contradiction:
    """Failed sums that no single contributor explains: several culprits, or a holder's releases."""

    sums: tuple[int, ...]
    possible: Group


@dataclass(frozen=True)
class Search:
    """What is known about failed training sums.

    `failed` holds (sum, who can have spoiled it) of those not explained yet; `groups` the disjoint groups of a search that is under
    way; `turns` which of them are still to be summed, in order; `last` the group to which the newest sum was
    limited, or ().
    """

    failed: tuple[tuple[int, Group], ...] = ()
    groups: tuple[Group, ...] = ()
    turns: tuple[int, ...] = ()
    n_suspects_before: int = 0
    last: Group = ()
    excluded: tuple[Exclusion, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def group(self) -> Group:
        """The hospitals whose contributions the next training sum admits; () for everyone."""
        return self.groups[self.turns[0]] if self.turns else ()

    @property
    def suspects(self) -> Group:
        """The hospitals that can have spoiled every failed sum not explained yet."""
        sets = [set(possible) for _, possible in self.failed]
        return tuple(sorted(set.intersection(*sets))) if sets else ()

    def eligible(self, n_hospitals: int) -> Group:
        """The roster without the excluded."""
        out = {exclusion.hospital for exclusion in self.excluded}
        return tuple(i for i in range(1, n_hospitals + 1) if i not in out)

    def facts(self) -> list[object]:
        """Everything that the next sum depends on, as JSON values."""
        return [
            self.failed, self.groups, self.turns, self.n_suspects_before,
            [(exclusion.hospital, exclusion.sums) for exclusion in self.excluded],
        ]  # fmt: skip

    def after_opened(self, seed: bytes, n_hospitals: int, minimum: int) -> Search:
        """The search after a training sum that opened."""
        moved = dataclasses.replace(self, last=self.group, turns=self.turns[1:])
        return moved._regrouped(seed, n_hospitals, minimum) if self.turns and not moved.turns else moved

    def after_failed(
        self,
        number: int,
        contributors: Iterable[int],
        seed: bytes,
        n_hospitals: int,
        minimum: int,
        *,
        releasers: Iterable[int] = (),
    ) -> Search:
        """The search after training sum `number`, over `contributors`, did not open.

        Args:
            releasers: who else may have spoiled it.
            seed: the study digest, 32 bytes: groups are drawn from it.
            n_hospitals: size of the roster, whose hospitals are 1..n_hospitals.
            minimum: fewest contributors to any sum; no group is smaller.
        """
        summed = set(contributors)
        newest = (number, tuple(sorted(summed | set(releasers))))
        # Where the group was too few, everybody was summed in its place, and its next turn stands.
        done = self.turns[:1] if summed <= set(self.group) else ()
        turns = tuple(turn for turn in self.turns[1:] if turn not in done)
        moved = dataclasses.replace(self, failed=(*self.failed, newest), last=self.group, turns=turns)
        if not moved.suspects:
            sums = tuple(k for k, _ in moved.failed)
            possible = tuple(sorted(set().union(*(group for _, group in moved.failed))))
            found = (*self.contradictions, Contradiction(sums, possible))
            return dataclasses.replace(moved, failed=(), groups=(), turns=(), contradictions=found)
        if not _divisible(self.eligible(n_hospitals), minimum):
            return dataclasses.replace(moved, groups=(), turns=())
        if len(moved.suspects) == 1:
            culprit = Exclusion(moved.suspects[0], tuple(k for k, _ in moved.failed))
            return dataclasses.replace(moved, failed=(), groups=(), turns=(), excluded=(*self.excluded, culprit))
        if not self.groups:
            return moved._drawn(seed, n_hospitals)
        return moved if moved.turns else moved._regrouped(seed, n_hospitals, minimum)

    def _regrouped(self, seed: bytes, n_hospitals: int, minimum: int) -> Search:
        """Each group has had its turns: new groups where that narrowed the suspects down, or else an end for now."""
        if len(self.suspects) < self.n_suspects_before and _divisible(self.eligible(n_hospitals), minimum):
            return self._drawn(seed, n_hospitals)
        return dataclasses.replace(self, groups=(), turns=())

    def _drawn(self, seed: bytes, n_hospitals: int) -> Search:
        newest = self.failed[-1][0].to_bytes(8, "big")

        def place(hospital: int) -> bytes:
            return hashlib.sha256(b"cipherward/v1/groups\x00" + seed + newest + hospital.to_bytes(4, "big")).digest()

        suspects = set(self.suspects)
        order = sorted(self.eligible(n_hospitals), key=lambda i: (i not in suspects, place(i)))
        groups = tuple(tuple(sorted(order[k::N_GROUPS])) for k in range(N_GROUPS))
        turns = tuple(range(N_GROUPS)) * CYCLES
        return dataclasses.replace(self, groups=groups, turns=turns, n_suspects_before=len(suspects))


def _divisible(eligible: Group, minimum: int) -> bool:
    return len(eligible) >= N_GROUPS * minimum
