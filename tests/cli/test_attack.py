"""`cipherward attack` as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.attacks.coin import Coin
from typer.testing import CliRunner

from cipherward import study as study_document
from cipherward.attacks import catalogue
from cipherward.attacks.attack import Part
from cipherward.cli import app


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "ATTACKS", {"coin": Coin})
    cohort = {"n_hospitals": 3, "encounters_per_hospital": 200}
    document = study_document.load_builtin("readmission").with_overrides(data={"cohort": cohort})
    path = tmp_path / "study.toml"
    path.write_text(document.to_toml())
    return path


def test_people_read_the_numbers_with_their_intervals_and_where_the_report_is(study: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["attack", str(study), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "share guessed right: 0." in done.output
    assert "wanted: at most 1" in done.output
    assert (tmp_path / "out" / "report.html").exists()
    again = CliRunner().invoke(app, ["attack", str(study), "--out", str(tmp_path / "out")])
    assert "done before" in again.output
    (tmp_path / "out" / "report.html").unlink()
    assert CliRunner().invoke(app, ["report", str(tmp_path / "out")]).exit_code == 0
    assert (tmp_path / "out" / "report.html").exists()


def test_programs_read_one_json_document(study: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["attack", str(study), "--json", "--out", str(tmp_path / "out")])
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "attacks.json").read_text())


def test_an_attack_that_there_is_not_ends_with_an_error(study: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["attack", str(study), "--attacks", "heist", "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert not (tmp_path / "out").exists()


class Rare(Coin):
    name = "rare"
    parts = (Part("with a rare tool", "rare", ("a_rare_tool",)),)


def test_what_cannot_be_run_here_is_said_first_with_what_to_install(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "ATTACKS", {"rare": Rare})
    done = CliRunner().invoke(app, ["attack", str(study), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    said = done.output.index("rare is not run with a rare tool: needs a-rare-tool, which is not installed")
    assert "cipherward[rare]" in done.output
    assert said < done.output.index("1 of 1")
