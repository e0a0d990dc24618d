"""The public rules that turn opened sums into the next model and the next range (secure-sum.md, steps 1, 2 and 8).

Every hospital runs them itself and must get the coordinator's bits, so they are elementwise float64 + - * / in a fixed
order: no BLAS, no reductions of floats, no transcendental functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError

_LEVELS_TO_KEEP = 1 << 12
_ROSE = 1.05
_ROUNDING = 2.0**-40  # float64 rounding of an honest sum at its limit


def mean_update(weighted_sum: NDArray[np.float64], weight_sum: float, n_contributors: int) -> NDArray[np.float64]:
    """sum(w x) / sum(w), float64[n_parameters]: the FedAvg mean with weights w = min(n_i / W_max, 1).

    Raises:
        ProtocolError: the weight sum is outside (0, n_contributors] (secure-sum.md, section 1, step 5).
    """
    if not 0.0 < weight_sum <= n_contributors * (1.0 + _ROUNDING):
        raise ProtocolError(f"the opened weight sum is outside (0, {n_contributors}]; the sum is refused")
    return np.divide(weighted_sum, np.float64(weight_sum))


def next_weights(weights: NDArray[np.float32], mean_update: NDArray[np.float64]) -> NDArray[np.float32]:
    """weights + mean_update in float64, rounded once to float32[n_parameters].

    Raises:
        ProtocolError: shapes or dtypes differ from the model's, or the next model would not be finite.
    """
    if weights.dtype != np.float32 or mean_update.dtype != np.float64 or weights.shape != mean_update.shape:
        raise ProtocolError(
            f"a mean update of {mean_update.dtype} {mean_update.shape} does not fit a model of "
            f"{weights.dtype} {weights.shape}"
        )
    with np.errstate(over="ignore"):
        moved = np.add(weights, mean_update, dtype=np.float64).astype(np.float32)
    if not np.isfinite(moved).all():
        raise ProtocolError("the opened update would give a model that is not finite")
    return moved


def next_range(
    bound: float,
    clipped_total: int,
    largest_used: float,
    bits: int,
    minimum: float,
    maximum: float,
    n: int,
    crowded_total: int | None = None,
) -> float:
    """The public range of one tensor group for the next round: the same, doubled or halved.

    Doubled when any contributed entry was clipped. Otherwise halved when the aggregate has fewer than 2^12 grid levels
    in its largest entry (1/8 of the range at 16 bits, 1/2048 at 24): rounding error is about sqrt(n / 12) levels, so
    the aggregate is still good to 0.1 % when the range shrinks.

    The bound holds w x of each hospital with w <= 1, while `largest_used` is of their undivided sum. When one hospital
    dominates the two are equal and a halved range still leaves a factor 4; when updates agree, or differ at random, the
    sum is larger than each and the rule is slower to shrink. Only updates that cancel (a single bias pulled both ways)
    can look small while each is large; the next round would then clip, double, and so on for ever. `crowded_total`
    prevents it: when given, a range with even one entry that is large for it does not shrink.

    Args:
        bound: the range of the sum just opened.
        clipped_total: opened number of entries above `bound` in magnitude (`Layout.clipped`), over all hospitals.
        largest_used: max |sum over hospitals of w x| over the group, in the units of x.
        bits: lane width.
        minimum, maximum: the study's limits.
        n: number of contributors.
        crowded_total: opened number of entries above the share of the bound that `tasks.rounds.crowded_from` gives, or None.

    Raises:
        ProtocolError: `largest_used` exceeds n x bound, or a number is negative or not finite.
    """
    if not (math.isfinite(largest_used) and 0.0 <= largest_used <= n * bound * (1.0 + _ROUNDING)) or clipped_total < 0:
        raise ProtocolError("the opened sum is larger than its range allows")
    if clipped_total > 0:
        return min(bound * 2.0, maximum)
    half = (1 << (bits - 1)) - 1
    few_levels = largest_used * half < bound * min(_LEVELS_TO_KEEP, half // 8 + 1)
    if few_levels and not crowded_total:
        return max(bound * 0.5, minimum)
    return bound


def has_converged(losses: Sequence[float], patience: int, min_improvement: float) -> bool:
    """Whether the last `patience` losses all failed to undercut the best before them by more than `min_improvement`.

    `patience` 0 never stops. A loss that is not a number is no improvement.
    """
    best, without = math.inf, 0
    for loss in losses:
        if loss < best - min_improvement:
            best, without = loss, 0
        else:
            without += 1
    return 0 < patience <= without


def rate_factor(losses: Sequence[float]) -> float:
    """1, halved each time that the validation loss rose by more than a twentieth above the best since the last time.

    A learning rate that is too large shows in the first rounds; what follows from it is halved until it is not. A loss that is
    not a number has risen.
    """
    factor, best = 1.0, math.inf
    for loss in losses:
        if loss <= best:
            best = loss
        elif not loss <= best * _ROSE:
            factor, best = factor * 0.5, loss
    return factor
