"""A certified sum whose releases do not lie on one polynomial: who can be shown to have spoiled it.

All shares are vectors over a prime field, in slices; eight public vectors, drawn once from the manifest and all signed
releases, turn each slice into eight numbers. A holder answers with the numbers of each share that it holds, a dealer with
those of its polynomial. What a holder answered has to add up to what it released. Where a holder and a dealer differ about
a slice of one share, that slice is shown by either of them, and the digest in the dealer's signed header decides.

Pure functions over these numbers. Nobody is named without two statements of its own that contradict each other; silence
names nobody (`docs/adr/0016`).

If everybody answers, somebody is named: without a culprit the releases' numbers would lie on polynomials, and eight
vectors miss a difference with probability 2^-127 at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto import shamir
from cipherward.crypto.hashing import digest

Numbers = NDArray[np.uint32]
"""Inner products below the field's modulus; the last axis has the eight vectors, the first one slices where there are more."""


FEW = 8
"""To so many hospitals that differ with more than f others one hospital shows a slice each, whatever the others show."""


@dataclass(frozen=True, order=True)
class Dispute:
    """A slice of a share about which its dealer and its holder have answered differently; `place`: its number, from 0."""

    dealer: int
    holder: int
    place: int


@dataclass(frozen=True)
class Culprit:
    """A hospital whose own signed statements about a slice contradict each other: that of its release where `dealer` is 0, else
    that of the share between the two."""

    hospital: int
    dealer: int
    holder: int
    place: int

    @property
    def reason(self) -> str:
        """Which statements they are."""
        if not self.dealer:
            return "its answers do not add up to what it released"
        if self.dealer == self.holder:
            return "it answers two things about the share that it dealt to itself"
        if self.hospital == self.holder:
            return f"its answer is not that of the share that hospital {self.dealer} dealt it"
        return f"its polynomial is not that of the share it dealt to hospital {self.holder}"


@dataclass(frozen=True)
class Verdict:
    """`culprits` are proved, each once. `disputes` are still to be decided: no such slice that matches its digest has been
    shown."""

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


def polynomial_at(answer: Numbers, points: Sequence[int], wanted: Sequence[int], modulus: int) -> Numbers:
    """The numbers of a dealer's polynomial at each wanted point, uint32[..., wanted, 8].

    Args:
        answer: its numbers at `points`, the first `threshold` of the holders, uint32[..., points, 8].
    """
    if not wanted:
        return answer[..., :0, :]
    known = np.moveaxis(answer, -2, 0)
    flat = np.ascontiguousarray(known.reshape(len(points), -1))
    row = {point: flat[k] for k, point in enumerate(points)}
    others = [point for point in wanted if point not in row]
    row |= dict(zip(others, shamir.evaluate(points, flat, others, modulus), strict=True))
    found = np.stack([row[point] for point in wanted]).reshape(len(wanted), *known.shape[1:])
    return np.moveaxis(found, 0, -2)


def total(modulus: int, numbers: Numbers) -> Numbers:
    """The numbers of a sum of shares, from those of each: uint32[..., 8] of uint32[..., shares, 8]."""
    added: Numbers = (numbers.astype(np.uint64).sum(axis=-2) % np.uint64(modulus)).astype(np.uint32)
    return added


def judge(
    modulus: int,
    threshold: int,
    holders: Sequence[int],
    dealers: Sequence[int],
    released: Mapping[int, Numbers],
    held: Mapping[int, Numbers],
    dealt: Mapping[int, Numbers],
    shown: Mapping[Dispute, Numbers],
) -> Verdict:
    """Who is proved to have spoiled the sum.

    Args:
        holders: everyone with a share, increasing. dealers: the manifest's contributors.
        released: the numbers of each signed release, uint32[slices, 8].
        held: each holder's answer, uint32[slices, dealers, 8]; only of holders who released. Who is silent is not in it.
        dealt: each dealer's, at the first `threshold` of `holders`, uint32[slices, threshold, 8]. Who is silent is not in it.
        shown: the numbers of each slice that has been shown and matches the digest in the header, uint32[8].
    """
    found: dict[int, Culprit] = {}

    def name(*culprit: int) -> None:
        found.setdefault(culprit[0], Culprit(*culprit))

    for holder, answer in sorted(held.items()):
        if holder in released and (place := _differs(total(modulus, answer), released[holder])) is not None:
            name(holder, 0, holder, place)
    disputes: list[Dispute] = []
    for dealer, polynomial in sorted(dealt.items()):
        answering = sorted(held, key=lambda holder: (holder != dealer, holder))  # what it says to itself needs no share
        claimed = polynomial_at(polynomial, holders[:threshold], answering, modulus)
        for row, holder in enumerate(answering):
            said = held[holder][:, dealers.index(dealer)]
            place = _differs(claimed[:, row], said)
            if place is None:
                continue
            one = Dispute(dealer, holder, place)
            if dealer == holder:
                name(dealer, dealer, holder, place)
            elif one not in shown:
                disputes.append(one)
            else:
                if not np.array_equal(shown[one], said[place]):
                    name(holder, dealer, holder, place)
                if not np.array_equal(shown[one], claimed[place, row]):
                    name(dealer, dealer, holder, place)
    return Verdict(tuple(found[i] for i in sorted(found)), tuple(disputes))


def to_decide(disputes: Sequence[Dispute], corrupt: int) -> list[Dispute]:
    """Which disputes are worth the bytes: all, but that few hospitals should not have to show slices to many.

    Who differs with more than `corrupt` others is false, and an honest one is among any `corrupt` of them. Of these disputes as many
    are decided, and all with hospitals that have at most `FEW` of them.
    """
    between: dict[frozenset[int], list[Dispute]] = {}
    for one in disputes:
        between.setdefault(frozenset((one.dealer, one.holder)), []).append(one)
    met: dict[int, set[int]] = {}
    for pair in between:
        for i in pair:
            met.setdefault(i, set()).update(pair - {i})
    loud = {i for i, others in met.items() if len(others) > corrupt}
    chosen = {
        pair for pair in between if len(pair & loud) != 1 or all(len(met[quiet] & loud) <= FEW for quiet in pair - loud)
    }
    asked = Counter(i for pair in chosen for i in pair)
    for i in sorted(loud):
        left = [other for other in met[i] - loud if frozenset((i, other)) not in chosen]
        missing = corrupt - sum(i in pair and not pair <= loud for pair in chosen)
        for other in sorted(left, key=lambda other: (asked[other], other))[: max(missing, 0)]:
            chosen.add(frozenset((i, other)))
            asked[other] += 1
    return sorted(one for pair in chosen for one in between[pair])


def _differs(ours: Numbers, theirs: Numbers) -> int | None:
    """The first slice about which two answers differ, if any."""
    places = np.flatnonzero((ours != theirs).any(axis=-1))
    return int(places[0]) if places.size else None
