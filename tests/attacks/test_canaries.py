"""Rows that nobody has: what they look like, how they are ranked, and that a model that learns by heart gives them away."""

from __future__ import annotations

import numpy as np
import pytest

from cipherward.attacks.attack import Measure
from cipherward.attacks.canaries import CHANCE, Canaries, CanarySettings, exposure, made_up
from cipherward.attacks.context import Context
from cipherward.attacks.intervals import mean_interval
from cipherward.study import Study

SMALL = CanarySettings(n_canaries=12, copies=(8,), n_candidates=64, few_rows=10, longer=10, epsilons=(1.0,))


def test_the_exposure_of_the_surest_row_is_all_bits_and_of_the_least_sure_none() -> None:
    others = np.arange(7.0)
    assert exposure(10.0, others) == 3.0
    assert exposure(-1.0, others) == 0.0
    assert exposure(2.5, others) == pytest.approx(3.0 - np.log2(5))
    assert exposure(6.0, np.full(7, 6.0)) == 0.0  # a model that tells nothing apart


def test_rows_that_were_never_planted_have_the_exposure_of_chance() -> None:
    generator = np.random.default_rng(1)
    found = [exposure(float(own), generator.normal(size=1023)) for own in generator.normal(size=4000)]
    assert np.mean(found) == pytest.approx(CHANCE, abs=0.1)


def test_made_up_rows_are_in_range_and_of_known_categories(small: Study) -> None:
    table = made_up(small.columns, 500, np.random.default_rng(2))
    for column in small.columns:
        if column.kind == "categorical":
            assert set(table[column.name]) == set(column.categories)
        else:
            assert column.minimum is not None
            assert column.maximum is not None
            assert table[column.name].is_between(column.minimum, column.maximum).all()


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    held = sum(low <= 0.0 <= high for low, high in (mean_interval(generator.normal(size=8)) for _ in range(1000)))
    assert 930 <= held <= 970


@pytest.fixture(scope="module")
def measured(at: Context) -> tuple[Measure, ...]:
    return Canaries(SMALL).run(at).measures


def test_a_network_on_few_rows_is_surer_of_what_was_planted(measured: tuple[Measure, ...]) -> None:
    mean = {each.setting: each.value for each in measured if each.measure == "mean exposure in bits"}
    planted = next(value for name, value in mean.items() if "perceptron" in name and "8 times, no noise" in name)
    never = next(value for name, value in mean.items() if "perceptron" in name and "never" in name)
    assert planted is not None
    assert never is not None
    assert planted > never + 0.5


def test_every_setting_has_its_accuracy(measured: tuple[Measure, ...]) -> None:
    settings = dict.fromkeys(each.setting for each in measured)
    assert len(settings) == 2 * 3
    assert len(measured) == 3 * len(settings)
    assert all(0.3 < each.value < 1.0 for each in measured if each.measure.startswith("accuracy") and each.value)


def test_a_study_of_images_is_left_out_with_the_reason() -> None:
    from cipherward import study as study_document

    assert "images" in Canaries().why_not(study_document.load_builtin("retina"))
    assert Canaries().why_not(study_document.load_builtin("readmission")) == ""


@pytest.mark.thorough
def test_noise_takes_the_exposure_of_a_row_planted_once_back_to_chance(at: Context) -> None:
    settings = CanarySettings(copies=(1,), epsilons=(1.0,))
    found = {each.setting: each for each in Canaries(settings).run(at).measures if each.measure.startswith("mean")}
    network = [each for name, each in found.items() if "perceptron" in name]
    plain, private = network[1], network[2]
    assert plain.low is not None
    assert plain.low > CHANCE
    assert private.value is not None
    assert plain.value is not None
    assert private.value < plain.value
