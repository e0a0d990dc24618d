"""The messages about shares that somebody disputes, and about a sum that does not open (`sums.challenge`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from cipherward.sums.digests import Entry


@dataclass(frozen=True)
class Challenge:
    """Coordinator: a certified sum does not open; the one challenge that anybody answers about it.

    `releases`: who has released, with the digest of each signed release; `witness_digest`: of what the first of them give. The
    vectors follow from these and the manifest.
    """

    context: bytes
    manifest_digest: bytes
    releases: tuple[Entry, ...]
    witness_digest: bytes


@dataclass(frozen=True)
class Answer:
    """Hospital: my answer to the challenge with this seed, each part empty where I have none: eight numbers for each slice of what
    I `released`, and the digests of two tables of such numbers (`sums.tables`).

    `held`: of the shares that I hold, by dealer. `dealt`: of those that I dealt to the first `threshold` holders; there is none where
    I dealt none, or have lost the key that they follow from.
    """

    seed: bytes
    released: bytes
    held: bytes
    dealt: bytes


@dataclass(frozen=True)
class Answered:
    """Hospital: my signed answer, and the tables whose digests it holds."""

    answer: bytes
    held: bytes
    dealt: bytes


@dataclass(frozen=True)
class Excerpt:
    """A part of a table: the numbers of one slice, of all columns or one, and what leads from them to the digest of the table:
    a path to the row's digest, empty for a whole row, and the path `above` it."""

    numbers: bytes
    path: bytes
    above: bytes


@dataclass(frozen=True)
class Claim:
    """What a signed answer says of a slice of the share that `dealer` dealt to `holder`, one of which has signed it."""

    answer: bytes
    dealer: int
    holder: int
    place: int
    said: Excerpt


@dataclass(frozen=True)
class ShowRequest:
    """Coordinator: show the slices about which these claims differ from what you have answered, and the shares about which there
    are complaints.

    `manifest`: the signed one that the challenge was about, where there are claims. `complaints`: signed.
    """

    context: bytes
    manifest: bytes
    claims: tuple[Claim, ...]
    complaints: tuple[bytes, ...]


@dataclass(frozen=True)
class ShownShare:
    """A share in the clear; with `sealed_digest` it has to give the digest in its dealer's header."""

    dealer: int
    holder: int
    share: bytes = field(repr=False)
    sealed_digest: bytes


@dataclass(frozen=True)
class ShownSlice:
    """A slice of a share in the clear; path and `sealed_digest` have to lead to the digest in its dealer's header."""

    dealer: int
    holder: int
    place: int
    piece: bytes = field(repr=False)
    path: bytes
    sealed_digest: bytes


@dataclass(frozen=True)
class Shown:
    """Hospital: shares that I dealt, about which there is a complaint; slices of those that I dealt or hold, about which somebody
    has answered something else than I."""

    context: bytes
    shares: tuple[ShownShare, ...] = field(repr=False)
    slices: tuple[ShownSlice, ...] = field(repr=False)


@dataclass(frozen=True)
class Contradiction:
    """What contradicts the signed answer of `hospital` about a slice: `said` is what it says of the share between `dealer` and
    `holder`, or, with dealer 0, of all shares that it holds, which do not add up to what it released.

    `other`: the slice of the share, with `path` and `sealed_digest` as in `ShownSlice`; for the share that it dealt to itself the
    numbers that it says as the dealer, with the path above them; for dealer 0 nothing.
    """

    hospital: int
    dealer: int
    holder: int
    place: int
    said: Excerpt
    other: bytes = field(default=b"", repr=False)
    path: bytes = b""
    sealed_digest: bytes = b""
