from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.tasks.lanes import CountSegment, Layout, RealSegment

BITS = st.integers(4, 24)
BOUNDS = st.sampled_from([2.0**-20, 0.25, 0.3, 1.0, 64.0])


def layout(bits: int = 16, bound: float = 0.25, size: int = 5) -> Layout:
    return Layout(
        (RealSegment("update", size, bound), RealSegment("weight", 1, 1.0), CountSegment("rows", 2, -(-48 // bits))),
        bits,
    )


def values(size: int = 5) -> dict[str, NDArray[Any]]:
    return {
        "update": np.linspace(-0.3, 0.3, size, dtype=np.float32),
        "weight": np.array([0.5], dtype=np.float64),
        "rows": np.array([0, 2**40], dtype=np.int64),
    }


def quantised(x: NDArray[Any], bound: float, bits: int) -> list[int]:
    """The obviously right version: one Python float at a time."""
    half = 2 ** (bits - 1) - 1
    return [round(min(max(float(v) * (half / bound), -half), half)) for v in x]


@given(st.data(), BITS, BOUNDS, st.sampled_from([np.float32, np.float64]))
def test_the_decoded_sum_is_the_sum_of_the_quantised_contributions(
    data: st.DataObject, bits: int, bound: float, dtype: type[np.floating[Any]]
) -> None:
    n, size = data.draw(st.integers(1, 50)), data.draw(st.integers(0, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    mine = layout(bits, bound, size)
    sums = np.zeros(mine.n_lanes, dtype=np.int64)
    grid_sum = [0] * size
    counts = np.zeros(2, dtype=object)
    for _ in range(n):
        x = rng.normal(0, bound / 2, size).astype(dtype)
        rows = rng.integers(0, 2**45, 2)
        lanes = mine.encode({"update": x, "weight": np.ones(1), "rows": rows})
        assert lanes.dtype == np.uint32
        assert int(lanes.max()) < 2**bits
        sums += lanes
        counts += rows.astype(object)
        grid_sum = [a + b for a, b in zip(grid_sum, quantised(x, bound, bits), strict=True)]
    named = mine.decode(sums, n)
    half = 2 ** (bits - 1) - 1
    assert named["update"].tolist() == [total * bound / half for total in grid_sum]
    assert named["weight"].tolist() == [float(n)]
    assert named["rows"].tolist() == counts.tolist()
    assert named["rows"].dtype == np.int64


@given(BITS, BOUNDS, st.lists(st.floats(-(2.0**100), 2.0**100, width=32), max_size=20))
def test_one_value_comes_back_within_half_a_grid_step_or_at_the_bound(
    bits: int, bound: float, entries: list[float]
) -> None:
    x = np.array(entries, dtype=np.float32)
    mine = Layout((RealSegment("x", x.size, bound),), bits)
    back = mine.decode(mine.encode({"x": x}).astype(np.int64), 1)["x"]
    step = bound / mine.half
    assert np.all(np.abs(back - np.clip(x.astype(np.float64), -bound, bound)) <= step * 0.5000001)


def test_zero_is_exactly_on_the_grid() -> None:
    mine = Layout((RealSegment("x", 3, 0.3),), 16)
    lanes = mine.encode({"x": np.zeros(3, dtype=np.float32)})
    assert mine.decode(7 * lanes.astype(np.int64), 7)["x"].tolist() == [0.0, 0.0, 0.0]


def test_a_float32_array_and_its_float64_copy_give_the_same_lanes() -> None:
    x = np.random.default_rng(1).normal(0, 0.1, 50_000).astype(np.float32)
    mine = Layout((RealSegment("x", x.size, 0.3),), 24)
    assert np.array_equal(mine.encode({"x": x}), mine.encode({"x": x.astype(np.float64)}))


def test_chunks_of_a_long_segment_meet_without_a_seam() -> None:
    x = np.random.default_rng(2).normal(0, 1, 40_001).astype(np.float32)
    mine = Layout((RealSegment("x", x.size, 0.5),), 16)
    expected = np.rint(np.clip(x.astype(np.float64) * (32767 / 0.5), -32767, 32767)) + 32767
    assert np.array_equal(mine.encode({"x": x}), expected.astype(np.uint32))


def test_limbs_stand_low_limb_first_and_limb_major() -> None:
    mine = Layout((CountSegment("rows", 2, 2),), 16)
    assert mine.encode({"rows": np.array([1 + 5 * 2**16, 2 + 6 * 2**16])}).tolist() == [1, 2, 5, 6]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_any_integer_dtype_holds_counts(dtype: type[np.integer[Any]]) -> None:
    mine = Layout((CountSegment("rows", 2, 2),), 16)
    lanes = mine.encode({"rows": np.array([0, 77], dtype=dtype)})
    assert mine.decode(lanes.astype(np.int64), 1)["rows"].tolist() == [0, 77]


def test_clipped_counts_only_what_lies_beyond_the_bound() -> None:
    mine = layout(bound=0.25)
    given_values = values() | {"update": np.array([0.25, -0.25, 0.26, -9.0, 0.1], dtype=np.float32)}
    assert mine.clipped(given_values) == {"update": 2, "weight": 0}
    assert mine.clipped(given_values, fraction=0.25) == {"update": 5, "weight": 1}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("update", np.array([0, 0, np.nan, 0, 0], dtype=np.float32)),
        ("update", np.array([0, 0, -np.inf, 0, 0], dtype=np.float64)),
        ("update", np.zeros(4, dtype=np.float32)),
        ("update", np.zeros((5, 1), dtype=np.float32)),
        ("update", np.zeros(5, dtype=np.int64)),
        ("update", [0.0] * 5),
        ("rows", np.array([1, -1])),
        ("rows", np.array([1, 2**48])),
        ("rows", np.array([1.0, 2.0])),
        ("rows", np.array([True, False])),
        ("rows", np.array([1])),
    ],
)
def test_unusable_values_are_refused_by_the_name_of_their_segment(name: str, bad: Any) -> None:
    for use in (layout().encode, layout().flatten, layout().clipped):
        with pytest.raises(DataError, match=f"segment '{name}'"):
            use(values() | {name: bad})


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(DataError) as caught:
        layout().encode(values() | {"rows": np.array([1, -424242])})
    assert "424242" not in str(caught.value)


@pytest.mark.parametrize("use", ["encode", "flatten"])
def test_a_missing_or_unknown_segment_is_named(use: str) -> None:
    complete = values()
    with pytest.raises(DataError, match="'weight' is missing"):
        getattr(layout(), use)({name: complete[name] for name in ("update", "rows")})
    with pytest.raises(DataError, match="'extra' is not part"):
        getattr(layout(), use)(complete | {"extra": np.zeros(1)})


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("lane", "beyond"), [(0, -1), (0, 2**16 - 1), (6, -1), (6, 2**16)])
def test_a_lane_that_no_honest_sum_can_reach_is_refused(n: int, lane: int, beyond: int) -> None:
    mine = layout()
    honest = mine.encode(values()).astype(np.int64) * n
    at_the_edge = honest.copy()
    at_the_edge[lane] = 0 if beyond < 0 else n * (beyond - 1)
    mine.decode(at_the_edge, n)
    forged = honest.copy()
    forged[lane] = -1 if beyond < 0 else n * (beyond - 1) + 1
    with pytest.raises(ProtocolError, match="outside what"):
        mine.decode(forged, n)


def test_a_sum_of_the_wrong_length_or_over_nobody_is_refused() -> None:
    mine = layout()
    with pytest.raises(ProtocolError, match="shape"):
        mine.decode(np.zeros(mine.n_lanes + 1, dtype=np.int64), 1)
    with pytest.raises(ProtocolError, match="no hospital"):
        mine.decode(np.zeros(mine.n_lanes, dtype=np.int64), 0)


def test_a_count_that_would_wrap_int64_is_refused() -> None:
    mine = Layout((CountSegment("rows", 1, 5),), 16)
    with pytest.raises(ProtocolError, match="exceeds 2\\^62"):
        mine.decode(np.array([0, 0, 0, 0, 1], dtype=np.int64), 1)
    with pytest.raises(ProtocolError, match="exceeds 2\\^62"):
        mine.decode(np.array([65535 * 3, 65535, 65535, 16384, 0], dtype=np.int64), 3)
    assert mine.decode(np.array([0, 0, 0, 16384, 0], dtype=np.int64), 1)["rows"].tolist() == [2**62]


@given(st.integers(1, 20), st.integers(0, 2**32))
def test_the_unquantised_path_gives_floats_unchanged_and_counts_exactly(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mine = layout()
    all_values: list[dict[str, NDArray[Any]]] = [
        {"update": rng.normal(size=5).astype(np.float32), "weight": rng.random(1), "rows": rng.integers(0, 2**45, 2)}
        for _ in range(n)
    ]
    flat = [mine.flatten(one) for one in all_values]
    assert all(vector.shape == (mine.n_values,) and vector.dtype == np.float64 for vector in flat)
    named = mine.unflatten(np.sum(flat, axis=0), n)
    assert np.allclose(named["update"], np.sum([one["update"].astype(np.float64) for one in all_values], axis=0))
    assert named["rows"].tolist() == np.sum([one["rows"] for one in all_values], axis=0).tolist()
    assert named["rows"].dtype == np.int64


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.5, 2.0**60])
def test_an_unquantised_count_that_is_no_count_is_refused(bad: float) -> None:
    sums = layout().flatten(values())
    sums[-1] = bad
    with pytest.raises(ProtocolError, match="'rows'"):
        layout().unflatten(sums, 1)


def test_the_grid_has_model_values_in_grid_units_and_zeros_for_all_else() -> None:
    mine = layout(bound=0.5, size=2)
    grid = mine.grid({"update": np.array([0.5, -2.0], dtype=np.float32)})
    assert grid.tolist() == [32767.0, -4 * 32767.0, *[0.0] * 7]
    assert grid.shape == (mine.n_lanes,)
    with pytest.raises(DataError, match="'update'"):
        mine.grid({"update": np.array([np.nan, 0.0])})


@pytest.mark.parametrize(
    "broken",
    [
        (RealSegment("a", 1, 1.0), CountSegment("a", 1, 1)),
        (RealSegment("a", 1, 0.0),),
        (RealSegment("a", 1, float("inf")),),
        (CountSegment("a", 1, 0),),
        (CountSegment("a", -1, 1),),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(broken: tuple[Any, ...]) -> None:
    with pytest.raises(StudyError, match="'a'"):
        Layout(broken, 16)


def test_a_million_entries_need_no_second_copy_of_the_input() -> None:
    import tracemalloc

    x = np.zeros(1_000_000, dtype=np.float32)
    mine = Layout((RealSegment("x", x.size, 0.25),), 16)
    tracemalloc.start()
    mine.encode({"x": x})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * 4 * x.size


def dithered(size: int, bound: float = 1.0, bits: int = 8) -> Layout:
    return Layout((RealSegment("x", size, bound, is_dithered=True),), bits)


@given(
    st.integers(4, 24),
    BOUNDS,
    st.lists(st.floats(-(2.0**100), 2.0**100), max_size=20),
    st.binary(min_size=32, max_size=32),
)
def test_stochastic_rounding_goes_to_one_of_the_two_neighbours_and_never_past_the_bound(
    bits: int, bound: float, entries: list[float], rounding: bytes
) -> None:
    x = np.array(entries, dtype=np.float64)
    mine = dithered(x.size, bound, bits)
    lanes = mine.encode({"x": x}, rounding)
    exact = np.clip(x * (mine.half / bound), -mine.half, mine.half) + mine.half
    assert np.all(np.abs(lanes - exact) < 1.0 + 1e-6)
    assert not lanes.size or int(lanes.max()) <= 2 * mine.half


@given(st.binary(min_size=32, max_size=32))
def test_stochastic_rounding_keeps_what_is_on_the_grid_and_the_mean_of_what_is_not(rounding: bytes) -> None:
    mine = dithered(4_000, bound=127.0)
    on_grid = np.repeat([-127.0, -3.0, 0.0, 64.0, 127.0], 800)
    assert np.array_equal(mine.encode({"x": on_grid}, rounding), on_grid + 127)
    between = np.full(4_000, 0.25)
    error = float((mine.encode({"x": between}, rounding) - 127.25).mean())
    assert abs(error) < 6 * np.sqrt(0.25 * 0.75 / 4_000)


def test_the_same_secret_rounds_the_same_way_and_another_one_does_not() -> None:
    mine, x = dithered(1_000), {"x": np.linspace(-1, 1, 1_000)}
    first = mine.encode(x, b"a" * 32)
    assert np.array_equal(first, mine.encode(x, b"a" * 32))
    assert not np.array_equal(first, mine.encode(x, b"b" * 32))
    with pytest.raises(ValueError, match="32 bytes"):
        mine.encode(x)
