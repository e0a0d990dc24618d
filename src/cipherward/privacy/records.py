"""Noise on counts, means and histograms that each hospital adds in full for its own patients.

Every hospital adds all the noise that its own promise needs, so a hospital that drops out, lies or colludes takes nothing
away from the others. The noise is a vector of independent discrete Gaussians (Canonne, Kamath, Steinke 2020, theorem 14:
1/2 e^2-concentrated differential privacy, e^2 the largest sum of (move / standard deviation)^2 over all entries).

The plan is public and the same at every party: + - * / and sqrt only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, StudyError
from cipherward.privacy import accounting, discrete
from cipherward.privacy.accounting import RESERVED, TAIL, Event
from cipherward.privacy.randomness import Randomness, Words

EPSILON, DELTA = 1.0, 1e-6
"""Defaults of a study for all its noisy counts together (docs/privacy.md has what they cost)."""

_LEVELS = 1 << 10
"""A move is at most so many steps of its grid: fine enough that rounding is lost in the noise."""
_MOST_ROWS = 1 << 10


@dataclass(frozen=True)
class Part:
    """What one row can do to the segments of this part: it moves at most `entries` of all their entries, each by at most
    `move`.

    `segments` are (name, size). `weight` says how precise this part is to be beside the others. With `less`, `move` is
    that of what is left of the segment when each earlier segment named, times its factor, is taken off: a public change
    of coordinates, in which a row moves less.
    """

    segments: tuple[tuple[str, int], ...]
    move: int
    entries: int
    weight: float = 1.0
    less: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Sensitivity:
    """How far one row can move the answer to a question, part by part.

    Raises:
        StudyError: a segment in two parts, a move or weight that is not above zero, `less` of what does not come before.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        problems = [] if self.parts else ["nothing is said of any segment"]
        for part in self.parts:
            sound = part.move >= 1 and part.entries >= 1 and 0.0 < part.weight < math.inf
            own = {size for _, size in part.segments}
            if not sound or not own or min(own) < 1:
                problems.append("a row moves at least one entry by at least 1, with a weight above 0")
            if part.less and (len(part.segments) != 1 or {sizes.get(name) for name, _ in part.less} != own):
                problems.append("a segment is measured against earlier ones of its own size")
            for name, size in part.segments:
                if name in sizes:
                    problems.append(f"segment {name!r} is in two parts")
                sizes[name] = size
        if problems:
            raise StudyError("; ".join(problems), problems=tuple(problems))

    @property
    def l2(self) -> float:
        """The L2 norm of one row's moves, each in units of its largest and times its weight."""
        return math.sqrt(sum(part.entries * part.weight * part.weight for part in self.parts))

    def and_also(self, other: Sensitivity) -> Sensitivity:
        """Of both answers in one sum: one row moves both."""
        return Sensitivity(self.parts + other.parts)


@dataclass(frozen=True)
class SegmentNoise:
    """Noise of one segment: a discrete Gaussian with standard deviation `stddev`, in steps of `grid`."""

    name: str
    size: int
    grid: int
    stddev: int
    less: tuple[tuple[str, int], ...]

    @property
    def cut(self) -> int:
        """Draws beyond it are cut off; the chance of that is part of delta (`tail_delta`)."""
        return TAIL * self.stddev


@dataclass(frozen=True)
class RecordNoise:
    """The public plan of the noise for one question. `event` is what one answer costs a patient of the hospital."""

    segments: tuple[SegmentNoise, ...]
    rows_per_patient: int
    event: Event

    def bounds(self) -> dict[str, int]:
        """The largest noise on one entry, by segment: also the public offset that keeps lanes from going below zero."""
        found: dict[str, int] = {}
        for segment in self.segments:
            carried = sum(abs(factor) * found[name] for name, factor in segment.less)
            found[segment.name] = segment.grid * (segment.cut + 1) + carried
        return found

    def stddevs(self, n_contributors: int) -> dict[str, float]:
        """Standard deviation of each segment in a sum over so many hospitals, in the coordinates of `Part.less`."""
        root = math.sqrt(n_contributors)
        return {segment.name: segment.grid * segment.stddev * root for segment in self.segments}

    @property
    def n_entries(self) -> int:
        return sum(segment.size for segment in self.segments)


def multiplier(epsilon: float, delta: float, answers: int) -> float:
    """What freezing writes into a study: the least noise multiplier with which so many answers cost `epsilon` at `delta`.

    Raises:
        StudyError: as `accounting.calibrate`.
    """
    return accounting.calibrate(epsilon, delta * (1.0 - RESERVED), 1.0, answers)


