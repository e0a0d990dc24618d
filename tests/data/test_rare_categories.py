"""Categories that few rows have are merged, and never one alone: its count would follow from the column's total."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.preprocess import Preprocessor, local_statistics
from cipherward.data.rare_categories import merged
from cipherward.study import Column

LEAST = 30.0


def column(*categories: str, name: str = "ward") -> Column:
    return Column(name=name, kind="categorical", categories=categories)


def of(categories: tuple[str, ...], counts: list[int]) -> tuple[str, ...]:
    return dict(merged([column(*categories)], np.array(counts, dtype=np.int64), LEAST, exact=True)).get("ward", ())


@pytest.mark.parametrize(
    ("categories", "counts", "expected"),
    [
        (("A", "B"), [400, 300], ()),
        (("A", "B", "C"), [400, 300, 5], ("B", "C")),  # C alone would follow from the rest
        (("A", "B", "C", "D"), [400, 20, 300, 15], ("B", "D")),
        (("A", "B", "other"), [400, 300, 50], ()),
        (("A", "B", "other"), [400, 5, 50], ("B",)),
        (("A", "B", "other"), [400, 300, 5], ("B",)),
        (("A", "B", "other"), [400, 300, 0], ()),  # nobody is there
        (("A", "B", "C"), [400, 300, 0], ("C",)),
        (("A", "B"), [5, 6], ("A", "B")),
    ],
)
def test_few_rows_are_merged_and_stand_among_enough(
    categories: tuple[str, ...], counts: list[int], expected: tuple[str, ...]
) -> None:
    assert of(categories, counts) == expected


@given(st.lists(st.integers(-50, 200), min_size=1, max_size=6), st.booleans())
def test_what_is_merged_is_nothing_or_enough_or_all(counts: list[int], has_other: bool) -> None:
    names = tuple("ABCDEF"[: len(counts)]) + (("other",) if has_other else ())
    counts = counts + ([7] if has_other else [])
    out = of(names, counts)
    kept = [n for name, n in zip(names, counts, strict=True) if name not in out and name != "other"]
    pool = [n for name, n in zip(names, counts, strict=True) if name in out or name == "other"]
    assert all(n >= LEAST for n in kept)
    assert not any(pool) or sum(pool) >= LEAST or not kept


def test_a_noisy_count_of_nobody_may_be_of_somebody() -> None:
    columns = [column("A", "B", "C")]
    counts = np.array([400, 300, 0], dtype=np.int64)
    assert merged(columns, counts, LEAST) == (("ward", ("B", "C")),)


def test_each_column_is_merged_by_its_own_counts() -> None:
    columns = [column("A", "B", name="ward"), column("x", "y", "other", name="unit")]
    counts = np.array([100, 100, 3, 200, 90], dtype=np.int64)
    assert merged(columns, counts, LEAST) == (("unit", ("x",)),)


def test_a_merged_category_counts_as_other_or_as_none() -> None:
    columns = (column("A", "B", "C"), column("x", "y", "other", name="unit"))
    fitted = Preprocessor(columns, (), (), 10, 5, (("ward", ("B", "C")), ("unit", ("x",))))
    table = pl.DataFrame({"ward": ["A", "B", "C", None], "unit": ["x", "y", "other", "z"]})
    assert fitted.transform(table).tolist() == [
        [1, 0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0, 0, 1, 0],
    ]
    assert Preprocessor.from_json(fitted.to_json()) == fitted


def test_categories_are_counted_over_training_rows_and_missing_ones_are_not() -> None:
    table = pl.DataFrame({"ward": ["A", "B", None, "A", "B"]})
    split = np.array([0, 0, 0, 2, 1], dtype=np.uint8)
    found = local_statistics(table, np.zeros(5, np.int8), split, [column("A", "B")])
    assert found["categories"].tolist() == [1, 1]
