"""Rows from updates: what is exact is exact, what is encrypted or added up gives nothing back."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cipherward.attacks import records
from cipherward.attacks.ciphertexts import Sealed
from cipherward.attacks.context import Context
from cipherward.attacks.intervals import LEVEL
from cipherward.attacks.inversion import Inversion, InversionSettings
from cipherward.attacks.updates import Trainer, all_rows, dealt, one_step, with_model

SMALL = InversionSettings(n_records=5, batch=4, hidden=8, repeats=4, n_ciphertexts=20, n_images=1, image_steps=10)
TINY = InversionSettings(n_records=2, batch=2, hidden=2, repeats=1, n_ciphertexts=10, n_images=1, image_steps=10)


@pytest.fixture(scope="module")
def measured(at: Context) -> dict[tuple[str, str], float]:
    found = Inversion(SMALL).run(at)
    assert found.exhibits[0].rows[0][1:] == found.exhibits[0].rows[1][1:]
    return {(each.setting, each.measure): each.value for each in found.measures if each.value is not None}


@pytest.mark.parametrize("kind", ["logistic regression", "perceptron with 8 hidden units"])
def test_one_record_behind_a_plain_update_is_recovered(measured: dict[tuple[str, str], float], kind: str) -> None:
    assert measured[f"{kind}, plain update, one step on one record", "worst relative error"] <= 1e-4


def test_the_sum_of_two_linear_updates_gives_no_record(measured: dict[tuple[str, str], float]) -> None:
    for setting in ("opened sum of 2, one step on one record each", "opened sum of 16 less what 14 colluders put in"):
        assert measured[f"logistic regression, {setting}", "share of records recovered"] == 0


def test_colluders_who_are_all_but_one_get_its_record(measured: dict[tuple[str, str], float]) -> None:
    setting = "logistic regression, opened sum of 16 less what 15 colluders put in"
    assert measured[setting, "share of records recovered"] == 1


def test_a_ciphertext_is_no_better_than_the_public_means(measured: dict[tuple[str, str], float]) -> None:
    values = [value for (_, measure), value in measured.items() if measure.startswith("p-value")]
    assert len(values) == 3
    assert min(values) >= LEVEL


def test_both_readings_of_a_ciphertext_would_notice_a_secret_of_zeros(at: Context) -> None:
    """The tests of ciphertexts can fail: without a secret they read everything."""
    from cipherward.crypto import ring
    from cipherward.crypto.quorum import parameters_of

    step = Trainer(at, one_step(with_model(at.study, "logistic-regression"), 1))
    works = step.works(all_rows(at), dealt(300, 2, at.generator("two"), each=1))
    values = [step.values(work) for work in works]
    layout = step.layout(values)
    sealed = Sealed(layout.n_lanes, layout.bits, 3)
    pair = [layout.encode(each, os.urandom(32)) for each in values]
    parameters = parameters_of(sealed.task)
    zeros = np.zeros(parameters.ring.ring_degree, np.int8)
    for inside in (0, 1):
        naked = ring.encrypt(parameters, os.urandom(32), zeros, os.urandom(32), pair[inside])
        assert sealed.likelier(naked, pair) == inside
        assert sealed.as_lanes(naked).tolist() == pair[inside].tolist()


def test_a_unit_that_one_record_switches_on_gives_that_record() -> None:
    """Two records, two units: each unit sees one of them."""
    first, second = np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.5, 4.0])
    gradient = np.concatenate([0.3 * first, -0.2 * second, [0.3, -0.2]])
    guessed = records.guesses(gradient, (("weight", 6), ("bias", 2)))
    found = records.match(np.stack([first, second]), guessed, np.zeros(3))
    assert found.error.max() < 1e-12


def test_without_any_gradient_the_guess_is_the_public_mean() -> None:
    guessed = records.guesses(np.zeros(8), (("weight", 6), ("bias", 2)))
    assert records.match(np.ones((1, 3)), guessed, np.full(3, 0.5)).error[0] == pytest.approx(0.5)


def test_rows_of_real_patients_are_not_shown(at: Context) -> None:
    real = Context(at.study.with_overrides(top={"synthetic": False}), at.hospitals, at.seed)
    found = Inversion(TINY).run(real)
    records = [each for each in found.exhibits if each.title.startswith("Records")]
    assert len(records) == 2
    assert all(not each.rows and "Not shown" in each.words for each in records)
    assert any(each.pictures for each in found.exhibits)  # generated ones


@pytest.mark.parametrize(
    ("n_rows", "n_hospitals", "each"), [(10, 4, 5), (3, 16, 1), (100, 16, 1), (100, 7, 0), (5, 8, 0)]
)
def test_every_hospital_gets_rows_however_few_there_are(n_rows: int, n_hospitals: int, each: int) -> None:
    parts = dealt(n_rows, n_hospitals, np.random.default_rng(1), each)
    assert len(parts) == n_hospitals
    assert all(len(part) == each if each else len(part) >= 1 for part in parts)
    every = np.concatenate(parts)
    assert every.max() < n_rows
    if n_rows >= n_hospitals * max(each, 1):
        assert len(set(every.tolist())) == len(every) == (n_hospitals * each or n_rows)
