"""What every scheme of the secure sum offers; pure computation over bytes and arrays.

A scheme reads no files, sockets, clocks or global randomness. Randomness and keys are arguments, except the key
encapsulation inside HPKE, which its library draws from the operating system itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from cipherward.crypto.hashing import digest

NOTHING_OPENED = bytes(32)
"""What a message names as the last opening before a study's first one."""


@dataclass(frozen=True)
class SumTask:
    """Everything public that fixes one sum.

    `context` is ctx (32 bytes). Fixed-point schemes add `n_lanes` unsigned integers below 2^bits; the unprotected
    scheme adds `n_values` floats, of which the first `n_real` travel as float32 and the rest as float64. `admitted`
    holds the roster indices that may contribute; () for the whole roster. `last`: digest of the study's last opening.
    """

    context: bytes
    n_hospitals: int
    threshold: int
    bits: int
    n_lanes: int
    n_values: int
    n_real: int
    admitted: tuple[int, ...] = ()
    last: bytes = NOTHING_OPENED

    def admits(self, hospital: int) -> bool:
        """Whether a contribution of this hospital may be in the sum."""
        return not self.admitted or hospital in self.admitted


@dataclass(frozen=True)
class Protected:
    """One hospital's contribution: the payload that is added up, and for each holder a commitment to its share, followed
    by the sealed share.

    `one_time`: the secret from which the shares can be made again, where the scheme has one; as secret as the contribution.
    """

    payload: bytes = field(repr=False)
    shares: Mapping[int, bytes] = field(repr=False)
    one_time: bytes = field(default=b"", repr=False)

    @cached_property
    def payload_digest(self) -> bytes:
        """32 bytes, computed once: a payload is megabytes."""
        return payload_digest(self.payload)


@dataclass(frozen=True)
class DealtShare:
    """A commitment and sealed share as the holder received them, with the digest of the payload that they belong to.

    `plain`: the share in the clear, where the holder has opened it, or complained and its dealer showed it; else empty.
    `is_opened`: `open_shares` gave it, and so has checked that it is the one that its dealer committed to.
    """

    sealed: bytes = field(repr=False)
    payload_digest: bytes
    plain: bytes = field(default=b"", repr=False)
    is_opened: bool = False


Opened = tuple[Mapping[int, DealtShare], list[int]]
"""Shares by dealer, those that opened in the clear, and the dealers of those that did not."""


class Opener(StrEnum):
    """What it takes to open one hospital's contribution by itself."""

    ANYONE = "anyone"
    """Nothing: it travels as it is."""
    COORDINATOR = "coordinator"
    """The coordinator's own key."""
    HOSPITALS = "hospitals"
    """Shares that hospitals hold: more of them than may be corrupt, together with the coordinator."""


class SchemeFacts:
    """What is true of a scheme, said once, at its class."""

    name: ClassVar[str]
    opener: ClassVar[Opener]
    fixed_point: ClassVar[bool] = True
    """Whether it adds unsigned integers; the other kind adds floats as they are."""
    deals_shares: ClassVar[bool] = False
    """Whether a contribution comes with a share for every holder."""
    has_fingerprints: ClassVar[bool] = False
    """Whether consents carry fingerprints, and an opening the payloads of those who left none."""
    has_key_pair: ClassVar[bool] = False
    """Whether the coordinator has one key pair for all sums, whose public half hospitals encrypt to."""
    for_deployments: ClassVar[bool] = False
    """Whether it may go over a network; the others protect nothing, or nothing shows what was added."""
    assumes: ClassVar[str] = ""
    """What a receipt takes for granted, beside the checks that it lists; "" for nothing."""
    protection: ClassVar[str]
    """What it does, for people; may name {threshold} and {n} hospitals. docs/security.md is the source."""
    opening: ClassVar[str]
    """How a sum was opened, for people; may name {threshold} and {consents}."""
    caution: ClassVar[str] = ""
    """What must be said to whoever runs it; "" for nothing."""
    max_hospitals: ClassVar[int] = 100_000
    extra: ClassVar[tuple[str, ...]] = ()
    """The extra of this package that it needs, and the packages that come with it; () for none."""

    def fingerprint(self, task: SumTask, manifest: bytes, data: bytes) -> bytes:
        """None, unless the scheme has fingerprints."""
        return b""

    def fingerprints_match(self, task: SumTask, manifest: bytes, total: bytes, fingerprints: list[bytes]) -> bool:
        """True where there are none."""
        return True


