from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cipherward.data import retina, wearables
from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, StudyError
from cipherward.study import load_builtin
from cipherward.tasks.catalogue import make_task


def test_the_retina_study_keeps_the_published_split_and_its_hospitals_differ(shared_data: Path) -> None:
    study = load_builtin("retina")
    found = load_hospitals(study, shared_data / "retinamnist", Path())
    parts = np.concatenate([hospital.split for hospital in found])
    assert [int((parts == part).sum()) for part in (TRAIN, VALIDATION, TEST)] == [1080, 120, 400]
    assert sum(int(hospital.outcome.sum()) for hospital in found) == 1600 - 486 - 54 - 174
    rates = [hospital.outcome.mean() for hospital in found]
    assert max(rates) - min(rates) > 0.2
    again = load_hospitals(study.with_overrides(top={"seed": 7}), shared_data / "retinamnist", Path())
    assert all(a.table.equals(b.table) for a, b in zip(found, again, strict=True))


def test_another_file_than_the_published_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "retinamnist.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="has SHA-256"):
        retina.load(tmp_path / "retinamnist.npz")


def test_the_ward_is_the_same_for_the_same_seed_and_no_patient_goes_on_after_onset() -> None:
    table, chance = wearables.generate(30, 1.0, 5, 2)
    again, _ = wearables.generate(30, 1.0, 5, 2)
    assert table.equals(again)
    assert not table.equals(wearables.generate(30, 1.0, 6, 2)[0])
    assert table.height == len(chance)
    for _, rows in table.group_by(wearables.PATIENT):
        outcomes = rows[wearables.OUTCOME].to_list()
        assert "1" not in outcomes[:-1]
        assert 1 <= len(outcomes) <= wearables.WEEKS_PER_PATIENT
    rate = table["heart_rate"].to_numpy()
    assert 0.03 < np.isnan(rate).mean() < 0.4
    assert 55 < np.nanmean(rate) < 80
    assert np.nanmin(table["sleep"].to_numpy()) >= 0
    assert np.nanmax(table["sleep"].to_numpy()) <= 60


def test_a_new_day_of_the_ward_is_the_week_that_ends_with_it() -> None:
    table = wearables.ward(2, 3, 1.0, 5, 0)
    assert table["day"].to_list() == [1, 2, 3, 1, 2, 3]
    first, second = table["steps"].to_numpy()[:2]
    assert np.array_equal(first[wearables.HOURS :], second[: -wearables.HOURS], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("retina", {"skew": 0}, "data.skew: a number from 0.01"),
        ("retina", {"skew": "high"}, "data.skew: a number from 0.01"),
        ("wearables", {"patients": 3}, "data.patients: Input should be greater than or equal to 20"),
        ("wearables", {"beds": 3}, 'data.beds: source "wearables" has no such setting'),
    ],
)
def test_a_setting_that_the_source_cannot_take_is_refused(name: str, data: dict[str, object], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        make_task(load_builtin(name).with_overrides(data=data))
    assert words in caught.value.problems[0]
