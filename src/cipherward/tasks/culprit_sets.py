"""Who can have spoiled several sums together: the smallest sets of hospitals that meet every failed sum.

A set of hospitals that holds, for every failed sum, one that can have spoiled it, is an *explanation*. If k hospitals
really spoiled the sums, they are one of the explanations of size k.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_CULPRITS = 3
"""The largest explanations that are looked for."""
MOST_BRANCHES = 10_000
"""Bound on the work: explanations of size k are looked for only where n_hospitals to the power of k - 1 is within it."""


@dataclass(frozen=True)
class Explained:
    """The smallest explanations of the failed sums: how many hospitals each has, how many there are, who is in them.

    `suspects` are in at least one, `certain` in every one. Without a failed sum the one explanation is nobody.
    """

    size: int = 0
    count: int = 1
    suspects: tuple[int, ...] = ()
    certain: tuple[int, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether there is one explanation only."""
        return self.count == 1


NOTHING = Explained()


def most_culprits(n_hospitals: int) -> int:
    """The size up to which explanations are looked for: 3 with up to 100 hospitals, 2 with up to 10,000, else 1."""
    return max(k for k in range(1, MOST_CULPRITS + 1) if k == 1 or n_hospitals ** (k - 1) <= MOST_BRANCHES)


def explain(failed: Iterable[Iterable[int]], n_hospitals: int) -> Explained | None:
    """The smallest explanations of failed sums, or None if `most_culprits(n_hospitals)` hospitals do not explain them.

    Args:
        failed: for each failed sum the hospitals, out of 1..n_hospitals, that can have spoiled it; none is empty.

    The work is at most n_hospitals^(size - 1) branches, each over the failed sums with one bit for each hospital.
    """
    telling = _telling(failed)
    if not telling:
        return NOTHING
    for size in range(1, most_culprits(n_hospitals) + 1):
        count, some, every = 0, 0, -1
        for chosen, last in _branches(telling, size):
            count += last.bit_count()
            some |= chosen | last
            every &= chosen | (last if last.bit_count() == 1 else 0)
        if count:
            return Explained(size, count, _hospitals(some), _hospitals(every))
    return None


def most_telling(
    failed: Iterable[Iterable[int]], size: int, candidates: Iterable[tuple[tuple[int, ...], ...]]
) -> tuple[tuple[int, ...], ...]:
    """The candidate, a tuple of disjoint groups, after whose sums the fewest explanations are left on average.

    Each of the smallest explanations, of `size`, is taken for the truth once, with culprits that spoil every sum.
    """
    telling = _telling(failed)

    def left(groups: tuple[tuple[int, ...], ...]) -> int:
        masks = [_mask(group) for group in groups]
        everyone = functools.reduce(int.__or__, masks)
        outcomes: Counter[int] = Counter()  # how many explanations make just these groups fail
        for chosen, last in _branches(telling, size):
            failing = sum(1 << k for k, mask in enumerate(masks) if mask & chosen)
            outcomes[failing] += (last & ~everyone).bit_count()
            for k, mask in enumerate(masks):
                outcomes[failing | 1 << k] += (last & mask).bit_count()
        return sum(n * sum(m for other, m in outcomes.items() if other & it == it) for it, n in outcomes.items())

    return min(candidates, key=left)


def _telling(failed: Iterable[Iterable[int]]) -> tuple[int, ...]:
    """The failed sums as masks, without those that hold all of another's hospitals: they are explained with it."""
    sums = {_mask(possible) for possible in failed}
    return tuple(sorted(s for s in sums if not any(other & s == other and other != s for other in sums)))


def _branches(sums: tuple[int, ...], size: int) -> Iterator[tuple[int, int]]:
    """Every explanation of `size` once, as (all but one of it, who can be the last one); there must be no smaller one."""
    if size == 1:
        last = functools.reduce(int.__and__, sums)
        if last:
            yield 0, last
        return
    tried = 0
    for hospital in _hospitals(min(sums, key=int.bit_count)):
        bit = 1 << hospital
        # Explanations with hospitals tried before have been found.
        rest = tuple(s & ~tried for s in sums if not s & bit)
        if all(rest):
            yield from ((bit | chosen, last) for chosen, last in _branches(rest, size - 1))
        tried |= bit


def _mask(hospitals: Iterable[int]) -> int:
    members = set(hospitals)
    bits = bytearray(max(members, default=0) // 8 + 1)
    for hospital in members:
        bits[hospital // 8] |= 1 << hospital % 8
    return int.from_bytes(bits, "little")


def _hospitals(mask: int) -> tuple[int, ...]:
    return tuple(i for i, bit in enumerate(reversed(f"{mask:b}")) if bit == "1")
