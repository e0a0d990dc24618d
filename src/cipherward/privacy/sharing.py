"""Unit hospital: an update clipped in L2, on the grid, with this hospital's share of discrete Gaussian noise.

Kairouz, Liu, Steinke 2021, arXiv 2102.06387, algorithm 1, without their rotation and modular wrap-around: lanes here are
wide enough for clip and noise, so the opened sum is exact. Rounding happens before the noise and never lengthens the
vector beyond the sensitivity, which is checked in integers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, UnfitUpdateError
from cipherward.privacy import discrete
from cipherward.privacy.noise import HospitalNoise
from cipherward.privacy.randomness import Randomness, Words

_TRIES = 4


def clipped(change: NDArray[np.float64], noise: HospitalNoise) -> NDArray[np.int64]:
    """The update in grid units, int64[n_parameters], with L2 norm at most `noise.sensitivity`.

    Raises:
        DataError: the update holds NaN or infinity.
    """
    if not np.isfinite(change).all():
        raise UnfitUpdateError(
            "the update holds NaN or infinity: nothing is sent", reason="training diverged: not finite"
        )
    largest = float(np.abs(change).max(initial=0.0))
    if largest == 0.0:
        return np.zeros(change.shape, dtype=np.int64)
    # Dividing by the largest entry first: the square of a huge one would overflow.
    norm = largest * math.sqrt(math.fsum(np.square(change / largest)))
    scaled = change * (noise.sensitivity / max(norm, noise.clipping_norm))
    for _ in range(_TRIES):
        rounded = np.rint(scaled).astype(np.int64)
        length = int(np.dot(rounded, rounded))
        if length <= noise.sensitivity**2:
            return rounded
        scaled *= noise.sensitivity / math.sqrt(length)
    shortened: NDArray[np.int64] = np.trunc(scaled * (1.0 - 2.0**-30)).astype(np.int64)
    if int(np.dot(shortened, shortened)) > noise.sensitivity**2:
        raise DataError("the update could not be clipped: nothing is sent")
    return shortened


def noisy(change: NDArray[np.float64], noise: HospitalNoise, half: int, randomness: Randomness) -> NDArray[np.float64]:
    """What may leave, encrypted: the clipped update plus a share of the noise, float64[n_parameters].

    Every value is a whole number of grid units, `bound` / `half` each, so that encoding into lanes changes nothing. The
    noise hides the update only together with that of the other honest contributors.
    """
    units = clipped(change, noise) + discrete.gaussian(Words(randomness), noise.stddev, change.size)
    sent: NDArray[np.float64] = np.clip(units, -half, half).astype(np.float64) * noise.bound / half
    return sent
