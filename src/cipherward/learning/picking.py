"""Whether a model's scores set few rows apart from all others: exact sums of such scores are about those rows alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CUTS = 4
_WIDER = 4.0


def logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of probabilities, float64[n], inside [-36, 36]."""
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = np.clip(np.log(scores) - np.log1p(-scores), -36.0, 36.0)
    return found


def picks_out_few(values: NDArray[np.float64], least: int) -> bool:
    """By a public rule on predictions of one hospital's rows, float64[n], on the scale of the type of outcome: logits, of a
    probability.

    These values in order are cut at up to four of their widest gaps. Where each of these is more than four times as wide as
    everything that is left of their range together, the pieces are apart from each other; and where one of them has
    fewer than `least` rows, at most a quarter of all, the model picks these out.

    Scores that spread evenly, in one heap or two, are never cut so (docs/adr/0019 has how often others are). `least` 0:
    never.
    """
    few = min(least - 1, len(values) // 4)
    if few < 1:
        return False
    ordered = np.sort(values)
    gaps = np.diff(ordered)
    widest = np.argsort(-gaps, kind="stable")[:_CUTS]
    spread = float(ordered[-1] - ordered[0])
    left = spread - np.cumsum(gaps[widest])
    for cuts in range(1, len(widest) + 1):
        # what rounding leaves of nothing is nothing
        if gaps[widest[cuts - 1]] > max(_WIDER * float(left[cuts - 1]), 1e-9 * spread, 0.0):
            edges = np.concatenate(([0], np.sort(widest[:cuts]) + 1, [len(ordered)]))
            if int(np.diff(edges).min()) <= few:
                return True
    return False
