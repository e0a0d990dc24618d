"""`start`, `stop` and `status` act through files: they work whether or not a service runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.consortium import consortium
from tests.consortium.consortium import document
from typer.testing import CliRunner, Result

from cipherward.cli import app
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.lock import only_one
from cipherward.errors import StudyError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("consortium")
    consortium.found(made, 3)
    return made


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_study_is_started_once_shown_and_stopped_without_a_service(folder: Path, tmp_path: Path) -> None:
    home = folder / "coordinator"
    file = tmp_path / "study.toml"
    file.write_text(document(3).to_toml())
    started = call("coordinator", "start", file, "--home", home)
    assert started.exit_code == 0, started.output
    (study,) = CoordinatorHome(home).study_folders()
    assert study.name in started.output
    assert "The service is not running" in started.output
    assert "From this study on, updates are weighed by the class" in started.output
    again = call("coordinator", "start", file, "--home", home)
    assert isinstance(again.exception, StudyError)
    assert "started before" in str(again.exception)
    stopped = call("coordinator", "stop", "tiny", "--reason", "enough", "--home", home)
    assert stopped.exit_code == 0
    assert (study / "stop").read_text() == "enough\n"
    file.write_text(document(3, name="second").to_toml())
    assert "From this study on" not in call("coordinator", "start", file, "--home", home).output
    unknown = call("coordinator", "stop", "nothing", "--home", home)
    assert isinstance(unknown.exception, StudyError)


def test_a_study_that_cannot_run_across_machines_is_refused_with_every_problem(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(document(4, aggregation={"scheme": "plain"}).to_toml())
    refused = call("coordinator", "start", file, "--home", folder / "coordinator")
    assert isinstance(refused.exception, StudyError)
    assert "plain" in str(refused.exception)
    assert "clinic-4" in str(refused.exception)


@pytest.mark.parametrize(("role", "name"), [("coordinator", "coordinator"), ("hospital", "clinic-1")])
def test_a_service_that_does_not_run_is_said_not_to(folder: Path, role: str, name: str) -> None:
    assert "Service: not running" in call(role, "status", "--home", folder / name).output
    assert json.loads(call(role, "status", "--json", "--home", folder / name).output)["running"] is False
    home = CoordinatorHome(folder / name) if role == "coordinator" else HospitalHome(folder / name)
    home.write_status({"running": True, "connected": True, "studies": [], "alarms": 2})  # then it was killed
    assert "Service: not running; last seen 20" in call(role, "status", "--home", folder / name).output
    assert json.loads(call(role, "status", "--json", "--home", folder / name).output)["running"] is False
    with only_one(home):
        shown = call(role, "status", "--home", folder / name).output
        assert "Service: running, connected" in shown
        assert "Alarms so far: 2" in shown
        home.write_status({"running": True, "time": "2020-01-01T00:00:00+00:00"})
        shown = call(role, "status", "--home", folder / name).output
        assert "Service: running, but silent since 2020-01-01" in shown


@pytest.mark.parametrize(("role", "name"), [("coordinator", "coordinator"), ("hospital", "clinic-1")])
def test_a_connection_through_which_nothing_passes_is_not_shown_as_if_all_were_well(
    folder: Path, role: str, name: str
) -> None:
    home = CoordinatorHome(folder / name) if role == "coordinator" else HospitalHome(folder / name)
    full = {"reason": "its disk is full", "since": 1.7e9}
    home.write_status(
        {
            "running": True,
            "connected": True,
            "troubles": {
                "letters to a": {"reason": "the mailbox does not answer", "since": 1.7e9 + 60},
                "letters from a": {"reason": "the mailbox does not answer", "since": 1.7e9 + 2},
                "the message server": full,
            },
        }
    )
    with only_one(home):
        assert call(role, "status", "--home", folder / name).output.splitlines()[:4] == [
            "Service: running, connected, but letters do not pass",
            "  letters to a, letters from a since 2023-11-14 22:13:22 UTC: the mailbox does not answer",
            "  the message server since 2023-11-14 22:13:20 UTC: its disk is full",
            "  Letters wait, nothing is lost; it is tried again by itself.",
        ]
        shown = json.loads(call(role, "status", "--json", "--home", folder / name).output)
        assert shown["troubles"]["the message server"] == full
        health = call(role, "health", "--home", folder / name)
        assert health.exit_code == 1
        assert "letters do not pass: its disk is full; the mailbox does not answer" in health.output
        home.write_status(
            {"running": True, "connected": False, "since": 1.7e9, "reason": "no route to host", "troubles": {}}
        )
        assert (
            call(role, "status", "--home", folder / name).output.splitlines()[0]
            == "Service: running, not connected since 2023-11-14 22:13:20 UTC: no route to host; it dials again by itself"
        )
