from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.learning import robust
from cipherward.tasks.lanes import Layout, RealSegment

SIZES = (5, 1, 12)


def opened(
    updates: list[NDArray[np.float64]], weights: list[float], bounds: list[float], bits: int, rounding: str
) -> tuple[list[NDArray[np.float64]], float, int]:
    """What a sum of these weighted updates opens to: by tensor, the weights' sum, grid steps of a range."""
    parts = [
        RealSegment(f"update/{k}", n, b, rounding == "stochastic")
        for k, (n, b) in enumerate(zip(SIZES, bounds, strict=True))
    ]
    layout = Layout((*parts, RealSegment("weight", 1, 1.0)), bits)
    total = np.zeros(layout.n_lanes, dtype=np.int64)
    for k, (update, weight) in enumerate(zip(updates, weights, strict=True)):
        cut = np.split(update * weight, np.cumsum(SIZES)[:-1])
        values: dict[str, NDArray[Any]] = {f"update/{i}": part for i, part in enumerate(cut)}
        total += layout.encode(values | {"weight": np.array([weight])}, bytes([k]) * 32).astype(np.int64)
    found = layout.decode(total, len(updates))
    return [found[f"update/{i}"] for i in range(len(SIZES))], float(found["weight"][0]), layout.half


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 8),
    st.sampled_from([4, 8, 16]),
    st.sampled_from(["nearest", "stochastic"]),
    st.floats(0.01, 4.0),
    st.booleans(),
)
def test_no_sum_of_updates_that_were_cut_is_found_to_exceed(
    seed: int, n: int, bits: int, rounding: str, limit: float, agree: bool
) -> None:
    rng = np.random.default_rng(seed)
    one = rng.normal(size=sum(SIZES))
    updates = [robust.clipped(100.0 * (one if agree else rng.normal(size=sum(SIZES))), limit) for _ in range(n)]
    weights = [float(w) for w in rng.random(n)]
    bounds = [float(b) for b in limit * 2.0 ** -rng.integers(0, 3, len(SIZES))]  # a narrower range cuts more
    total, weight, half = opened(updates, weights, bounds, bits, rounding)
    assert not robust.exceeds(total, bounds, weight, limit, n, half)
    assert not robust.false_weight(weight, "rows", n, half, rows=int(1000 * sum(weights)) + 1, cap=1000.0)


def test_a_boosted_update_is_found_to_exceed() -> None:
    rng = np.random.default_rng(1)
    honest = [robust.clipped(rng.normal(size=sum(SIZES)), 0.5) for _ in range(5)]
    bounds = [4.0, 4.0, 4.0]
    total, weight, half = opened([*honest, 10.0 * honest[0]], [0.2] * 6, bounds, 16, "nearest")
    assert robust.exceeds(total, bounds, weight, 0.5, 6, half)
    assert not robust.exceeds(
        *opened([*honest, honest[0]], [0.2] * 6, bounds, 16, "nearest")[:1], bounds, weight, 0.5, 6, half
    )


def test_the_bound_is_the_norm_times_the_weights_and_a_step_for_each_entry_and_contributor() -> None:
    # 3 contributors, half = 100: weights of 2 may have been 2.015, and each of 4 entries is off by less than 0.06.
    most = 0.5 * 2.015 + math.sqrt(4 * 0.06**2)
    for size, is_more in ((most * (1.0 - 1e-6), False), (most * (1.0 + 1e-6), True)):
        total = [np.array([size, 0.0]), np.zeros(2)]
        assert robust.exceeds(total, [2.0, 2.0], 2.0, 0.5, 3, 100) is is_more


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_sum_that_is_no_number_exceeds(wrong: float) -> None:
    assert robust.exceeds([np.array([wrong])], [1.0], 1.0, 0.5, 3, 100)


def test_equal_weights_add_up_to_the_contributors_and_others_to_the_rows_at_most() -> None:
    assert not robust.false_weight(6.0, "equal", 6, 127, rows=0, cap=1.0)
    assert robust.false_weight(5.0, "equal", 6, 127, rows=0, cap=1.0)
    assert robust.false_weight(6.0, "class", 6, 127, rows=1000, cap=2000.0)
    assert not robust.false_weight(0.7, "class", 6, 32767, rows=1000, cap=2000.0)
    assert not robust.false_weight(6.0, "class", 6, 127, rows=0, cap=2000.0)


def test_an_update_is_cut_to_the_norm_and_a_small_one_stays_as_it_is() -> None:
    update = np.array([3.0, 4.0])
    assert robust.norm(robust.clipped(update, 1.0)) == pytest.approx(1.0)
    assert robust.clipped(update, 5.0) is update
    assert robust.clipped(update, 0.0) is update


def test_a_norm_does_not_depend_on_the_order_of_its_entries() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=10_000) * 10.0 ** rng.integers(-8, 8, 10_000)
    shuffled: Callable[[], NDArray[np.float64]] = lambda: x[rng.permutation(len(x))]  # noqa: E731
    assert len({robust.norm(shuffled()) for _ in range(5)}) == 1


def test_of_three_blocks_trimming_leaves_the_middle_one_and_of_two_both() -> None:
    means = [np.array([0.0, 9.0]), np.array([1.0, 2.0]), np.array([50.0, 1.0])]
    assert robust.combined(means, "trimmed").tolist() == robust.combined(means, "median").tolist() == [1.0, 2.0]
    assert robust.combined(means[:2], "trimmed").tolist() == [0.5, 5.5]
    assert robust.combined([*means, np.array([3.0, 4.0])], "trimmed").tolist() == [2.0, 3.0]
