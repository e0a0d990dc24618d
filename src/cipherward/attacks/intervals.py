"""Intervals and tests that attacks state their numbers with."""

from __future__ import annotations


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
