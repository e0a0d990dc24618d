"""Noise of each hospital for its own patients: as much as planned, never more than a lane holds, and never less."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.errors import DataError, StudyError
from cipherward.privacy import accounting, discrete, records
from cipherward.privacy.accounting import TAIL, Event
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.privacy.records import Part, Sensitivity
from cipherward.tasks import moves
from cipherward.tasks.lanes import CountSegment, Layout

MULTIPLIER = records.multiplier(records.EPSILON, records.DELTA, 1)


def seeded(name: object) -> Randomness:
    """Test randomness, given through Python: no study can ask for it."""
    return lambda count: hashlib.shake_256(str(name).encode()).digest(count)


def cost_of_one_row(noise: records.RecordNoise, question: Sensitivity, rows: int) -> float:
    """The exact rho of `rows` rows that each move everything as far as they may: sum of (move / deviation)^2 / 2."""
    stddev = {segment.name: (segment.grid, segment.stddev) for segment in noise.segments}
    total = 0.0
    for part in question.parts:
        grid, deviation = stddev[part.segments[0][0]]
        total += part.entries * (math.ceil(rows * part.move / grid) / deviation) ** 2
    return total / 2.0


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    "question",
    [
        moves.of_statistics(12),
        moves.of_statistics(0),
        moves.of_counts("cells", 200, 7),
        moves.of_split_counts(("negative", "positive"), 64),
        moves.of_statistics(3).and_also(moves.of_counts("cells", 10)),
    ],
)
def test_a_patient_who_moves_everything_as_far_as_rows_may_costs_no_more_than_is_charged(
    question: Sensitivity, rows: int
) -> None:
    noise = records.plan(question, MULTIPLIER, rows)
    charged = 1.0 / (2.0 * noise.event.noise_multiplier**2)
    assert 0.8 * charged < cost_of_one_row(noise, question, rows) <= charged * (1 + 1e-12)
    assert noise.event == Event(MULTIPLIER, 1.0, 1)


def test_the_sum_has_every_hospitals_noise_and_the_offsets_come_off() -> None:
    question = moves.of_counts("cells", 4_000)
    noise = records.plan(question, 3.0)
    values = [np.full(4_000, i, dtype=np.int64) for i in range(5)]
    sent = [records.noisy({"cells": v}, noise, seeded(i)).values for i, v in enumerate(values)]
    opened = records.without_offset({"cells": np.sum([s["cells"] for s in sent], axis=0)}, noise, 5)["cells"]
    assert abs(opened.mean() - 10.0) < 4 * 3.0 * math.sqrt(5 / 4_000)
    expected = noise.stddevs(5)["cells"]
    assert expected == 3.0 * math.sqrt(5)
    assert abs(opened.std() / expected - 1.0) < 0.05
    assert opened.min() < 0, "noise makes counts negative; only lanes are not"


def test_statistics_are_noisy_in_the_coordinates_in_which_a_row_moves_least() -> None:
    n = 3_000
    question = moves.of_statistics(n)
    noise = records.plan(question, 3.0 / question.l2)
    exact = {"rows": [900, 30], "present": [800] * n, "sum": [300 << 20] * n, "square": [200 << 20] * n}
    values = {name: np.array(v, dtype=np.int64) for name, v in exact.items()}
    sent = records.noisy(values, noise, seeded("statistics"))
    found = records.without_offset(sent.values, noise, 1)
    delta = {name: (found[name] - values[name]).astype(np.float64) for name in values}
    half, eighth = 2.0**19, 2.0**17
    for name, off in (
        ("present", delta["present"]),
        ("sum", delta["sum"] - half * delta["present"]),
        ("square", delta["square"] - delta["sum"] + eighth * delta["present"]),
    ):
        assert abs(off.std() / noise.stddevs(1)[name] - 1.0) < 0.05, name
    assert delta["square"].std() > 3 * noise.stddevs(1)["square"]
    assert sent.cut_off == 0


@pytest.mark.usefixtures("real_noise")
def test_noise_is_drawn_from_the_system_and_differs_every_time() -> None:
    noise = records.plan(moves.of_counts("cells", 50), 10.0)
    zeros = {"cells": np.zeros(50, dtype=np.int64)}
    first, second = (records.noisy(zeros, noise, SYSTEM).values["cells"] for _ in range(2))
    assert not np.array_equal(first, second)


class Largest:
    """A stand-in for the sampler: the farthest draw that can happen, and beyond."""

    def __init__(self, sign: int) -> None:
        self.sign = sign

    def __call__(self, words: object, stddev: int, size: int) -> NDArray[np.int64]:
        return np.full(size, self.sign * 60 * stddev, dtype=np.int64)


@pytest.mark.parametrize("sign", [-1, 1])
@given(columns=st.integers(1, 6), rows=st.integers(1, 8), multiplier=st.floats(0.3, 30.0), n=st.integers(1, 50))
@settings(max_examples=25, deadline=None)
def test_no_lane_wraps_whatever_is_drawn(sign: int, columns: int, rows: int, multiplier: float, n: int) -> None:
    question = moves.of_statistics(columns)
    noise = records.plan(question, multiplier, rows)
    layout = Layout(tuple(CountSegment(s.name, s.size, 3) for s in noise.segments), 16)
    most = 1 << 23
    records.check_room(
        noise,
        dict.fromkeys(noise.bounds(), 2**48 - 1),
        {"rows": most, "present": most, "sum": most << 20, "square": most << 20},
    )
    worst = {"rows": most, "present": most, "sum": most << 20, "square": most << 20} if sign > 0 else {}
    values = {s.name: np.full(s.size, worst.get(s.name, 0), dtype=np.int64) for s in noise.segments}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discrete, "gaussian", Largest(sign))
        sent = records.noisy(values, noise, seeded("worst"))
    assert sent.cut_off == sum(s.size for s in noise.segments), "every draw was cut off, and counted"
    lanes = layout.encode(sent.values).astype(np.int64) * n
    opened = records.without_offset(layout.decode(lanes, n), noise, n)
    for name, bound in noise.bounds().items():
        assert (np.abs(opened[name] - n * values[name]) <= n * bound).all()


def test_lanes_that_are_too_narrow_are_named() -> None:
    noise = records.plan(moves.of_counts("cells", 10).and_also(moves.of_counts("wards", 3)), 10.0)
    bounds = noise.bounds()
    assert bounds["cells"] == TAIL * noise.segments[0].stddev + 1
    records.check_room(noise, {"cells": 1 << 24, "wards": 1 << 24}, 1 << 20)
    just = {name: 1_000 + 2 * bound for name, bound in bounds.items()}  # the offset, and as much noise again
    records.check_room(noise, just, 1_000)
    with pytest.raises(StudyError, match="lanes of wards are too narrow"):
        records.check_room(noise, just | {"wards": just["wards"] - 1}, 1_000)
    with pytest.raises(StudyError, match="lanes of cells are too narrow"):
        records.check_room(noise, {"cells": 1 << 10, "wards": 1 << 24}, 1 << 10)


def test_a_move_that_is_no_multiple_of_its_grid_counts_as_the_next_one() -> None:
    odd = Sensitivity((Part((("sum", 1),), move=1_025, entries=1),))
    (segment,) = records.plan(odd, 10.0).segments
    assert (segment.grid, segment.stddev) == (2, 10 * 513)


def test_cutting_off_costs_less_than_what_is_kept_of_delta() -> None:
    noise = records.plan(moves.of_counts("cells", 1 << 20), 1.0)
    assert records.tail_delta(noise, 5.0) < accounting.RESERVED * 1e-12


def test_too_much_noise_and_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StudyError, match="more noise than can be drawn"):
        records.plan(moves.of_statistics(5_000), 900.0, 1_000)
    for wrong in ((0.0, 1), (math.inf, 1), (1.0, 0), (1.0, 1_025)):
        with pytest.raises(StudyError):
            records.plan(moves.of_counts("cells", 2), *wrong)
    noise = records.plan(moves.of_counts("cells", 2), 1.0)
    for values in ({}, {"cells": np.array([-1, 2])}, {"cells": np.array([1])}, {"cells": np.array([0.5, 1.0])}):
        with pytest.raises(DataError, match="segment 'cells'") as caught:
            records.noisy(values, noise, SYSTEM)
        assert "-1" not in caught.value.message


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (Part((("a", 2),), 1, 1), Part((("a", 2),), 1, 1)),
        (Part((("a", 2),), 0, 1),),
        (Part((("a", 2),), 1, 1, 0.0),),
        (Part((("a", 2),), 1, 1, 1.0, (("b", 1),)), Part((("b", 2),), 1, 1)),
        (Part((("b", 3),), 1, 1), Part((("a", 2),), 1, 1, 1.0, (("b", 1),))),
    ],
)
def test_a_sensitivity_that_makes_no_sense_is_refused(parts: tuple[Part, ...]) -> None:
    with pytest.raises(StudyError):
        Sensitivity(parts)


def test_a_segment_without_noise_goes_through_unchanged() -> None:
    noise = records.plan(moves.of_counts("cells", 2), 1.0)
    exact = np.array([3, 4, 5])
    sent = records.noisy({"cells": np.zeros(2, dtype=np.int64), "exact": exact}, noise, SYSTEM)
    np.testing.assert_array_equal(sent.values["exact"], exact)


@given(st.lists(st.integers(0, 6), min_size=0, max_size=60), st.integers(1, 4), st.integers(0, 2**32))
@settings(deadline=None)
def test_every_patient_keeps_as_many_rows_as_are_counted_and_the_rest_are_said(
    patients: list[int], most: int, seed: int
) -> None:
    cluster = np.array(patients, dtype=np.uint32)
    chosen = np.random.default_rng(seed).random(len(cluster)) < 0.7
    kept, dropped = records.kept_rows(cluster, chosen, most, seeded(seed))
    assert not (kept & ~chosen).any()
    assert dropped == chosen.sum() - kept.sum()
    for patient in set(patients):
        mine = cluster == patient
        assert (kept & mine).sum() == min(most, (chosen & mine).sum())


def test_without_a_patient_column_every_row_counts() -> None:
    chosen = np.array([True, False, True])
    kept, dropped = records.kept_rows(None, chosen, 1, seeded("none"))
    assert (kept.tolist(), dropped) == ([True, False, True], 0)


def test_which_rows_of_a_patient_are_counted_is_drawn_by_lot() -> None:
    cluster = np.zeros(2, dtype=np.uint32)
    drawn = {tuple(records.kept_rows(cluster, np.ones(2, dtype=bool), 1, seeded(i))[0]) for i in range(20)}
    assert drawn == {(True, False), (False, True)}
