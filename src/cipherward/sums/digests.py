"""A digest for each of some hospitals, in two byte strings: a sum of n hospitals carries n headers of n digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cipherward.crypto.hashing import DIGEST_BYTES
from cipherward.crypto.params import MAX_HOSPITALS
from cipherward.errors import WireError


@dataclass(frozen=True)
class Entry:
    """A hospital and a digest of something of its."""

    hospital: int
    digest: bytes


@dataclass(frozen=True)
class Digests:
    """`hospitals`: bit i - 1 is set for hospital i, little endian, no zero byte at the end; `digests`: theirs, by index.

    Raises:
        WireError: not one digest for each of them, a zero byte at the end, or an index above 2^20.
    """

    hospitals: bytes
    digests: bytes

    def __post_init__(self) -> None:
        if len(self.hospitals) > MAX_HOSPITALS // 8 or self.hospitals[-1:] == b"\0":
            raise WireError("hospitals are not listed in as many bytes as they need")
        if len(self.digests) != DIGEST_BYTES * self._bits.bit_count():
            raise WireError("not one digest for each hospital listed")

    @classmethod
    def of(cls, digests: Mapping[int, bytes]) -> Digests:
        """Of these digests by roster index (1 to 2^20).

        Raises:
            WireError: another index.
        """
        if any(not 1 <= i <= MAX_HOSPITALS for i in digests):
            raise WireError("a digest of nobody who can be on a roster")
        bits = sum(1 << (i - 1) for i in digests)
        listed = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        return cls(listed, b"".join(digests[i] for i in sorted(digests)))

    def get(self, hospital: int) -> bytes | None:
        """The digest of this hospital, if it has one."""
        bits = self._bits
        if hospital < 1 or not bits >> (hospital - 1) & 1:
            return None
        place = DIGEST_BYTES * (bits & ((1 << (hospital - 1)) - 1)).bit_count()
        return self.digests[place : place + DIGEST_BYTES]

    @property
    def holders(self) -> tuple[int, ...]:
        """Who has one, increasing."""
        bits = np.unpackbits(np.frombuffer(self.hospitals, np.uint8), bitorder="little")
        return tuple((np.flatnonzero(bits) + 1).tolist())

    @property
    def _bits(self) -> int:
        return int.from_bytes(self.hospitals, "little")
