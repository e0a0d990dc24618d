"""Intervals and tests that attacks state their numbers with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.attacks.attack import Measure

LEVEL = 0.001
"""A ciphertext counts as telling something where a test's p-value is below this: once in a thousand runs by chance."""


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share (Clopper and Pearson 1934, Biometrika 26:404-413).

    Raises:
        ValueError: no trials, or hits outside 0..trials.
    """
    from scipy import stats

    if trials < 1 or not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials} is no share")
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(stats.beta.ppf(1.0 - tail, hits + 1, trials - hits))
    return low, high


def sign_test(better: int, trials: int) -> float:
    """The probability of at least so many better ones among trials that are better or worse with equal chance: one-sided sign test."""
    from scipy import stats

    return float(stats.binomtest(better, trials, 0.5, alternative="greater").pvalue)


def median_interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """An interval for the median between two of the values, in order (David and Nagaraja 2003, section 7.1); of few values all of
    them, which then hold less than `level`."""
    from scipy import stats

    ordered = np.sort(values)
    rank = int(stats.binom.ppf((1.0 - level) / 2.0, len(ordered), 0.5))
    below = max(rank - 1, 0)
    return float(ordered[below]), float(ordered[len(ordered) - 1 - below])


def mean_interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """An interval for the mean by Student's t; of one value, that value."""
    from scipy import stats

    mean = float(values.mean())
    if len(values) < 2:
        return mean, mean
    half = float(stats.t.ppf((1.0 + level) / 2.0, len(values) - 1)) * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean - half, mean + half


def tested(setting: str, measure: str, words: str, hits: int, count: int) -> list[Measure]:
    """A share that is one half where nothing is known, or less, with the test that it is not more."""
    p = sign_test(hits, count)
    test = "the chance of so many or more, if each were right half of the time: one-sided sign test"
    return [
        Measure(setting, measure, hits / count, words, *clopper_pearson(hits, count)),
        Measure(setting, f"p-value: {measure}", p, test, bar=f"at least {LEVEL}"),
    ]
