"""Whether a model's scores set few rows apart from all others: exact sums of such scores are about those rows alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CUTS = 4
_WIDER = 4.0


def picks_out_few(scores: NDArray[np.float64], least: int) -> bool:
    """By a public rule on scores (probabilities, float64[n]) of one hospital's rows.

    The logits in order are cut at up to four of their widest gaps. Where each of these is more than four times as wide as
    everything that is left of the logits' range together, the pieces are apart from each other; and where one of them has
    fewer than `least` rows, at most a quarter of all, the model picks these out.

    Scores that spread evenly, in one heap or two, are never cut so (docs/adr/0019 has how often others are). `least` 0:
    never.
    """
    few = min(least - 1, len(scores) // 4)
    if few < 1:
        return False
    with np.errstate(divide="ignore"):
        logits = np.sort(np.clip(np.log(scores) - np.log1p(-scores), -36.0, 36.0))
    gaps = np.diff(logits)
    widest = np.argsort(-gaps, kind="stable")[:_CUTS]
    spread = float(logits[-1] - logits[0])
    left = spread - np.cumsum(gaps[widest])
    for cuts in range(1, len(widest) + 1):
        # what rounding leaves of nothing is nothing
        if gaps[widest[cuts - 1]] > max(_WIDER * float(left[cuts - 1]), 1e-9 * spread, 0.0):
            edges = np.concatenate(([0], np.sort(widest[:cuts]) + 1, [len(logits)]))
            if int(np.diff(edges).min()) <= few:
                return True
    return False
