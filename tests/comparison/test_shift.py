"""The shift run: the case mix really changes, before and after are other rows, and both sides see the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.simulator import study, write_tables

from cipherward.comparison import case_mix
from cipherward.comparison.shift import run_shift
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import DataError, InterruptedRunError, StudyError
from cipherward.learning import sgd
from cipherward.tasks.rows import TEST, TRAIN

CHOSEN = study(4)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"), 4, rows=300)


@pytest.fixture(scope="module")
def hospitals(tables: Path) -> list[HospitalData]:
    return load_hospitals(CHOSEN, None, tables)


def run(out: Path, tables: Path, **options: Any) -> dict[str, Any]:
    short: dict[str, Any] = {"base": tables, "rounds": 4, "shift_round": 3, "device": "cpu"}
    return run_shift(CHOSEN, out, **short | options)


def keys_of(rows: HospitalData) -> set[tuple[Any, ...]]:
    return set(rows.table.rows())


def test_the_two_case_mixes_share_no_row_and_leave_none_out(hospitals: list[HospitalData]) -> None:
    score = case_mix.score_of(CHOSEN.columns, hospitals)
    for index, mix in case_mix.choose(CHOSEN, hospitals, score).items():
        whole = hospitals[index - 1]
        assert keys_of(mix.before) | keys_of(mix.after) == keys_of(whole)
        assert not keys_of(mix.before) & keys_of(mix.after)
        assert mix.before.table.height + mix.after.table.height == whole.table.height
        for split in (TRAIN, TEST):
            parts = [rows.outcome[rows.split == split] for rows in (mix.before, mix.after)]
            assert sum(map(len, parts)) == int((whole.split == split).sum())
            assert sum(int(part.sum()) for part in parts) == int(whole.outcome[whole.split == split].sum())


def test_patients_after_the_shift_are_mostly_of_the_other_half(hospitals: list[HospitalData]) -> None:
    score = case_mix.score_of(CHOSEN.columns, hospitals)
    for index, mix in case_mix.choose(CHOSEN, hospitals, score).items():
        median = float(np.median(score.of(hospitals[index - 1])))
        assert np.mean(score.of(mix.before) > median) < 0.2
        assert np.mean(score.of(mix.after) > median) > 0.8


def test_the_hospitals_with_the_most_test_rows_shift_and_always_the_same_way(hospitals: list[HospitalData]) -> None:
    score = case_mix.score_of(CHOSEN.columns, hospitals)
    first, again = (case_mix.choose(CHOSEN, hospitals, score) for _ in range(2))
    n_test = {index: int((h.split == TEST).sum()) for index, h in enumerate(hospitals, start=1)}
    assert sorted(n_test[i] for i in first) == sorted(n_test.values())[-2:]
    assert [mix.after.table.rows() for mix in first.values()] == [mix.after.table.rows() for mix in again.values()]
    assert np.abs(score.loadings).max() == score.loadings.max()


def test_before_and_after_are_measured_on_the_current_case_mix(
    tmp_path: Path, tables: Path, hospitals: list[HospitalData], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, int]] = []
    measured: list[int] = []
    real_train, real_scores = sgd.train, sgd.scores

    def train(module: Any, start: Any, features: Any, labels: Any, *rest: Any, **options: Any) -> Any:
        seed = options["seed"]
        trained.append((f"{seed[1]} in {seed[2]}", hash(features.tobytes())))
        return real_train(module, start, features, labels, *rest, **options)

    def scores(module: Any, vector: Any, features: Any, *rest: Any) -> Any:
        measured.append(len(features))
        return real_scores(module, vector, features, *rest)

    monkeypatch.setattr(sgd, "train", train)
    monkeypatch.setattr(sgd, "scores", scores)
    document = run(tmp_path, tables)
    mixes = case_mix.choose(CHOSEN, hospitals, case_mix.score_of(CHOSEN.columns, hospitals))
    for index, mix in mixes.items():
        # Twice in each round, alone and for the study, with the same seed on the same rows.
        rows = [[found for what, found in trained if what == f"{index} in {number}"] for number in (1, 2, 3, 4)]
        assert all(len(found) == 2 and len(set(found)) == 1 for found in rows)
        assert rows[0] == rows[1] != rows[2] == rows[3]
        tests = {name: int((part.split == TEST).sum()) for name, part in (("before", mix.before), ("after", mix.after))}
        counts = document["rows"][hospitals[index - 1].name]
        assert {name: counts[name]["test"] for name in tests} == tests
        assert set(tests.values()) <= set(measured)
    unshifted = set(range(1, 5)) - set(mixes)
    for index in unshifted:
        assert len({found for what, found in trained if what.startswith(f"{index} in")}) == 1


def test_the_file_says_what_was_found_and_is_not_made_twice(tmp_path: Path, tables: Path) -> None:
    told: list[tuple[int, int, str]] = []
    document = run(tmp_path, tables, on_progress=lambda *what: told.append(what))
    names = set(document["hospitals_shifted"])
    assert len(names) == 2
    assert [line["round"] for line in document["by_round"]] == [1, 2, 3, 4]
    for moment, line in (("before", 1), ("after", 3)):
        for kind in ("federated", "local"):
            assert document[moment][kind] == document["by_round"][line][kind]
            assert set(document[moment][kind]) == names
            assert all(0.0 <= value <= 1.0 for value in document[moment][kind].values())
    assert document["at_shift"]["local"] != document["before"]["local"]
    assert "before the shift" in document["case_mix"]
    assert [what[:2] for what in told] == [(number, 4) for number in range(1, 5)]
    again = run(tmp_path, tables, should_stop=lambda: True)  # would stop if it ran
    assert again == document
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shift.json"]


def test_another_shift_is_not_taken_for_the_finished_one(tmp_path: Path, tables: Path) -> None:
    run(tmp_path, tables, rounds=2, shift_round=2)
    with pytest.raises(InterruptedRunError):
        run(tmp_path, tables, should_stop=lambda: True)


def test_a_shift_without_rounds_before_it_or_enough_patients_is_refused(tmp_path: Path, tables: Path) -> None:
    for bad in (1, 5):
        with pytest.raises(StudyError, match="shift_round"):
            run(tmp_path, tables, shift_round=bad)
    few = write_tables(tmp_path / "few", 4, rows=-5)
    with pytest.raises(DataError):
        run(tmp_path, few)
    assert not (tmp_path / "shift.json").exists()
