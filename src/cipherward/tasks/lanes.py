"""Named values to fixed-point lanes and back (secure-sum.md, section 1, steps 1, 2 and 5).

A hospital's contribution is one flat vector of unsigned integers below 2^bits. Every party derives the same `Layout`
from the study and the public state of the round, so no shape or range ever travels with the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.privacy.randomness import Words

Values = Mapping[str, NDArray[Any]]

MAX_COUNT = 2**62
"""No decoded count exceeds this, so int64 never wraps."""

_CHUNK = 1 << 14  # float64 scratch of 128 KiB stays in the second-level cache


@dataclass(frozen=True)
class RealSegment:
    """`size` real values in [-bound, bound], one lane each; values outside are clipped to the bound.

    `is_dithered`: rounded up or down at random so that the mean is exact (stochastic rounding), else to the nearest.
    """

    name: str
    size: int
    bound: float
    is_dithered: bool = False

    @property
    def n_lanes(self) -> int:
        return self.size


@dataclass(frozen=True)
class CountSegment:
    """`size` exact integers in [0, 2^(bits * limbs)); `limbs` lanes each, low limb first, limb-major."""

    name: str
    size: int
    limbs: int

    @property
    def n_lanes(self) -> int:
        return self.size * self.limbs


Segment = RealSegment | CountSegment


@dataclass(frozen=True)
class Layout:
    """The order, ranges and width of everything in one sum.

    Real x: lane = rint(clip(x * half / bound, -half, half)) + half with half = 2^(bits-1) - 1, computed in float64
    whatever the input dtype, so zero is on the grid and a float32 update and its float64 copy give the same lanes. A
    dithered segment has floor(y + u) in place of rint(y), u uniform in [0, 1), in steps of 2^-32 (Gupta et al. 2015,
    section 3): with few bits the roundings of many hospitals and rounds cancel where nearest ones would add up.

    Raises:
        StudyError: bits outside 2..31, a name used twice, or a size, limb count or bound that makes no sense.
    """

    segments: tuple[Segment, ...]
    bits: int

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 31:
            raise StudyError(f"a lane of {self.bits} bits is not supported: 2 to 31")
        names = [segment.name for segment in self.segments]
        problems = [f"segment {name!r} is listed twice" for name in sorted({n for n in names if names.count(n) > 1})]
        for segment in self.segments:
            if segment.size < 0:
                problems.append(f"segment {segment.name!r} has a negative size")
            if isinstance(segment, CountSegment) and segment.limbs < 1:
                problems.append(f"segment {segment.name!r} needs at least one limb")
            if isinstance(segment, RealSegment) and not (math.isfinite(segment.bound) and segment.bound > 0):
                problems.append(f"segment {segment.name!r} needs a finite bound above 0")
        if problems:
            raise StudyError("; ".join(problems), problems=tuple(problems))

    @property
    def half(self) -> int:
        """Largest magnitude of a real value in grid units; also the lane of zero."""
        return (1 << (self.bits - 1)) - 1

    @cached_property
    def n_lanes(self) -> int:
        """Length of an encoded contribution."""
        return sum(segment.n_lanes for segment in self.segments)

    @cached_property
    def n_values(self) -> int:
        """Length of an unquantised contribution (`flatten`)."""
        return sum(segment.size for segment in self.segments)

    def encode(self, values: Values, rounding: bytes = b"") -> NDArray[np.uint32]:
        """One hospital's values as lanes.

        Args:
            values: for each segment name an array of shape (size,): float32 or float64 for a RealSegment, any integer
                dtype for a CountSegment.
            rounding: 32 bytes that decide how dithered segments are rounded; the hospital's own secret.

        Returns:
            uint32[n_lanes], each below 2^bits (real lanes at most 2^bits - 2).

        Raises:
            DataError: a segment is missing, unknown, of the wrong shape or dtype, holds NaN or infinity, or a count
                that is negative or too large. The text names the segment and no value.
        """
        self._check(values)
        words = Words(lambda _: rounding) if any(s.is_dithered for s in self._real) else None
        lanes = np.empty(self.n_lanes, dtype=np.uint32)
        for segment, out in self._placed(lanes):
            if isinstance(segment, RealSegment):
                self._encode_real(segment, values[segment.name], out, words if segment.is_dithered else None)
            else:
                self._encode_count(segment, values[segment.name], out)
        return lanes

    def clipped(self, values: Values, fraction: float = 1.0) -> dict[str, int]:
        """For each RealSegment, how many entries exceed `fraction` of its bound in magnitude (1: would be clipped).

        Raises:
            DataError: as `encode`.
        """
        self._check(values)
        found = {}
        for segment in self.segments:
            if isinstance(segment, RealSegment):
                limit = np.float64(segment.bound * fraction)
                parts = _chunks(values[segment.name])
                found[segment.name] = sum(int(np.count_nonzero(np.abs(part) > limit)) for part in parts)
        return found

    def decode(self, sums: NDArray[np.int64], n_contributors: int) -> dict[str, NDArray[Any]]:
        """The opened lane sums as named sums over the contributors.

        Args:
            sums: int64[n_lanes].
            n_contributors: how many hospitals are in the sum.

        Returns:
            float64[size] for a RealSegment: (lane sum - n half) * bound / half, from left to right; exact int64[size] for
            a CountSegment.

        Raises:
            ProtocolError: wrong length, or a lane outside what `n_contributors` honest lanes can add up to.
        """
        self._check_sums(sums, self.n_lanes, n_contributors)
        top = n_contributors * ((1 << self.bits) - 1)
        named: dict[str, NDArray[Any]] = {}
        for segment, lanes in self._placed(sums):
            limit = 2 * n_contributors * self.half if isinstance(segment, RealSegment) else top
            if lanes.size and (int(lanes.min()) < 0 or int(lanes.max()) > limit):
                raise ProtocolError(
                    f"segment {segment.name!r}: an opened lane is outside what {n_contributors} contributions can give",
                    hint="the sum is refused; keep the receipt and the aggregate as evidence",
                )
            if isinstance(segment, RealSegment):
                centred = (lanes - n_contributors * self.half).astype(np.float64)
                centred *= segment.bound
                centred /= self.half  # in this order the ends of the range come back exactly
                named[segment.name] = centred
            else:
                named[segment.name] = self._decode_count(segment, lanes)
        return named

    def flatten(self, values: Values) -> NDArray[np.float64]:
        """float64[n_values]: the values themselves, neither clipped nor quantised (scheme `plain` only).

        Raises:
            DataError: as `encode`, and for a count above 2^53, which float64 cannot hold exactly.
        """
        self._check(values)
        flat = np.empty(self.n_values, dtype=np.float64)
        start = 0
        for segment in self.segments:
            if isinstance(segment, CountSegment):
                self._check_count(segment, values[segment.name], 2**53)
            flat[start : start + segment.size] = values[segment.name]
            start += segment.size
        return flat

    def unflatten(self, sums: NDArray[np.float64], n_contributors: int) -> dict[str, NDArray[Any]]:
        """Named sums from the sum of `flatten` vectors: float64 for real segments, int64 for counts.

        Raises:
            ProtocolError: wrong length, a value that is not finite, or a count that is not a whole number >= 0.
        """
        self._check_sums(sums, self.n_values, n_contributors)
        named: dict[str, NDArray[Any]] = {}
        start = 0
        for segment in self.segments:
            part = sums[start : start + segment.size].astype(np.float64)
            start += segment.size
            if not np.isfinite(part).all():
                raise ProtocolError(f"segment {segment.name!r}: an opened sum is NaN or infinite")
            if isinstance(segment, RealSegment):
                named[segment.name] = part
                continue
            if part.size and (part.min() < 0 or part.max() > 2.0**53 or bool((part != np.rint(part)).any())):
                raise ProtocolError(f"segment {segment.name!r}: an opened count is not a whole number from 0 to 2^53")
            named[segment.name] = part.astype(np.int64)
        return named

    def grid(self, values: Values) -> NDArray[np.float64]:
        """float64[n_lanes]: real segments in grid units x / bound * half, not clipped and not rounded; the rest zero.

        A real segment that `values` does not name stays zero. The `ckks` scheme starts its sum from this.

        Raises:
            DataError: as `encode`, for the segments given.
        """
        lanes = np.zeros(self.n_lanes, dtype=np.float64)
        for segment, out in self._placed(lanes):
            if isinstance(segment, RealSegment) and segment.name in values:
                _check_real(segment, values[segment.name])
                np.multiply(values[segment.name], self.half / segment.bound, out=out, dtype=np.float64)
        return lanes

    def _placed(self, lanes: NDArray[Any]) -> Iterator[tuple[Segment, NDArray[Any]]]:
        start = 0
        for segment in self.segments:
            yield segment, lanes[start : start + segment.n_lanes]
            start += segment.n_lanes

    def _check(self, values: Values) -> None:
        names = {segment.name for segment in self.segments}
        for name in sorted(names ^ set(values)):
            raise DataError(f"segment {name!r} is {'missing' if name in names else 'not part of this sum'}")
        for segment in self.segments:
            if isinstance(segment, RealSegment):
                _check_real(segment, values[segment.name])
            else:
                self._check_count(segment, values[segment.name], MAX_COUNT)

    def _check_count(self, segment: CountSegment, counts: NDArray[Any], ceiling: int) -> None:
        _check_shape(segment, counts, "iu", "integers")
        limit = min((1 << (self.bits * segment.limbs)) - 1, ceiling)
        if counts.size and int(counts.min()) < 0:
            raise DataError(f"segment {segment.name!r}: a count is negative; nothing is sent")
        if counts.size and int(counts.max()) > limit:
            raise DataError(f"segment {segment.name!r}: a count is too large for {segment.limbs} limb(s)")

    def _check_sums(self, sums: NDArray[Any], length: int, n_contributors: int) -> None:
        if n_contributors < 1:
            raise ProtocolError("a sum over no hospital cannot be decoded")
        if sums.shape != (length,):
            raise ProtocolError(f"the opened sum has shape {sums.shape}, this study's layout has {length} entries")

    @property
    def _real(self) -> list[RealSegment]:
        return [segment for segment in self.segments if isinstance(segment, RealSegment)]

    def _encode_real(self, segment: RealSegment, x: NDArray[Any], out: NDArray[np.uint32], words: Words | None) -> None:
        half, scale = float(self.half), self.half / segment.bound
        scratch = np.empty(min(segment.size, _CHUNK), dtype=np.float64)
        signed = out.view(np.int32)  # lanes are below 2^31, and the cast to int32 is the one with a vector instruction
        with np.errstate(over="ignore"):
            for start in range(0, segment.size, _CHUNK):
                part = x[start : start + _CHUNK]
                y = scratch[: part.size]
                y[:] = part
                y *= scale
                np.maximum(y, -half, out=y)
                np.minimum(y, half, out=y)
                if words is None:
                    np.rint(y, out=y)
                else:
                    y += words.fractions(part.size)
                    np.floor(y, out=y)
                    np.minimum(y, half, out=y)  # y + u just below half + 1 may round up to it
                y += half
                signed[start : start + part.size] = y

    def _encode_count(self, segment: CountSegment, counts: NDArray[Any], out: NDArray[np.uint32]) -> None:
        rest = counts.astype(np.uint64)
        mask = np.uint64((1 << self.bits) - 1)
        for limb in range(segment.limbs):
            out[limb * segment.size : (limb + 1) * segment.size] = rest & mask
            rest >>= np.uint64(self.bits)

    def _decode_count(self, segment: CountSegment, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        limbs = lanes.reshape(segment.limbs, segment.size)
        total = np.zeros(segment.size, dtype=np.int64)
        for limb in limbs[::-1]:
            fits = not total.size or int(total.max()) <= MAX_COUNT >> self.bits
            if fits:
                total = (total << self.bits) + limb
            if not fits or (total.size and int(total.max()) > MAX_COUNT):
                raise ProtocolError(f"segment {segment.name!r}: an opened count exceeds 2^62")
        return total


def _chunks(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, x.size, _CHUNK):
        yield x[start : start + _CHUNK]


def _check_shape(segment: Segment, values: NDArray[Any], kinds: str, wanted: str) -> None:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in kinds:
        raise DataError(f"segment {segment.name!r} must be an array of {wanted}")
    if values.shape != (segment.size,):
        raise DataError(f"segment {segment.name!r} has shape {values.shape}, not ({segment.size},)")


def _check_real(segment: RealSegment, values: NDArray[Any]) -> None:
    _check_shape(segment, values, "f", "floats")
    if not all(np.isfinite(part).all() for part in _chunks(values)):
        raise DataError(
            f"segment {segment.name!r} holds NaN or infinity; nothing is sent",
            hint="look for missing values in the table, or lower training.learning_rate",
        )
