"""Rows that come in batches make the same table as all at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.typed import Batches, column

_NUMBERS = st.integers(-(2**70), 2**70) | st.booleans() | st.none() | st.floats(allow_nan=False)
_VALUES = st.integers(-(2**70), 2**70) | st.none() | st.floats(allow_nan=False) | st.text(max_size=5)


@given(st.lists(_VALUES, max_size=20) | st.lists(_NUMBERS, max_size=20), st.integers(1, 7))
def test_batches_of_any_size_give_what_one_look_at_all_values_gives(values: list[Any], size: int) -> None:
    batches = Batches(["x"])
    for start in range(0, len(values), size):
        batches.add([(value,) for value in values[start : start + size]])
    found = batches.table()["x"]
    assert batches.n_rows == len(values)
    assert found.to_list() == _at_once(values)


def _at_once(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return values
    if kinds <= {int, bool}:
        return [None if value is None else str(int(value)) for value in values]
    if kinds <= {int, bool, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]


def test_types_are_those_that_the_gate_reads() -> None:
    assert column("x", [Decimal("1.50"), None, 2]).to_list() == [1.5, None, 2.0]
    assert column("x", [[1, Decimal("2.5")], None]).dtype == pl.List(pl.Float64)
    assert column("x", [["a", 1], []]).to_list() == ['["a", 1]', "[]"]
    assert column("x", []).dtype == pl.Null
    assert Batches(["a", "b"]).table().columns == ["a", "b"]
