"""Was a row used in training? Scores from models that were, and were not, trained on it, and how well they tell.

LiRA: the likelihood-ratio attack of Carlini et al. 2022 (arXiv 2112.03570), online, with Gaussians of one variance for all rows, as its section
VI-B takes for few shadow models. Every model is the target once, with the others as shadows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
_RIDGE = 1e-6


@dataclass(frozen=True)
class Rate:
    """A true positive rate at a false positive rate, with its 95 % interval."""

    value: float
    low: float
    high: float
    hits: int
    false: int


def halves(groups: NDArray[np.int64], n_models: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Who is a member of which model: bool[n_models, n_rows]. Each two models share out the groups (patients, with all their rows)
    between them, so that every row is in half of the models.

    Args:
        groups: int64[n_rows], the group of each row, 0 and up.
        n_models: even.
    """
    found = np.zeros((n_models, len(groups)), np.bool_)
    n = int(groups.max(initial=-1)) + 1
    for k in range(0, n_models, 2):
        chosen = np.zeros(n, np.bool_)
        chosen[generator.permutation(n)[: n // 2]] = True
        found[k], found[k + 1] = chosen[groups], ~chosen[groups]
    return found


def ratios(seen: F64, inside: NDArray[np.bool_]) -> F64:
    """The logarithm of how much likelier what is seen of each row is if it was a member: float64[n_models, n_rows].

    Args:
        seen: float64[n_models, n_rows, n_features]; such as the logit of the true outcome under the final model, or under
            the model after each round.
        inside: bool[n_models, n_rows], from `halves`, of at least four models.
    """
    weight = inside[:, :, None].astype(np.float64)
    own_in, own_out = seen * weight, seen * (1.0 - weight)
    count = len(seen) // 2 - 1
    found = np.empty(inside.shape)
    for k in range(len(seen)):
        # The target and its partner, which has the other half of the rows, are no shadows: the rest have as many with each row as without,
        # or the side with fewer shadows would look further away.
        rest = [other for other in range(len(seen)) if other // 2 != k // 2]
        mean_in, mean_out = own_in[rest].sum(axis=0) / count, own_out[rest].sum(axis=0) / count
        apart = seen[rest] - np.where(inside[rest][:, :, None], mean_in[None], mean_out[None])
        flat = apart.reshape(-1, seen.shape[2])
        covariance = flat.T @ flat / len(flat)
        ridge = _RIDGE * max(np.trace(covariance), 1e-12)
        inverse = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
        if_in, if_out = seen[k] - mean_in, seen[k] - mean_out
        found[k] = 0.5 * (((if_out @ inverse) * if_out).sum(axis=1) - ((if_in @ inverse) * if_in).sum(axis=1))
    return found


def rate(scores: F64, inside: NDArray[np.bool_], false_rate: float) -> Rate:
    """The share of members above the threshold that at most `false_rate` of the others exceed.

    The interval is exact for independent rows: how many members are drawn before one more of the others (inverse sampling, with the
    bounds of Clopper and Pearson 1934). So it holds the uncertainty of the threshold as well.

    Raises:
        ValueError: no member, or nobody else.
    """
    from scipy import stats

    members, others = scores[inside], np.sort(scores[~inside])[::-1]
    if not len(members) or not len(others):
        raise ValueError("a rate needs members and others")
    allowed = min(int(np.floor(false_rate * len(others))), len(others) - 1)
    hits = int((members > others[allowed]).sum())
    low = 0.0 if hits == 0 else float(stats.beta.ppf(0.025, hits, allowed + 1))
    high = float(stats.beta.ppf(0.975, hits + 1, allowed + 1))
    scale = false_rate * len(others) / len(members)
    return Rate(hits / len(members), scale * low / (1.0 - low), min(scale * high / (1.0 - high), 1.0), hits, allowed)


def auc(scores: F64, inside: NDArray[np.bool_]) -> float:
    """How often a member's score is above another's; 0.5 is chance."""
    from scipy import stats

    ranks = stats.rankdata(scores)
    n = int(inside.sum())
    return float((ranks[inside.ravel()].sum() - n * (n + 1) / 2) / (n * (inside.size - n)))
