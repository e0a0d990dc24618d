"""The culprit search: which hospitals may contribute after training sums that did not open.

Part of the public state: hospitals and coordinator move it by the same rule, from who can have spoiled each failed sum:
its contributors, and where there were only just enough releases, those who released. A sum that opens clears nobody,
since a culprit may behave for a while. Culprits are those without whom the failed sums cannot be explained by as few
hospitals as possible: with one culprit an honest hospital is never excluded.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cipherward.tasks.culprit_sets import MOST_CULPRITS, NOTHING, Explained, explain, most_culprits, most_telling

CYCLES = 2
"""How often each group is summed before the hospitals are grouped anew. A group that failed is not summed again."""

CANDIDATES = 16
"""From so many random groupings the most telling one is taken, where more than one culprit is to be found."""

Group = tuple[int, ...]


@dataclass(frozen=True)
class Exclusion:
    """A hospital whose contributions are not accepted: of `culprits`, the fewest that explain `sums`, it is always one."""

    hospital: int
    sums: tuple[int, ...]
    culprits: int = 1


@dataclass(frozen=True)
class Readmission:
    """A hospital that is excluded no longer, since `sums` failed without it."""

    hospital: int
    sums: tuple[int, ...]


@dataclass(frozen=True)
class Contradiction:
    """Failed sums that more than `culprits` hospitals spoiled, the most that are looked for; `possible`: by whom."""

    sums: tuple[int, ...]
    possible: Group
    culprits: int


@dataclass(frozen=True)
class Search:
    """What is known about failed training sums.

    `failed` holds (sum, who can have spoiled it) since the last contradiction, `explained` the fewest hospitals that
    explain them; `groups` the disjoint groups of a search that is under way; `turns` which of them are still to be
    summed, in order; `before` the `explained` from which they were drawn; `tried` the hospitals in the groups of the
    newest drawing, if these told nothing; `last` the group to which the newest sum was limited, or (). `excluded` holds
    those from before a contradiction, and then those that follow from `failed`.
    """

    failed: tuple[tuple[int, Group], ...] = ()
    explained: Explained = NOTHING
    groups: tuple[Group, ...] = ()
    turns: tuple[int, ...] = ()
    before: Explained = NOTHING
    tried: Group = ()
    last: Group = ()
    excluded: tuple[Exclusion, ...] = ()
    readmitted: tuple[Readmission, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def group(self) -> Group:
        """The hospitals whose contributions the next training sum admits; () for everyone."""
        return self.groups[self.turns[0]] if self.turns else ()

    @property
    def suspects(self) -> Group:
        """The hospitals that can be a culprit, if there are no more than needed, and are not excluded."""
        out = {exclusion.hospital for exclusion in self.excluded}
        return tuple(i for i in self.explained.suspects if i not in out)

    def eligible(self, n_hospitals: int) -> Group:
        """The roster without the excluded."""
        out = {exclusion.hospital for exclusion in self.excluded}
        return tuple(i for i in range(1, n_hospitals + 1) if i not in out)

    def facts(self) -> list[object]:
        """Everything that the next sum depends on, as JSON values."""
        return [
            self.failed, self.groups, self.turns, [self.before.size, self.before.count], self.tried,
            [(exclusion.hospital, exclusion.sums, exclusion.culprits) for exclusion in self.excluded],
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
        found = explain((possible for _, possible in moved.failed), n_hospitals)
        if found is None:
            return moved._contradicted(most_culprits(n_hospitals))
        moved = dataclasses.replace(moved, explained=found)
        if n_hospitals < 2 * minimum:
            return moved
        moved = moved._judged(n_hospitals - minimum)
        if found.is_complete:
            return moved._whole()
        if not moved.groups or moved.eligible(n_hospitals) != self.eligible(n_hospitals):
            return moved._drawn(seed, n_hospitals, minimum)
        return moved if moved.turns else moved._regrouped(seed, n_hospitals, minimum)

    def _contradicted(self, most: int) -> Search:
        """Too many culprits: the failed sums are told and forgotten; who was excluded stays so."""
        sums = tuple(k for k, _ in self.failed)
        possible = tuple(sorted(set().union(*(group for _, group in self.failed))))
        found = (*self.contradictions, Contradiction(sums, possible, most))
        return dataclasses.replace(self, failed=(), explained=NOTHING, before=NOTHING, contradictions=found)._whole()

    def _judged(self, most: int) -> Search:
        """Exclude whoever is in every smallest explanation, `most` in all, and readmit whoever no longer is."""
        sums = tuple(k for k, _ in self.failed)
        kept = tuple(e for e in self.excluded if e.sums[-1] < sums[0])
        out = {e.hospital for e in kept}
        found = tuple(Exclusion(i, sums, self.explained.size) for i in self.explained.certain if i not in out)
        excluded = kept + found if len(kept + found) <= most else kept
        out = {e.hospital for e in excluded}
        back = tuple(
            Readmission(e.hospital, tuple(k for k, possible in self.failed if e.hospital not in possible))
            for e in self.excluded
            if e.hospital not in out
        )
        return dataclasses.replace(self, excluded=excluded, readmitted=self.readmitted + back)

    def _whole(self) -> Search:
        return dataclasses.replace(self, groups=(), turns=())

    @property
    def _is_news(self) -> bool:
        return (self.explained.size, self.explained.count) != (self.before.size, self.before.count)

    def _regrouped(self, seed: bytes, n_hospitals: int, minimum: int) -> Search:
        """Each group has had its turns: new groups where that told something, or else an end for now."""
        if self._is_news:
            return self._drawn(seed, n_hospitals, minimum)
        return dataclasses.replace(self._whole(), tried=tuple(sorted(i for group in self.groups for i in group)))

    def _drawn(self, seed: bytes, n_hospitals: int, minimum: int) -> Search:
        """New groups, from the study and the newest failed sum alone."""
        eligible, suspects = self.eligible(n_hospitals), set(self.suspects)
        # Where too few are left for two groups, one is summed; the others are fewer by the excluded only.
        if len(eligible) < minimum + max(2, minimum - MOST_CULPRITS + 1):
            return self._whole()
        n_groups = max(1, min(self.explained.size + 1, len(eligible) // minimum))
        several = self.explained.size - len(self.explained.certain) > 1
        # With several to find, groups among which suspects are spread evenly may tell nothing for ever.
        spread = self._is_news or not several

        def candidate(number: int) -> tuple[Group, ...]:
            drawn = b"cipherward/v1/groups\x00" + seed + self.failed[-1][0].to_bytes(8, "big") + bytes([number])
            order = sorted(eligible, key=lambda i: hashlib.sha256(drawn + i.to_bytes(4, "big")).digest())
            first = [i for i in order if i in suspects] if spread else order
            others = [i for i in order if i not in suspects] if spread else []
            if n_groups > 1:
                return tuple(tuple(sorted((first + others)[k::n_groups])) for k in range(n_groups))
            # Then the other half, if the first one told nothing.
            first.sort(key=lambda i: i in self.tried)
            half = max((len(first) + 1) // 2, minimum - len(others)) if spread else minimum
            return (tuple(sorted(first[:half] + others[: minimum - half])),)

        candidates = [candidate(number) for number in range(CANDIDATES if several and spread else 1)]
        failed = (possible for _, possible in self.failed)
        groups = most_telling(failed, self.explained.size, candidates) if len(candidates) > 1 else candidates[0]
        turns = tuple(range(n_groups)) * CYCLES
        return dataclasses.replace(self, groups=groups, turns=turns, before=self.explained, tried=())
