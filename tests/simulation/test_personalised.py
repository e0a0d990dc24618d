"""After a run: each hospital's own model, its figures in the report, and nothing of it anywhere else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests import simulator
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.errors import CipherwardError, StudyError, TableError
from cipherward.runs import modelfile, personal_file
from cipherward.runs.prediction import predict
from cipherward.simulation.personalised import personalise_run


def tables(folder: Path) -> Path:
    """Three hospitals; at the last one, the doses of a drug work the other way."""
    folder.mkdir()
    for index in (1, 2, 3):
        rng = np.random.default_rng(index)
        x, ward = rng.normal(0, 1, (400, 2)), rng.integers(0, 2, 400)
        logit = 1.5 * x[:, 0] + (2.0 if index == 3 else -2.0) * x[:, 1]
        outcome = rng.random(400) < 1 / (1 + np.exp(-logit))
        lines = [f"{a:.4f},{d:.4f},{'AB'[w]},{int(o)}" for (a, d), w, o in zip(x, ward, outcome, strict=True)]
        (folder / f"clinic-{index}.csv").write_text("\n".join(["age,dose,ward,outcome", *lines]) + "\n")
    return folder


def test_each_hospital_moves_the_model_as_far_as_its_own_rows_bear_and_the_report_has_it(tmp_path: Path) -> None:
    from cipherward.simulation.simulate import run_study

    base = tables(tmp_path / "tables")
    study = simulator.study(3, data={"validation_fraction": 0.2}, aggregation={"scheme": "plain"})
    path = run_study(study, base=base, out=tmp_path / "run", device="cpu").path
    before = (path / "model.safetensors").read_bytes()
    done = CliRunner().invoke(app, ["personalise", str(path), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    last = found[2]
    assert last["share"] == 1.0
    assert last["auroc"]["personal"] > last["auroc"]["shared"] + 0.1
    assert [each.name for each in personal_file.read(path / "personalised.json")] == [
        "clinic-1",
        "clinic-2",
        "clinic-3",
    ]
    report = (path / "report.html").read_text()
    assert "The shared model and each hospital&#39;s own" in report
    assert f"{last['auroc']['personal']:.3f}" in report
    own = path / "hospitals" / "3" / personal_file.MODEL
    assert modelfile.load(own).groups == modelfile.load(path / "model.safetensors").groups
    assert np.ptp(predict(own, base / "clinic-3.csv") - predict(path, base / "clinic-3.csv")) > 0.2
    assert (path / "model.safetensors").read_bytes() == before
    assert simulator.holds(path)
    said = CliRunner().invoke(app, ["personalise", str(path)]).stdout
    assert "clinic-3: moved 100% of the way to its own rows; AUROC on its own test rows" in said
    (base / "clinic-2.csv").write_text((base / "clinic-1.csv").read_text())
    with pytest.raises(TableError, match="clinic-2 is not the one"):
        personalise_run(path)


def test_small_hospitals_keep_the_shared_model_and_no_small_figure_is_shown(tmp_path: Path) -> None:
    path = simulator.run(tmp_path, simulator.study(3, aggregation={"scheme": "plain"})).path
    for each in personalise_run(path):
        assert each.share == 0
        assert "fewer than 10 validation rows" in each.why_not
        assert "fewer than 10 own test rows" in each.hidden
        assert each.auroc == {}
    (path / "personalised.json").write_text('{"hospitals": [{"name": 1}]}')
    with pytest.raises(CipherwardError, match=r"personalised\.json is damaged"):
        personal_file.read(path / "personalised.json")


def test_a_folder_without_a_final_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CipherwardError, match="not a run directory"):
        personalise_run(tmp_path)
    simulator.run(tmp_path, simulator.study(3, task="describe", model={}, training={}))
    with pytest.raises(StudyError, match="no final model"):
        personalise_run(tmp_path / "run")
