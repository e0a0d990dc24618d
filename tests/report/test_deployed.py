"""The report of a deployed party says what that party knows, and why it does not know the rest."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from tests.consortium.consortium import Consortium
from tests.report import deployments
from tests.report.deployments import folder_of
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.errors import StorageError
from cipherward.learning import sgd
from cipherward.report import deployed
from cipherward.report.facts import gather
from cipherward.tasks.rows import TEST, TRAIN


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    eight = deployments.troubled(tmp_path_factory.mktemp("troubled"))
    yield eight
    eight.close()


def page(four: Consortium, name: str) -> str:
    return (folder_of(four, name) / "report.html").read_text("utf-8")


def test_every_party_gets_its_report_when_the_study_ends(finished: Consortium) -> None:
    for name in ("coordinator", *finished.names):
        home = finished.home if name == "coordinator" else finished.hospital(name)
        assert [line["event"] for line in home.log_lines()].count("report written") == 1
        assert home.alarms() == []
        text = page(finished, name)
        assert "holds</span>" in text
        assert "Simulation" not in text
        assert "simulation" not in text
        assert 'id="figure-1"' in text


def test_a_report_names_who_approved_and_when_as_far_as_its_party_knows(finished: Consortium) -> None:
    said = re.compile(r"Dr Example, \d{4}-\d\d-\d\d \d\d:\d\d UTC")
    assert len(said.findall(page(finished, "coordinator"))) == 4
    assert len(said.findall(page(finished, "clinic-2"))) == 1
    assert page(finished, "clinic-2").count("known there") == 3


def test_warnings_stand_in_the_status_of_both_sides(finished: Consortium) -> None:
    (folder,) = finished.home.study_folders()
    result = json.loads((folder / "result.json").read_text())
    assert result["warnings"] != []
    assert finished.status()["warnings"] == result["warnings"]
    (mine,) = finished.desks["clinic-2"].status()
    assert mine["warnings"] != []
    assert all("AUROC" not in said for said in mine["about_data"])


def test_the_coordinator_s_report_has_no_figure_of_a_single_hospital_and_says_why(finished: Consortium) -> None:
    text = page(finished, "coordinator")
    assert "A deployed coordinator never has this" in text
    assert 'id="figure-2' not in text
    assert "trained alone" not in text
    assert "Receipts that hold" in text
    assert not (folder_of(finished, "coordinator") / "own.json").exists()


def test_a_hospital_s_report_has_its_own_bar_and_no_other_s(finished: Consortium) -> None:
    text = page(finished, "clinic-2")
    own = json.loads((folder_of(finished, "clinic-2") / "own.json").read_text())
    assert set(own["auroc"]) == {"federated", "local"}, own
    assert f"reaches {own['auroc']['federated']:.3f}" in text
    assert "trained here alone" in text
    assert "No hospital has figures of another one." in text
    assert "clinic-2 (this hospital)" in text
    assert "no receipt" not in text
    assert text.count('<th scope="row" role="rowheader"><bdi>trained alone</bdi></th>') == 1


def test_what_a_hospital_computes_for_itself_stays_closed_and_is_never_sent(finished: Consortium) -> None:
    path = folder_of(finished, "clinic-2")
    for name in ("own.json", "report.html"):
        assert (path / name).stat().st_mode & 0o077 == 0
    assert not [letter for sender, _, letter in finished.carried if b"own.json" in letter or b"auroc" in letter]


def test_the_command_rebuilds_either_report(finished: Consortium, tmp_path: Path) -> None:
    for name in ("coordinator", "clinic-1"):
        copy = Path(shutil.copytree(folder_of(finished, name), tmp_path / name))
        (copy / "report.html").unlink()
        result = CliRunner().invoke(app, ["report", str(copy)])
        assert result.exit_code == 0, result.output
        assert (copy / "report.html").read_text("utf-8") == page(finished, name)


def test_small_counts_are_left_out(finished: Consortium, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder_of(finished, "clinic-1"), tmp_path / "copy"))
    own = json.loads((copy / "own.json").read_text())
    few = own | {"auroc": {}, "test_positive": None, "test_rows": None, "why_not": "fewer than 10 own test rows"}
    (copy / "own.json").write_text(json.dumps(few))
    deployed.write(copy)
    text = (copy / "report.html").read_text("utf-8")
    assert 'id="figure-2"' not in text
    assert "fewer than 10 own test rows" in text


def test_a_changed_result_is_not_believed(finished: Consortium, tmp_path: Path) -> None:
    for name in ("coordinator", "clinic-1"):
        copy = Path(shutil.copytree(folder_of(finished, name), tmp_path / name))
        result = json.loads((copy / "result.json").read_text())
        (copy / "result.json").write_text(json.dumps(result | {"auroc_federated": 0.999}))
        assert not deployed.write(copy).holds
        assert "do not prove its result" in (copy / "report.html").read_text("utf-8")


@pytest.mark.parametrize(("file", "text"), [("own.json", "[]"), ("own.json", "{"), ("result.json", "{}")])
def test_damaged_files_are_said_and_nothing_crashes(finished: Consortium, tmp_path: Path, file: str, text: str) -> None:
    copy = Path(shutil.copytree(folder_of(finished, "clinic-1"), tmp_path / "copy"))
    (copy / file).write_text(text)
    with pytest.raises(StorageError):
        deployed.write(copy)


def test_own_figures_of_few_patients_are_not_even_computed(finished: Consortium) -> None:
    from cipherward.consortium.service import own_results

    study = finished.desks["clinic-3"]._all_studies()[0]
    site = study._opened_node()

    data = site.work.data
    split = np.where(np.cumsum(data.split == TEST) > 12, TRAIN, data.split)
    with (
        mock.patch.object(vars(site.work)["_inner"], "data", dataclasses.replace(data, split=split)),
        mock.patch.object(sgd, "scores", side_effect=AssertionError("scores were computed")),
    ):
        found = own_results.compute(site)
    assert found["auroc"] == {}
    assert found["test_positive"] is None
    assert "fewer than 10" in found["why_not"]


@pytest.mark.thorough
def test_the_coordinator_s_page_says_what_went_wrong(troubled: Consortium) -> None:
    text = page(troubled, "coordinator")
    assert "clinic-1</bdi> reported a breach" in text
    assert "because the announced model is not the one that follows from the certified sum" in text
    assert "clinic-3 spoiled sum 1 and takes no further part" in text
    assert "the sealed shares are not the ones that the header signs" in text
    assert "No message was set aside" not in text
    assert "withdrew its approval" in text
    assert "never approved" not in text
    assert "✓</span> holds" in text
    assert text.count("and every hospital says so") == text.count("void: did not open") == 1


@pytest.mark.thorough
def test_a_hospital_s_page_counts_rounds_as_the_coordinator_s_does(troubled: Consortium) -> None:
    points = {name: gather(folder_of(troubled, name)).auroc_by_round() for name in ("coordinator", "clinic-2")}
    assert points["clinic-2"] == points["coordinator"]
    assert [number for number, _ in points["clinic-2"]] == list(range(15))  # the spoiled sum was asked once more
    text = page(troubled, "clinic-2")
    assert "clinic-3 spoiled sum 1 and takes no further part" in text
    assert "✓</span> round void" not in text
    assert "not recorded</bdi>" not in text


@pytest.mark.thorough
def test_damaged_notes_of_what_went_wrong_are_said(troubled: Consortium, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder_of(troubled, "coordinator"), tmp_path / "copy"))
    (copy / "breaches" / "1.signed").write_bytes(b"no receipt")
    deployed.write(copy)
    assert "cannot be read" in (copy / "report.html").read_text("utf-8")
    next((copy / "quarantine").glob("*.json")).write_text("{}")
    with pytest.raises(StorageError, match="quarantine"):
        deployed.write(copy)