class WithoutShares(SchemeFacts):
    """A scheme in which hospitals hold nothing that opens a sum: no key for one sum, no shares, empty releases."""

    def make_key(self, randomness: bytes) -> tuple[bytes, bytes]:
        """Join: nothing."""
        return b"", b""

    def key_is_usable(self, key: bytes) -> bool:
        """Join: whether there is none."""
        return key == b""

    def open_shares(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> Opened:
        """Consent: there is no share that could fail to open."""
        return dealt, []

    def release(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> bytes:
        """Release: nothing."""
        return b""

    def release_is_usable(self, task: SumTask, data: bytes) -> bool:
        """Open: whether it is empty."""
        return data == b""


class Accumulator(Protocol):
    """The running sum; its memory does not depend on the number of hospitals."""

    def add(self, payload: bytes) -> None:
        """Add one payload. Raises WireError and leaves the sum unchanged when it is malformed."""

    def total(self) -> bytes:
        """Canonical bytes of the sum so far."""


class Scheme(Protocol):
    """The steps of a secure sum that differ between schemes, in the order in which they happen.

    Implementations derive from `SchemeFacts`, which says what the class variables mean.
    """

    name: ClassVar[str]
    opener: ClassVar[Opener]
    fixed_point: ClassVar[bool]
    deals_shares: ClassVar[bool]
    has_fingerprints: ClassVar[bool]
    has_key_pair: ClassVar[bool]
    for_deployments: ClassVar[bool]
    assumes: ClassVar[str]

    def make_key(self, randomness: bytes) -> tuple[bytes, bytes]:
        """Join: a fresh key pair for one sum from 96 random bytes: (private, public)."""

    def key_is_usable(self, key: bytes) -> bool:
        """Join: whether shares can be sealed to this public key."""

    def protect(
        self,
        task: SumTask,
        sender: int,
        vector: npt.NDArray[np.generic],
        holders: Mapping[int, bytes],
        randomness: bytes,
        private_key: bytes = b"",
    ) -> Protected:
        """Deal: encrypt the vector and seal one share for each holder's public key.

        `private_key` is the sender's own for this sum; only a scheme with keys between pairs of hospitals needs it.
        """

    def open_shares(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> Opened:
        """Consent: the shares for `release`, and the dealers whose sealed share does not open to a well-formed share."""

    def fingerprint(self, task: SumTask, manifest: bytes, data: bytes) -> bytes:
        """The linear fingerprint of a payload or total under the manifest's digest (empty where a scheme has none)."""

    def release(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> bytes:
        """Release: the sum of this holder's shares over the manifest's contributors."""

    def update_limit(self, task: SumTask) -> int:
        """Sum: no honest payload with its sealed shares together takes more bytes than this."""

    def release_is_usable(self, task: SumTask, data: bytes) -> bool:
        """Open: whether a holder's release is well formed. Whether it is the right one shows in `open`."""

    def accumulator(self, task: SumTask, base: npt.NDArray[np.float64]) -> Accumulator:
        """Sum: start a running sum. `base` (grid units) is where a scheme that starts from Enc(model) starts."""

    def open(
        self,
        task: SumTask,
        total: bytes,
        releases: Mapping[int, bytes],
        base: npt.NDArray[np.float64],
        n_contributors: int,
    ) -> bytes:
        """Open: the public witness that, together with the total, gives the sums."""

    def sums(self, task: SumTask, total: bytes, witness: bytes, n_contributors: int) -> npt.NDArray[np.generic]:
        """Verify: the opened sums (int64[n_lanes], or float64[n_values]); raises ProtocolError when it does not open."""

    def fingerprints_match(self, task: SumTask, manifest: bytes, total: bytes, fingerprints: list[bytes]) -> bool:
        """Verify: whether the contributors' fingerprints add up to the total's."""


def payload_digest(payload: bytes) -> bytes:
    """Digest of a payload or total, as headers and manifests carry it."""
    return digest("payload", payload)


def share_digest(sealed: bytes | memoryview) -> bytes:
    """Digest of a commitment and sealed share, as headers carry it: the commitment can be shown without the rest."""
    return shown_digest(bytes(sealed[:32]), sealed_digest(sealed))


def sealed_digest(sealed: bytes | memoryview) -> bytes:
    """Digest of the sealed part alone."""
    return digest("sealed", sealed[32:])


def shown_digest(commitment: bytes, sealed: bytes) -> bytes:
    """What `share_digest` gives, from the commitment of a share that is shown and the `sealed_digest` beside it."""
    return digest("share", commitment, sealed)
