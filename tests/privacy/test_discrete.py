"""The sampler against the distribution's own formula. The words are seeded, so a test passes always or never."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from cipherward.privacy import discrete
from cipherward.privacy.randomness import SYSTEM, Words


def words(name: str) -> Words:
    return Words(lambda count: hashlib.sha256(name.encode()).digest()[:count])


@pytest.mark.parametrize("stddev", [1, 2, 3, 7, 20])
def test_samples_follow_the_discrete_gaussian(stddev: int) -> None:
    from scipy import stats

    samples = discrete.gaussian(words("pmf"), stddev, 400_000)
    values = np.arange(-4 * stddev, 4 * stddev + 1)
    weights = np.exp(-(np.arange(-40 * stddev, 40 * stddev + 1) ** 2) / (2.0 * stddev**2))
    expected = samples.size * np.exp(-(values**2) / (2.0 * stddev**2)) / weights.sum()
    found = np.array([np.count_nonzero(samples == value) for value in values])
    outside = samples.size - found.sum(), samples.size - expected.sum()
    statistic = float(((found - expected) ** 2 / expected).sum() + (outside[0] - outside[1]) ** 2 / outside[1])
    assert stats.chi2.sf(statistic, len(values)) > 1e-3


@pytest.mark.parametrize("stddev", [1_000, 1 << 18, discrete.MAX_STDDEV])
def test_wide_samples_are_normal_with_the_stated_standard_deviation(stddev: int) -> None:
    from scipy import stats

    samples = discrete.gaussian(words("wide"), stddev, 200_000)
    assert stats.kstest(samples / stddev, "norm").pvalue > 1e-3
    assert abs(samples.std() / stddev - 1.0) < 4.0 / math.sqrt(2 * samples.size)
    assert abs(samples.mean() / stddev) < 4.0 / math.sqrt(samples.size)


def test_neighbouring_samples_and_signs_are_independent() -> None:
    samples = discrete.gaussian(words("pairs"), 50, 200_000).astype(np.float64)
    assert abs(np.corrcoef(samples[:-1], samples[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(np.abs(samples[:-1]), np.abs(samples[1:]))[0, 1]) < 0.01


@pytest.mark.parametrize(("a", "b"), [(0, 1), (1, 1), (1, 3), (7, 2), (3 << 60, 1 << 62)])
def test_a_coin_shows_heads_with_probability_exp_of_minus_a_over_b(a: int, b: int) -> None:
    stream, place, heads, n = words("coin").take(2_000_000), 0, 0, 50_000
    for _ in range(n):
        passed, place = discrete._exp(stream, place, np.uint64(a), np.uint64(b))
        heads += passed
    expected = math.exp(-a / b)
    assert abs(heads / n - expected) <= 4.5 * math.sqrt(expected * (1 - expected) / n)


def test_samples_depend_on_the_words_and_not_on_how_many_arrive_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = discrete.gaussian(words("order"), 5, 500)

    class Dripping(Words):
        def take(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
            return super().take(1)  # every sample runs out of words again and again

    dripping = Dripping(lambda count: hashlib.sha256(b"order").digest()[:count])
    np.testing.assert_array_equal(discrete.gaussian(dripping, 5, 500), at_once)


@pytest.mark.parametrize("stddev", [0, -1, discrete.MAX_STDDEV + 1])
def test_a_standard_deviation_that_would_overflow_is_refused(stddev: int) -> None:
    with pytest.raises(ValueError, match="standard deviation"):
        discrete.gaussian(words("x"), stddev, 1)


def test_rows_enter_a_minibatch_independently_with_the_stated_probability() -> None:
    source = words("rows")
    drawn = [source.sample(1_000, 2**53 // 8) for _ in range(400)]
    sizes = np.array([len(rows) for rows in drawn])
    assert abs(sizes.mean() - 125.0) < 4 * math.sqrt(1_000 * 7 / 64 / 400)
    assert 0.8 < sizes.var() / (1_000 * 7 / 64) < 1.2  # a fixed batch size would have none
    assert all((np.diff(rows) > 0).all() for rows in drawn)
    assert len(source.sample(1_000, 2**53)) == 1_000
    assert len(source.sample(1_000, 0)) == 0


@pytest.mark.usefixtures("real_noise")
def test_the_systems_randomness_never_gives_the_same_noise_twice() -> None:
    first, second = (discrete.gaussian(Words(SYSTEM), 1_000, 64) for _ in range(2))
    assert not np.array_equal(first, second)