def plan(sensitivity: Sensitivity, multiplier: float, rows_per_patient: int = 1) -> RecordNoise:
    """The noise with which an answer costs a patient `Event(multiplier, 1, 1)`.

    Args:
        multiplier: standard deviation in units of one patient's largest influence (`multiplier`).
        rows_per_patient: public bound on the rows of one patient that are counted (`kept_rows`).

    Raises:
        StudyError: more noise than can be drawn, or arguments that make no sense.
    """
    if not 1 <= rows_per_patient <= _MOST_ROWS or not 0.0 < multiplier < math.inf:
        raise StudyError("noise needs a multiplier above 0 and from 1 to 1,024 rows of a patient")
    scale = multiplier * rows_per_patient * sensitivity.l2
    found = []
    for part in sensitivity.parts:
        grid = 1 << max(0, (part.move - 1).bit_length() - _LEVELS.bit_length() + 1)
        # floor((s + m) / grid) - floor(s / grid) <= ceil(m / grid): rounding to the grid moves no answer further
        steps = -(-part.move // grid)
        stddev = math.ceil(scale * steps / part.weight)
        if stddev > discrete.MAX_STDDEV:
            raise StudyError(
                f"a multiplier of {multiplier:g} with {rows_per_patient} rows of a patient is more noise than can be drawn",
                hint="count fewer rows of a patient, or allow a larger epsilon",
            )
        for name, size in part.segments:
            found.append(SegmentNoise(name, size, grid, stddev, part.less))
    return RecordNoise(tuple(found), rows_per_patient, Event(multiplier, 1.0, 1))


def check_room(noise: RecordNoise, ceilings: Mapping[str, int], largest: Mapping[str, int] | int) -> None:
    """That no lane can wrap: a true value up to `largest` plus twice the bound fits below every ceiling.

    Args:
        ceilings: what a segment's lanes can hold, by name (2^(bits limbs) - 1).
        largest: the largest true value, for all segments or by name.

    Raises:
        StudyError: names the segments that are too narrow.
    """
    bounds = noise.bounds()
    most = {name: largest if isinstance(largest, int) else largest[name] for name in bounds}
    narrow = sorted(name for name in bounds if most[name] + 2 * bounds[name] > ceilings[name])
    if narrow:
        raise StudyError(
            f"the lanes of {', '.join(narrow)} are too narrow for this much noise",
            hint="allow a larger epsilon, or ask for fewer cells at a time",
        )


def tail_delta(noise: RecordNoise, epsilon: float) -> float:
    """What cutting the noise off at its bounds adds to delta: a discrete Gaussian is sub-Gaussian, P[|X| > t] <=
    2 exp(-t^2 / 2 s^2), for each entry and on both of two neighbouring tables."""
    return 2.0 * math.exp(-(TAIL**2) / 2.0) * noise.n_entries * (1.0 + math.exp(epsilon))


@dataclass(frozen=True)
class Noisy:
    """What may leave, encrypted: every value at least 0. `cut_off`: draws beyond their bound; it says nothing of the rows."""

    values: dict[str, NDArray[np.int64]] = field(repr=False)
    cut_off: int


def noisy(values: Mapping[str, NDArray[Any]], noise: RecordNoise, randomness: Randomness) -> Noisy:
    """A hospital's exact values with its own noise and the public offset, int64[size] by segment.

    Segments that the plan does not name are passed on unchanged; they are exact.

    Raises:
        DataError: a value is negative, or a segment is missing or of another size. The text holds no value.
    """
    words, out, cut_off = Words(randomness), dict(values), 0
    for segment in noise.segments:
        exact = values.get(segment.name)
        if exact is None or exact.shape != (segment.size,) or exact.dtype.kind not in "iu" or (exact < 0).any():
            raise DataError(f"segment {segment.name!r} is not what the noise was planned for: nothing is sent")
        left = exact.astype(np.int64)
        carried = np.zeros(segment.size, dtype=np.int64)
        for name, factor in segment.less:
            left -= factor * values[name].astype(np.int64)
            carried += factor * out[name]
        drawn = discrete.gaussian(words, segment.stddev, segment.size)
        cut_off += int((np.abs(drawn) > segment.cut).sum())
        steps = (left + segment.grid // 2) // segment.grid + np.clip(drawn, -segment.cut, segment.cut)
        out[segment.name] = steps * segment.grid + carried
    for name, bound in noise.bounds().items():
        out[name] += bound
    return Noisy(out, cut_off)


def without_offset(
    sums: Mapping[str, NDArray[Any]], noise: RecordNoise, n_contributors: int
) -> dict[str, NDArray[Any]]:
    """The opened sums of `noisy` values less everybody's offset; entries may be negative."""
    found = dict(sums)
    for name, bound in noise.bounds().items():
        found[name] = np.asarray(sums[name], dtype=np.int64) - n_contributors * bound
    return found


def kept_rows(
    cluster: NDArray[np.integer[Any]] | None, chosen: NDArray[np.bool_], rows_per_patient: int, randomness: Randomness
) -> tuple[NDArray[np.bool_], int]:
    """Which of the chosen rows are counted, at most `rows_per_patient` of each patient, and how many are dropped.

    Which of a patient's rows stay is drawn by lot, row by row, so that it depends on nobody else's rows.

    Args:
        cluster: integers[n_rows], one code for each patient; None: every row is a patient.
        chosen: bool[n_rows].
    """
    if cluster is None:
        return chosen, 0
    rows = np.flatnonzero(chosen)
    lot = Words(randomness).take(len(rows))
    order = np.lexsort((lot, cluster[rows]))
    patients = cluster[rows][order]
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(rows)), dtype=bool), patients[1:] != patients[:-1]]))
    rank = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    kept = np.zeros(len(chosen), dtype=bool)
    kept[rows[order[rank < rows_per_patient]]] = True
    return kept, len(rows) - int(kept.sum())
