"""result.json and rounds.jsonl are read and checked in one place: damage is named, and a mistake of ours is not called damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests import simulator

from cipherward.errors import StorageError
from cipherward.report import page, predictors
from cipherward.runs import result
from cipherward.runs.result_json import Simulated, SumLine, parse, sum_lines


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator.run(tmp_path_factory.mktemp("run"), simulator.study(4, training={"rounds": 1})).path


def changed(made: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads((made / "result.json").read_text())
    change(document)
    return json.dumps(document).encode()


def test_a_key_that_a_task_adds_is_left_aside(made: Path) -> None:
    found = parse(made, changed(made, lambda d: d.update(further=1)), Simulated)
    assert found == parse(made, (made / "result.json").read_bytes(), Simulated)
    assert len(found.by_hospital) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("auroc_federated"), "auroc_federated: Field required"),
        (lambda d: d["federated"].update(auprc=1.5), "federated.auprc: Input should be less than or equal to 1"),
        (lambda d: d["federated"].update(roc=[[0, 0], [0.5, 1]]), "a ROC curve leads from 0 to 1"),
        (lambda d: d["by_hospital"][2].update(train_rows=10**6), "by_hospital.2: .*the splits do not add up"),
        (lambda d: d["auroc_local"].popitem(), "auroc_local has not one value for each hospital"),
        (lambda d: d.update(about_data=[{"hospital": "clinic-1"}]), "about_data.0.column"),
        (lambda d: d.update(changes=[7]), "changes.0"),
        (lambda d: d.update(warnings="none"), "warnings"),
    ],
)
def test_what_is_wrong_is_named(made: Path, change: Callable[[dict[str, Any]], object], words: str) -> None:
    with pytest.raises(StorageError, match=words):
        parse(made / "result.json", changed(made, change), Simulated)


def test_every_line_of_rounds_is_read_by_its_sum(made: Path) -> None:
    data = (made / "rounds.jsonl").read_bytes()
    assert [line.purpose for line in sum_lines(made, data).values()] == ["statistics", "train", "evaluate"]
    with pytest.raises(StorageError, match="seconds by phase without their sum"):
        parse(
            made,
            b'{"sum": 1, "purpose": "train", "opened": true, "simulation": {"seconds_by_phase": {"a": 1}}}',
            SumLine,
        )


def test_a_mistake_of_the_software_is_not_reported_as_damage(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictors, "coefficients", lambda facts: facts.no_such_attribute)
    with pytest.raises(AttributeError, match="no_such_attribute"):
        page.write(made)


def test_a_result_names_the_libraries_that_it_rests_on_and_nobody_can_change_that_for_others() -> None:
    found = result.versions()
    assert found["pynacl"] == version("pynacl")  # it checks every signature
    found.clear()
    assert result.versions()["cipherward"] == version("cipherward")
