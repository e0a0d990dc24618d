"""The example study runs on tables that its extract makes from FHIR exports."""

from __future__ import annotations

import json
import random
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests import public_data
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.data.fhir.readmission import COLUMNS
from cipherward.study import load

pytest.importorskip("fhirpathpy")

EXAMPLE = Path(__file__).parents[2] / "examples" / "fhir"


def write_export(folder: Path, seed: int, n_patients: int = 150) -> None:
    """Patients with some stays each; who has many diagnoses comes back sooner."""
    draw = random.Random(seed)
    folder.mkdir(parents=True)
    with (folder / "Encounter.ndjson").open("w") as encounters, (folder / "Patient.ndjson").open("w") as patients:
        for number in range(n_patients):
            born = date(1930, 1, 1) + timedelta(days=draw.randrange(20_000))
            person = {"id": f"p{number}", "gender": draw.choice(["female", "male"]), "birthDate": born.isoformat()}
            patients.write(json.dumps({"resourceType": "Patient", **person}) + "\n")
            day = date(2020, 1, 1) + timedelta(days=draw.randrange(300))
            for stay in range(draw.randrange(1, 5)):
                end = day + timedelta(days=draw.randrange(1, 12))
                period = {"start": f"{day}T08:00:00+01:00", "end": f"{end}T16:00:00+01:00"}
                encounter = {
                    "id": f"e{number}-{stay}",
                    "status": "finished",
                    "class": {"code": "IMP"},
                    "period": period,
                }
                encounter["subject"] = {"reference": f"Patient/p{number}"}
                encounters.write(json.dumps({"resourceType": "Encounter", **encounter}) + "\n")
                day = end + timedelta(days=draw.randrange(5, 90))


def test_the_study_asks_for_columns_that_the_extract_makes() -> None:
    study = load(EXAMPLE / "study.toml")
    asked = {column.name for column in study.columns} | {study.data.outcome, study.data.patient_column}
    assert asked <= set(COLUMNS)


def test_the_study_runs(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "study.toml", tmp_path)
    for seed, name in enumerate(("north", "south", "west")):
        write_export(tmp_path / name / "export", seed)
        shutil.copy(EXAMPLE / "readmission.toml", tmp_path / name)
    out = tmp_path / "run"
    done = CliRunner().invoke(app, ["run", str(tmp_path / "study.toml"), "--out", str(out), "--rounds", "3"])
    assert done.exit_code == 0, done.output
    result = json.loads((out / "result.json").read_text())
    assert result["federated"]["auroc"] > 0


def test_data_draft_and_data_check_count_the_public_sample(tmp_path: Path) -> None:
    sample = public_data.found("fhir_synthea/bulk10")
    table, drafted = tmp_path / "readmission.toml", tmp_path / "drafted.toml"
    table.write_text((EXAMPLE / "readmission.toml").read_text().replace('"export"', f'"{sample}"'))
    words = ["data", "draft", str(table), "--out", str(drafted)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "49 inpatient stays of 5 patients, 12 followed by another within 30 days" in done.output
    for study in (drafted, EXAMPLE / "study.toml"):
        done = CliRunner().invoke(app, ["data", "check", str(table), "--study", str(study)])
        assert done.exit_code == 0, done.output
        assert "49 rows of 5 patients; 12 with the outcome" in done.output
