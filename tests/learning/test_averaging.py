from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.errors import ProtocolError
from cipherward.learning import averaging
from cipherward.tasks.lanes import Layout, RealSegment
from cipherward.tasks.rounds import crowded_from

MINIMUM, MAXIMUM = 2.0**-20, 64.0


def next_range(
    bound: float, clipped: int, used: float, bits: int = 16, n: int = 5, crowded: int | None = None
) -> float:
    return averaging.next_range(bound, clipped, used, bits, MINIMUM, MAXIMUM, n, crowded)


def test_the_mean_update_divides_the_weighted_sum_by_the_weights() -> None:
    mean = averaging.mean_update(np.array([1.0, -3.0]), 0.5, 3)
    assert mean.tolist() == [2.0, -6.0]


@pytest.mark.parametrize("weight_sum", [0.0, -1.0, 3.1, math.nan, math.inf])
def test_a_weight_sum_that_no_hospitals_can_have_is_refused(weight_sum: float) -> None:
    with pytest.raises(ProtocolError, match="weight sum"):
        averaging.mean_update(np.zeros(2), weight_sum, 3)


@given(st.integers(1, 200), st.sampled_from([16, 24]))
def test_all_hospitals_at_full_weight_are_accepted(n: int, bits: int) -> None:
    layout = Layout((RealSegment("weight", 1, 1.0),), bits)
    total = layout.decode(layout.encode({"weight": np.ones(1)}).astype(np.int64) * n, n)["weight"]
    assert averaging.mean_update(np.ones(1), float(total[0]), n)[0] == 1 / n


def test_the_next_weights_are_rounded_once_from_float64() -> None:
    weights = np.array([1.0, 2.0**24], dtype=np.float32)
    moved = averaging.next_weights(weights, np.array([2.0**-30, 1.5]))
    assert moved.dtype == np.float32
    assert moved.tolist() == [1.0, 2.0**24 + 2]


def test_an_update_that_does_not_fit_or_is_not_finite_is_refused() -> None:
    weights = np.zeros(2, dtype=np.float32)
    wrong: list[Any] = [np.zeros(3), np.zeros(2, np.float32), np.array([0.0, np.nan]), np.array([0.0, 1e300])]
    for bad in wrong:
        with pytest.raises(ProtocolError):
            averaging.next_weights(weights, bad)


@given(
    st.floats(MINIMUM, MAXIMUM), st.integers(0, 10**6), st.floats(0, 1), st.sampled_from([16, 24]), st.integers(1, 50)
)
def test_a_range_moves_by_at_most_a_factor_two_and_stays_inside_the_study(
    bound: float, clipped: int, used: float, bits: int, n: int
) -> None:
    moved = next_range(bound, clipped, used * n * bound, bits, n)
    assert MINIMUM <= moved <= MAXIMUM
    assert bound / 2 <= moved <= bound * 2
    if clipped:
        assert moved >= bound


def test_a_range_doubles_when_clipped_halves_when_little_used_and_stays_otherwise() -> None:
    assert next_range(1.0, 1, 0.0) == 2.0
    assert next_range(1.0, 0, 0.12) == 0.5
    assert next_range(1.0, 0, 0.13) == 1.0
    assert next_range(1.0, 0, 0.0006, bits=24) == 1.0
    assert next_range(1.0, 0, 0.0004, bits=24) == 0.5


@pytest.mark.parametrize("n", [3, 10, 50])
def test_steady_updates_that_cancel_in_the_sum_do_not_clip_for_ever(n: int) -> None:
    updates = np.where(np.arange(n) % 2, 0.2, -0.2)
    bound, clipped_rounds = 0.01, []
    for index in range(40):
        clipped, crowded = (int((np.abs(updates) > bound * fraction).sum()) for fraction in (1.0, 0.25))
        if clipped:
            clipped_rounds.append(index)
        used = abs(float(np.clip(updates, -bound, bound).sum()))
        bound = next_range(bound, clipped, used, n=n, crowded=crowded)
    assert clipped_rounds == list(range(len(clipped_rounds)))
    assert bound == 0.32


@given(st.floats(1e-4, 10), st.integers(3, 50), st.integers(0, 2**32))
def test_steady_random_updates_settle_on_one_range_without_clipping(scale: float, n: int, seed: int) -> None:
    updates = np.random.default_rng(seed).normal(0, scale, (n, 20))
    bound, history = 0.25, []
    for _ in range(40):
        clipped, crowded = (int((np.abs(updates) > bound * fraction).sum()) for fraction in (1.0, 0.25))
        used = float(np.abs(np.clip(updates, -bound, bound).sum(axis=0)).max())
        history.append((bound, clipped))
        bound = next_range(bound, clipped, used, n=n, crowded=crowded)
    assert history[-1] == history[-2] == (bound, 0)


@pytest.mark.parametrize("n", [3, 10, 50])
def test_updates_that_differ_by_chance_and_cancel_are_not_cut_now_and_then(n: int) -> None:
    """Those of a model that hardly moves any more: each cut would be an equation for whoever was cut."""

    def cuts(large: float) -> int:
        rng, bound, cut = np.random.default_rng(n), 0.25, 0
        for _ in range(500):
            updates = rng.normal(0, 0.001, (n, 8))
            updates -= updates.mean(axis=0)
            clipped, crowded = (int((np.abs(updates) > bound * fraction).sum()) for fraction in (1.0, large))
            cut += clipped > 0
            bound = next_range(bound, clipped, float(np.abs(updates.sum(axis=0)).max()), n=n, crowded=crowded)
        assert bound < 0.25
        return cut

    assert cuts(crowded_from(16)) == 0
    assert n > 3 or cuts(0.25) > 1


@pytest.mark.parametrize(("bits", "share"), [(24, 1 / 16), (16, 1 / 16), (10, 1 / 16), (8, 1 / 8), (4, 0.25)])
def test_an_entry_keeps_a_range_from_shrinking_that_would_leave_it_few_levels(bits: int, share: float) -> None:
    assert crowded_from(bits) == pytest.approx(share, rel=0.02)


def test_sums_beyond_the_range_are_refused() -> None:
    for used in (-1.0, 5.1, math.nan, math.inf):
        with pytest.raises(ProtocolError):
            next_range(1.0, 0, used)
    with pytest.raises(ProtocolError):
        next_range(1.0, -1, 0.5)


def test_training_stops_after_patience_rounds_without_a_lower_loss() -> None:
    assert not averaging.has_converged([], 2, 0.0)
    assert not averaging.has_converged([1.0, 0.9, 0.95], 2, 0.0)
    assert averaging.has_converged([1.0, 0.9, 0.95, 0.9], 2, 0.0)
    assert not averaging.has_converged([1.0, 0.9, 0.95, 0.89], 2, 0.0)
    assert averaging.has_converged([1.0, 0.995, 0.992], 2, 0.01)
    assert averaging.has_converged([1.0, math.nan, math.inf], 2, 0.0)
    assert not averaging.has_converged([1.0] * 100, 0, 0.0)
