from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cipherward.report.svg import Axis

POSITIVE = st.floats(1e-9, 1e12)


@given(st.lists(POSITIVE, min_size=1))
def test_a_logarithmic_axis_holds_all_values_and_its_ticks(values: list[float]) -> None:
    axis = Axis.log(values, "")
    for value in values:
        assert -1e-6 <= axis.share(value) <= 1 + 1e-6
    places = [axis.share(tick) for tick, _ in axis.ticks]
    assert places == sorted(places)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    assert 2 <= len(places) <= 14


@given(POSITIVE, POSITIVE)
def test_equal_ratios_are_equally_far_apart_on_a_logarithmic_axis(a: float, b: float) -> None:
    axis = Axis.log([a, b, 1.0, 1000.0], "")
    assert math.isclose(axis.share(10 * a) - axis.share(a), axis.share(10 * b) - axis.share(b), abs_tol=1e-6)


def test_values_that_a_logarithm_does_not_know_are_left_out() -> None:
    axis = Axis.log([0.0, -3.0, math.inf, math.nan, 5.0, 50.0], "")
    assert (axis.low, axis.high) == (5.0, 50.0)
    assert [label for _, label in axis.ticks] == ["5", "10", "20", "50"]
    assert len(Axis.log([], "").ticks) >= 2
