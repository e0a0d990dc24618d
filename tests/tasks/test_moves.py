"""No row of any table moves an answer further than its noise covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.data.preprocess import local_statistics
from cipherward.study import Column
from cipherward.tasks import moves

COLUMNS = (
    Column(name="age", kind="numeric", minimum=0, maximum=110),
    Column(name="stays", kind="numeric", minimum=0, maximum=20, transform="log1p"),
    Column(name="ward", kind="categorical", categories=("A", "B")),
    Column(name="unit", kind="categorical", categories=("x", "y", "other")),
)
value = st.one_of(st.none(), st.floats(-10, 200))
row = st.tuples(
    value, value, st.sampled_from(["A", "B", None]), st.sampled_from(["x", "y", "z", None]), st.integers(0, 1)
)
Row = tuple[float | None, float | None, str | None, str | None, int]


def statistics(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    names = ("age", "stays", "ward", "unit")
    kinds = {"age": pl.Float64, "stays": pl.Float64, "ward": pl.String, "unit": pl.String}
    table = pl.DataFrame({name: [r[i] for r in rows] for i, name in enumerate(names)}, schema=kinds)
    outcome = np.array([r[4] for r in rows], dtype=np.int8)
    return local_statistics(table, outcome, np.zeros(len(rows), dtype=np.uint8), COLUMNS)


@given(st.lists(row, max_size=30), st.lists(row, min_size=1, max_size=3))
@settings(deadline=None, max_examples=300)
def test_a_patients_rows_move_no_statistic_further_than_is_said(rows: list[Row], of_patient: list[Row]) -> None:
    without, with_patient = statistics(rows), statistics(rows + of_patient)
    moved = {name: with_patient[name] - without[name] for name in without}
    for part in moves.of_statistics(2, 2, 5).parts:
        ((name, _),) = part.segments
        left = moved[name] - sum(factor * moved[other] for other, factor in part.less)
        assert (np.abs(left) <= part.move * len(of_patient)).all(), name
        assert np.count_nonzero(left) <= part.entries * len(of_patient)


def test_statistics_of_rows_in_another_order_are_the_same_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    rows: list[Row] = [(float(a), float(s), "A", None, 0) for a, s in rng.uniform(0, 20, (500, 2))]
    first, second = statistics(rows), statistics(rows[::-1])
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_row_is_in_one_bin_of_one_of_several_histograms() -> None:
    (part,) = moves.of_split_counts(("negative", "positive"), 8).parts
    assert (part.entries, part.move, len(part.segments)) == (1, 1, 2)
    assert moves.of_split_counts(("negative", "positive"), 8).l2 == 1.0


def test_a_row_cannot_be_in_more_cells_than_there_are() -> None:
    assert moves.of_counts("cells", 3, 9).parts[0].entries == 3
