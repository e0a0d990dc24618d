"""A task that the rest of the software has never heard of runs, is reviewed, verified and reported like any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.tasks.federated_mean import FederatedMean

from cipherward.errors import StudyError
from cipherward.report import page
from cipherward.tasks import catalogue

MEAN: dict[str, Any] = {"task": "mean", "settings": {"column": "age", "error": 0.1}}


@pytest.fixture(autouse=True)
def in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.TASKS, "mean", FederatedMean)


def values(folder: Path) -> np.ndarray[Any, Any]:
    tables = [pl.read_csv(path)["age"].drop_nulls().to_numpy() for path in sorted((folder / "tables").glob("*.csv"))]
    return np.concatenate(tables)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a whole run of it is, below its tables; nobody changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalogue.TASKS, "mean", FederatedMean)
        return simulator.run(tmp_path_factory.mktemp("ran"), simulator.study(5, **MEAN)).path


@pytest.fixture
def run(ran: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(ran, tmp_path / "run"))


def test_it_stops_by_its_own_rule_and_gives_the_mean(ran: Path) -> None:
    found = json.loads((ran / "result.json").read_text())
    assert found["batches"] < 10
    assert abs(found["mean"] - values(ran.parent).mean()) < 5 * found["error"]
    assert simulator.holds(ran)
    assert (ran / "mean.csv").read_text().startswith("mean,error\n")
    assert not (ran / "model.safetensors").exists()


def test_asked_to_the_end_it_gives_the_mean_of_all_rows(tmp_path: Path) -> None:
    exact = {"task": "mean", "settings": {"column": "age", "error": 0.0}}
    found = simulator.run(tmp_path, simulator.study(5, **exact)).summary
    assert found["batches"] == 10
    assert abs(found["mean"] - values(tmp_path).mean()) < 1e-4


def test_a_changed_result_is_found(run: Path) -> None:
    document = json.loads((run / "result.json").read_text())
    document["mean"] += 1e-6
    (run / "result.json").write_text(json.dumps(document))
    assert not simulator.holds(run)


def test_its_report_shows_its_table(run: Path) -> None:
    page.write(run)
    text = (run / "report.html").read_text()
    assert "Mean of one column" in text
    assert "rows, sum and squares" in text


def test_its_report_shows_what_the_sums_say_and_not_what_a_changed_file_says(run: Path) -> None:
    document = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps(document | {"mean": 123.456}))
    page.write(run)
    text = (run / "report.html").read_text()
    assert "do not prove its result" in text
    assert str(document["mean"]) in text
    assert "123.456" not in text


def test_between_hospitals_it_is_reviewed_approved_and_received(tmp_path: Path) -> None:
    four = Consortium(tmp_path, 4)
    try:
        folder = four.start(document(4, **MEAN))
        four.approve()
        four.pump()
        assert four.status()["phase"] == "finished"
        assert simulator.holds(folder)
        result = json.loads((folder / "result.json").read_text())
        assert abs(result["mean"] - values(tmp_path).mean()) < 5 * result["error"]
    finally:
        four.close()


def test_a_task_that_nobody_has_heard_of_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no task is called 'guess'") as caught:
        simulator.run(tmp_path, simulator.study(5, task="guess"))
    assert "train" in caught.value.message


@pytest.mark.parametrize(
    ("task", "settings"), [("train", {"speed": 3}), ("describe", {"bins": 3}), ("describe", {"x": 1})]
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, task: str, settings: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="settings"):
        simulator.run(tmp_path, simulator.study(5, task=task, settings=settings))
