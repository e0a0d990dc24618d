"""A certified sum whose releases do not lie on one polynomial: who can be shown to have spoiled it.

All shares are vectors over a prime field; eight public vectors, drawn once from the manifest and all signed releases,
turn each into eight numbers. A holder answers with the numbers of each share that it holds, a dealer with those of its
polynomial. What a holder answered has to add up to what it released. Where a holder and a dealer differ about one share,
that share is shown by either of them, and the digest in the dealer's signed header decides.

Pure functions over these numbers, the same at the coordinator, hospitals and auditors. Nobody is named without two
statements of its own that contradict each other; silence names nobody (`docs/adr/0016`).

If everybody answers, somebody is named: without a culprit the releases' numbers would lie on polynomials, and eight
vectors miss a difference with probability 2^-127 at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto import shamir
from cipherward.crypto.hashing import digest
from cipherward.crypto.shamir import N_CHALLENGES

Numbers = tuple[int, ...]
"""Eight inner products, each below the field's modulus."""


@dataclass(frozen=True)
class Dispute:
    """A share about which its dealer and its holder have answered differently."""

    dealer: int
    holder: int


@dataclass(frozen=True)
class Culprit:
    """A hospital whose own signed statements contradict each other; `reason` says which."""

    hospital: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """`culprits` are proved. `disputes` are still to be decided: no share that matches its digest has been shown."""

    culprits: tuple[Culprit, ...]
    disputes: tuple[Dispute, ...]

    @property
    def named(self) -> frozenset[int]:
        return frozenset(culprit.hospital for culprit in self.culprits)


def release_digest(signed_release: bytes) -> bytes:
    """What a challenge says of a signed release."""
    return digest("release", signed_release)


def challenge_seed(manifest_digest: bytes, releases: Mapping[int, bytes], witness_digest: bytes) -> bytes:
    """What the vectors are drawn from: nobody could know it before the last release was signed and the witness stated.

    Args:
        releases: the `release_digest` of each holder's signed release.
    """
    ordered = (holder.to_bytes(4, "big") + releases[holder] for holder in sorted(releases))
    return digest("challenge", manifest_digest, witness_digest, *ordered)


def polynomial_at(
    answer: Sequence[Numbers], points: Sequence[int], wanted: Sequence[int], modulus: int
) -> dict[int, Numbers]:
    """The numbers of a dealer's polynomial at each wanted point.

    Args:
        answer: its numbers at the first `threshold` of the holders.
        points: these holders.
    """
    known = np.array(answer, dtype=np.uint32).reshape(len(points), N_CHALLENGES)
    found = dict(zip(points, (_numbers(row) for row in known), strict=True))
    others = [point for point in wanted if point not in found]
    values = shamir.evaluate(points, known, others, modulus)
    return found | {point: _numbers(row) for point, row in zip(others, values, strict=True)}


def judge(
    modulus: int,
    threshold: int,
    holders: Sequence[int],
    dealers: Sequence[int],
    released: Mapping[int, Numbers],
    held: Mapping[int, Mapping[int, Numbers]],
    dealt: Mapping[int, Sequence[Numbers]],
    shown: Mapping[tuple[int, int], Numbers],
) -> Verdict:
    """Who is proved to have spoiled the sum.

    Args:
        holders: everyone with a share, increasing. dealers: the manifest's contributors.
        released: the numbers of each signed release that is there.
        held: each holder's answer, dealer by dealer; only of holders who released. Who is silent is not in it.
        dealt: each dealer's answer, at the first `threshold` of `holders`. Who is silent is not in it.
        shown: by (dealer, holder), the numbers of a share that has been shown and matches the digest in the header.
    """
    culprits = [
        Culprit(holder, "its answers do not add up to what it released")
        for holder, answers in sorted(held.items())
        if holder in released and total(modulus, [answers[dealer] for dealer in dealers]) != released[holder]
    ]
    disputes: list[Dispute] = []
    answering = sorted(held)
    for dealer in sorted(dealt):
        claimed = polynomial_at(dealt[dealer], holders[:threshold], answering, modulus)
        for holder in answering:
            if claimed[holder] == held[holder][dealer]:
                continue
            if dealer == holder:
                culprits.append(Culprit(dealer, "it answers two things about the share that it dealt to itself"))
                continue
            right = shown.get((dealer, holder))
            if right is None:
                disputes.append(Dispute(dealer, holder))
                continue
            if right != held[holder][dealer]:
                culprits.append(Culprit(holder, f"its answer is not that of the share that hospital {dealer} dealt it"))
            if right != claimed[holder]:
                culprits.append(
                    Culprit(dealer, f"its polynomial is not that of the share it dealt to hospital {holder}")
                )
    return Verdict(tuple(culprits), tuple(disputes))


def total(modulus: int, numbers: Sequence[Numbers]) -> Numbers:
    """The numbers of a sum of shares, from those of each."""
    return tuple(sum(column) % modulus for column in zip(*numbers, strict=True))


def _numbers(row: NDArray[np.uint32]) -> Numbers:
    return tuple(int(value) for value in row)
