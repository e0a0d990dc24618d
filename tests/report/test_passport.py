"""A model's passport says what its run proves, names what only people know, and is an RO-Crate that others read."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate
from tests import simulator
from tests.cli.test_cli import call
from tests.report import deployments

from cipherward.errors import AuditError, DataError, StorageError
from cipherward.report import crate, passport, tripod
from cipherward.runs import modelfile
from cipherward.simulation.simulate import RunResult, run_study

ASKED: dict[str, Any] = {"threshold": 0.5, "subgroups": [{"column": "ward"}], "group_rows": 10, "bins": 1024}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("passport")
    tables = simulator.write_tables(folder / "tables", 4, rows=400)
    return run_study(simulator.study(4, evaluation=ASKED), base=tables, out=folder / "run", device="cpu")


@pytest.fixture(scope="module")
def made(run: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "passport"
    passport.write(run.path, out, license="CC-BY-4.0", author="North Hospital")
    return out


def entities(folder: Path) -> dict[str, dict[str, Any]]:
    graph = json.loads((folder / crate.NAME).read_text())["@graph"]
    return {each["@id"]: each for each in graph}


def test_it_is_a_process_run_crate_of_federated_learning(made: Path, run: RunResult) -> None:
    """What both profiles say MUST be there, and most of what SHOULD."""
    found = entities(made)
    root = found["./"]
    assert {each["@id"] for each in root["conformsTo"]} == {crate.PROCESS, crate.FEDERATED}
    assert found[crate.PROCESS]["@type"] == "CreativeWork"
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    (mentioned,) = root["mentions"] if isinstance(root["mentions"], list) else [root["mentions"]]
    action = found[mentioned["@id"]]
    assert action["@type"] == "CreateAction"
    software = found[action["instrument"]["@id"]]
    assert software["@type"] == "SoftwareApplication"
    assert software["softwareVersion"]
    objects = [found[each["@id"]] for each in action["object"]]
    assert [each["name"] for each in objects[:4]] == [f"Table of clinic-{k}" for k in range(1, 5)]
    assert objects[-1]["@id"] == "study.toml"
    results = [found[each["@id"]] for each in action["result"]]
    assert "model.safetensors" in {each["@id"] for each in results}
    figures = {each["propertyID"]: each["value"] for each in results if each["@type"] == "PropertyValue"}
    assert figures["urn:cipherward:auroc"] == run.summary["federated"]["auroc"]
    assert {each["@id"] for each in found["model.safetensors"]["subjectOf"]} == {"model-card.md", "tripod-ai.md"}
    assert action["startTime"] < action["endTime"]
    assert found["#author"]["name"] == "North Hospital"


def test_other_software_reads_the_crate_and_finds_every_file(made: Path) -> None:
    read = ROCrate(made)
    assert read.mainEntity.id == "model.safetensors"
    parts = {each.id for each in read.data_entities}
    assert parts == {path.name for path in made.iterdir()} - {crate.NAME}
    for name in parts:
        assert int(entities(made)[name]["contentSize"]) == (made / name).stat().st_size


def test_its_files_are_what_the_run_proves_and_nothing_of_one_hospital(made: Path, run: RunResult) -> None:
    assert (made / "model.safetensors").read_bytes() == (run.path / "model.safetensors").read_bytes()
    assert (
        modelfile.load(made / "model.safetensors").study.digest()
        == modelfile.load(run.path / "model.safetensors").study.digest()
    )
    shown = json.loads((made / "result.json").read_text())
    assert shown["federated"] == json.loads(json.dumps(run.summary["federated"]))
    assert not {"auroc_local", "by_hospital", "at_hospitals"} & set(shown)
    assert (made / "subgroups.csv").read_bytes() == (run.path / "subgroups.csv").read_bytes()
    assert not (made / "at_hospitals.csv").exists()


def test_the_same_run_gives_the_same_passport(made: Path, run: RunResult, tmp_path: Path) -> None:
    passport.write(run.path, tmp_path / "again", license="CC-BY-4.0", author="North Hospital")
    assert {path.name: path.read_bytes() for path in made.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }


def test_the_checklist_has_every_item_once_and_says_of_each_what_is_open(made: Path) -> None:
    text = (made / "tripod-ai.md").read_text()
    numbers = [line.split("**")[1] for line in text.splitlines() if line.startswith("- **")]
    subitems = {
        "3": "abc",
        "5": "ab",
        "6": "abc",
        "8": "abc",
        "9": "abc",
        "12": "abcdefg",
        "18": "abcdef",
        "20": "abc",
        "23": "ab",
        "27": "abc",
    }
    wanted = [f"{k}{letter}" for k in range(1, 28) for letter in subitems.get(str(k), " ")]
    assert numbers == [each.strip() for each in wanted]
    assert len(numbers) == 52
    listed = next(line for line in text.splitlines() if line.startswith("Open: "))
    assert "18a" in listed.split("In part")[0]
    assert f"{tripod.OPEN} who paid" in text
    assert "4 hospitals (clinic-1, clinic-2, clinic-3, clinic-4)" in text


def test_the_card_names_its_open_points_first_and_the_figures_of_the_run(made: Path, run: RunResult) -> None:
    text = (made / "model-card.md").read_text()
    n_open = sum(line.count(tripod.OPEN) > 0 for line in text.splitlines() if line.startswith("- "))
    assert f"## Open points ({n_open})" in text
    assert f"AUROC (95 % interval): {run.summary['auroc_federated']:.3f}" in text
    assert "By subgroup: subgroups.csv" in text
    assert "Noise on counts: none" in text
    assert "nobody alone can read a single contribution" in text


def test_what_the_study_leaves_unsaid_is_open(run: RunResult, tmp_path: Path) -> None:
    found = passport.write(run.path, tmp_path / "out")
    text = (tmp_path / "out" / "model-card.md").read_text()
    assert "Contact: [ ] whom to ask" in text
    assert entities(tmp_path / "out")["#license"]["name"] == "not stated yet"
    assert found.left + found.in_part + found.answered == 52
    assert found.left > 10


@pytest.mark.parametrize(
    "sections",
    [
        {"task": "points", "training": {}, "model": {"kind": "points"}},
        {
            "data": {"outcome": "dose", "outcome_type": "continuous", "outcome_minimum": -8.0, "outcome_maximum": 8.0},
            "columns": simulator.document()["columns"][::2],
            "model": {"kind": "linear"},
            "training": {"batch_size": 0, "learning_rate": 0.05},
        },
    ],
    ids=["points", "a number"],
)
def test_models_of_every_kind_have_one(tmp_path: Path, sections: dict[str, Any]) -> None:
    result = simulator.run(tmp_path, simulator.study(4, **sections))
    passport.write(result.path, tmp_path / "out")
    assert [each for each in entities(tmp_path / "out") if each.startswith("#figure-")]
    assert "## Quantitative analyses" in (tmp_path / "out" / "model-card.md").read_text()


def test_a_run_whose_files_do_not_prove_it_gets_none(run: RunResult, tmp_path: Path) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(run.path, altered)
    opening = altered / "receipts" / "0001" / "opening.cbor"
    data = bytearray(opening.read_bytes())
    data[len(data) // 2] ^= 1
    opening.write_bytes(bytes(data))
    with pytest.raises(AuditError, match="do not prove"):
        passport.write(altered, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_model_gets_none(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, simulator.study(5, task="describe"))
    with pytest.raises(DataError, match="made no model"):
        passport.write(result.path, tmp_path / "out")


def test_nothing_is_overwritten_and_nothing_half_written(
    run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="not an empty folder"):
        passport.write(run.path, tmp_path / "full")
    with pytest.raises(DataError, match="no SPDX identifier"):
        passport.write(run.path, tmp_path / "out", license="ask us")
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(DataError, match="rocrate") as caught:
        passport.write(run.path, tmp_path / "out")
    assert "cipherward[rocrate]" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_the_command_writes_it_and_counts_what_is_open(
    run: RunResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, "passport", run.path, tmp_path / "out")
    assert (code, err) == (0, "")
    assert "items answered" in out
    code, _, err = call(capsys, "passport", tmp_path / "nothing", tmp_path / "other")
    assert code == 1
    assert "nothing" in err


@pytest.mark.thorough
def test_coordinator_and_hospital_write_the_same_one_of_a_deployed_study(tmp_path: Path) -> None:
    four = deployments.finished(tmp_path)
    four.close()
    found = []
    for party in ("coordinator", "clinic-2"):
        out = tmp_path / f"passport of {party}"
        passport.write(deployments.folder_of(four, party), out)
        assert "Not opened: each hospital has its own." in (out / "model-card.md").read_text()
        found.append(
            {
                name: (out / name).read_bytes()
                for name in ("model-card.md", "tripod-ai.md", "model.safetensors", "study.toml")
            }
        )
    assert found[0] == found[1]
