"""Noisy sums give scaling numbers that a model can use, whatever the noise did to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.data.noisy_constants import UNKNOWN_MEAN, UNKNOWN_STDDEV, fit_noisy
from cipherward.data.preprocess import Preprocessor, fit
from cipherward.errors import DataError
from cipherward.study import Column

AGE = Column(name="age", kind="numeric", minimum=0, maximum=100)
BNP = Column(name="bnp", kind="numeric", minimum=5, maximum=35_000, transform="log1p")
SEX = Column(name="sex", kind="categorical", categories=("female", "male"))
COLUMNS = (AGE, SEX, BNP)
NONE = {"rows": 0.0, "present": 0.0, "sum": 0.0, "square": 0.0}
NOISE = {"rows": 30.0, "present": 60.0, "sum": 15.0 * 2**20, "square": 4.0 * 2**20}


def sums(rows: int, positive: int, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    scaled = [np.rint(v * 2**20).astype(np.int64) for v in values]
    squares = [np.rint(v * v * 2**20).astype(np.int64) for v in values]
    return {
        "rows": np.array([rows, positive]),
        "present": np.array([len(v) for v in values]),
        "sum": np.array([v.sum() for v in scaled], dtype=np.int64),
        "square": np.array([v.sum() for v in squares], dtype=np.int64),
    }


def two_columns(rows: int = 5_000) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.clip(rng.normal(0.6, 0.05, rows), 0, 1), np.clip(rng.normal(0.2, 0.2, rows // 2), 0, 1)]


def test_without_noise_it_gives_what_the_exact_rule_gives() -> None:
    exact = sums(5_000, 600, two_columns())
    noisy, plain = fit_noisy(COLUMNS, exact, NONE), fit(COLUMNS, exact)
    np.testing.assert_allclose(noisy.mean, plain.mean, rtol=1e-9)
    np.testing.assert_allclose(noisy.stddev, plain.stddev, rtol=1e-6)
    assert (noisy.n_rows, noisy.n_positive) == (5_000, 600)


big = st.integers(-(2**45), 2**45)


@given(
    st.tuples(big, big),
    st.tuples(big, big),
    st.tuples(big, big),
    st.tuples(big, big),
    st.sampled_from([NONE, NOISE]),
)
@settings(deadline=None, max_examples=300)
def test_whatever_noise_makes_of_the_sums_there_are_scaling_numbers(
    rows: tuple[int, int],
    present: tuple[int, int],
    total: tuple[int, int],
    square: tuple[int, int],
    noise: dict[str, float],
) -> None:
    found = fit_noisy(
        COLUMNS,
        {k: np.array(v) for k, v in zip(NOISE, (rows, present, total, square), strict=True)},
        noise,
    )
    assert 0 < found.n_positive < found.n_rows
    assert all(0.0 <= mean <= 1.0 for mean in found.mean)
    assert all(2.0**-10 <= stddev <= 0.5 for stddev in found.stddev)
    assert Preprocessor.from_json(found.to_json()) == found


def test_a_column_that_nobody_fills_is_not_made_of_noise() -> None:
    empty = sums(5_000, 600, [two_columns()[0], np.zeros(0)])
    empty["present"][1], empty["sum"][1], empty["square"][1] = 130, -40 << 20, 9 << 20
    found = fit_noisy(COLUMNS, empty, NOISE)
    assert (found.mean[1], found.stddev[1]) == (UNKNOWN_MEAN, UNKNOWN_STDDEV)


def test_a_variance_is_no_smaller_than_its_noise() -> None:
    constant = sums(5_000, 600, [np.full(5_000, 0.5), np.full(5_000, 0.9)])
    found = fit_noisy(COLUMNS, constant, NOISE)
    assert found.stddev[0] == pytest.approx(math.sqrt(math.hypot(4.0, 60.0 * 0.125) / 5_000), rel=0.01)
    assert found.stddev[1] > found.stddev[0], "far from the middle the noise of the mean counts, too"


def test_every_number_comes_from_plain_arithmetic_and_square_roots() -> None:
    found = fit_noisy(COLUMNS, sums(5_000, 600, two_columns()), NOISE)
    assert [m.hex() for m in found.mean] == [
        m.hex() for m in fit_noisy(COLUMNS, sums(5_000, 600, two_columns()), NOISE).mean
    ]
    assert all(isinstance(value, float) for value in (*found.mean, *found.stddev))


def test_sums_of_another_shape_are_refused_and_none_is_fine() -> None:
    with pytest.raises(DataError, match="one entry per numeric column"):
        fit_noisy(COLUMNS, sums(10, 2, two_columns(10)[:1]), NOISE)
    nothing = np.zeros(0, dtype=np.int64)
    only = {"rows": np.array([-3, 50]), "present": nothing, "sum": nothing, "square": nothing}
    found = fit_noisy((SEX,), only, NOISE)
    assert (found.mean, found.n_rows, found.n_positive) == ((), 2, 1)
