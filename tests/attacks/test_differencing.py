"""What follows from sums that differ, on a small study: the attack reads what it is said to read, and rules bound it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests import simulator

from cipherward.attacks import apart, differencing
from cipherward.attacks.attack import Found, Measure
from cipherward.attacks.context import Context
from cipherward.attacks.differencing import Differencing, DifferencingSettings
from cipherward.data.sources import HospitalData

SMALL = DifferencingSettings(rounds=10, n_targets=10)


@pytest.fixture(scope="module")
def found(at: Context) -> Found:
    return Differencing(SMALL).run(at)


def of(found: Found, *words: str) -> list[Measure]:
    return [each for each in found.measures if all(word in f"{each.setting} {each.measure}" for word in words)]


def value(found: Found, *words: str) -> float:
    (each,) = of(found, *words)
    assert each.value is not None
    return each.value


def test_one_missed_round_of_full_batches_shows_the_update_by_regression(found: Found) -> None:
    assert value(found, "one step a round", "by regression") < 0.05
    assert value(found, "one step a round", "by difference") > 3 * value(found, "one step a round", "by regression")
    assert value(found, "minibatches", "by regression") > 0.2


def test_the_regression_is_that_of_the_sums_at_the_missed_model() -> None:
    rng = np.random.default_rng(1)
    models = rng.normal(size=(12, 3))
    slope, start, own = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    totals = start + models @ slope
    totals[5] -= own
    missed = apart.Missed(totals, models, 5, own)
    assert missed.error(missed.by_regression) < 1e-9
    assert missed.error(np.zeros(3)) == pytest.approx(1.0)


def test_the_difference_is_that_of_the_round_before_and_the_missed_one() -> None:
    own = np.array([1.0, -2.0, 3.0])
    totals = np.tile([4.0, 5.0, 6.0], (8, 1))
    totals[5] -= own
    assert (
        apart.Missed(totals, np.zeros((8, 3)), 5, own).error(apart.Missed(totals, totals, 5, own).by_difference) == 0.0
    )


def test_blocks_leave_no_smaller_group_and_agreement_leaves_one(found: Found, at: Context) -> None:
    assert value(found, "sums with and without the last hospital hospitals") == 1.0
    assert value(found, "the last hospital's block") == len(at.hospitals)


def test_scores_in_groups_show_nobody_whom_single_scores_show(found: Found) -> None:
    assert value(found, "histogram of scores", "every row by itself") > 0.05
    assert value(found, "histogram of scores", "in groups of 10") == 0.0
    for model in ("a linear model", "a network that knows one record"):
        assert value(found, model, "every row by itself") > 0.9
        assert value(found, model, "in groups of 10") <= 0.1
    assert value(found, "a network that knows one record", "decline") == 1.0


def test_who_dominates_is_read_from_the_mean(found: Found) -> None:
    assert value(found, "90% of the rows", "update") < value(found, "five hospitals of one size", "update")


def test_cells_of_few_rows_are_counted_and_the_rule_leaves_none(found: Found) -> None:
    words = ("of one hospital", f"category of fewer than {differencing.LEAST}")
    assert value(found, *words, "as they are") > 0.0
    assert value(found, *words, "of at least 10 rows") == 0.0


def test_two_cuts_read_every_row_with_a_value_that_nobody_else_has_in_some_column() -> None:
    study = simulator.study(4)
    ages, doses = ([np.nan, 1.0, 1.0, 2.0], [2.0, 3.0, np.nan]), ([4.0, 6.0, 6.0, 6.0], [5.0, np.nan, 6.0])
    hospitals = [
        HospitalData(
            f"clinic-{k}",
            pl.DataFrame({"age": age, "dose": dose, "ward": ["A"] * len(age)}),
            np.zeros(len(age), np.int8),
            np.zeros(len(age), np.uint8),
        )
        for k, (age, dose) in enumerate(zip(ages, doses, strict=True))
    ]
    (found,) = differencing._cuts(Context(study, hospitals, 1))
    assert found.value == pytest.approx(3 / 7)  # by dose a row of each hospital, by age the next one
    assert found.words.startswith("3 of 7;")
