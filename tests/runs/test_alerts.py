from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests import simulator
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.errors import DataError
from cipherward.runs import alerts
from cipherward.runs.prediction import Predictions


def opened(folder: Path, groups: list[tuple[float, float, int]]) -> Path:
    rows = [{"mean_predicted": p, "observed_rate": rate, "n": n} for p, rate, n in groups]
    (folder / "result.json").write_text(json.dumps({"federated": {"n_positive": 1, "calibration": rows}}))
    return folder


def test_a_threshold_lies_between_two_groups_and_says_what_is_above_it(tmp_path: Path) -> None:
    run = opened(tmp_path, [(0.1, 0.0, 50), (0.3, 0.2, 30), (0.7, 0.8, 20)])
    found = alerts.threshold_of(run, 2)
    assert (found.risk, found.share, found.precision) == pytest.approx((0.5, 0.2, 0.8))
    assert found.sensitivity == pytest.approx(16 / 22)
    assert alerts.threshold_of(run, 5).risk == pytest.approx(0.2)


def test_the_studys_own_threshold_comes_first_and_says_where_it_is_from(tmp_path: Path) -> None:
    run = opened(tmp_path, [(0.1, 0.0, 50), (0.7, 0.8, 50)])
    document = json.loads((run / "result.json").read_text())
    measured = {"rows": 200, "positive": 50, "sensitivity": 0.6, "specificity": 0.9}
    document["worth"] = {"threshold": 0.25, "alerts": 0.2, "everybody": measured}
    (run / "result.json").write_text(json.dumps(document))
    found = alerts.threshold_of(run)
    assert (found.risk, found.share, found.sensitivity) == pytest.approx((0.25, 45 / 200, 0.6))
    assert found.precision == pytest.approx(30 / 45)
    assert "which 20% of the validation rows reach" in found.words
    assert alerts.threshold_of(run, 5).risk == pytest.approx(0.4)
    document["worth"]["everybody"] = {"rows": 15}
    (run / "result.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="too few test rows"):
        alerts.threshold_of(run)


@pytest.mark.parametrize(
    "text", ["{}", '{"federated": {"kappa": 0.3}}', '{"federated": {"n_positive": 1, "calibration": [1, 2]}}']
)
def test_a_run_without_groups_by_risk_gives_no_threshold(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(DataError):
        alerts.threshold_of(tmp_path, 1)


def test_alerts_are_shown_by_patient_and_day() -> None:
    rows, risk = np.arange(1, 5), np.array([0.2, 0.9, 0.5, 0.1])
    found = Predictions(
        rows, risk, ("probability",), [(str(r),) for r in risk], ("",) * 4, "patient", ("a", "a", "b", "b")
    )
    threshold = alerts.Threshold(0.5, 0.1, 0.5, 0.5)
    days = ("mon", "tue", "mon", "wed")
    assert alerts.by_patient_and_day(found, days, threshold) == [("a", ".! "), ("b", "! .")]
    lines = alerts.to_csv(found, days, threshold).splitlines()
    assert lines[0] == "row,patient,day,probability,alert,assumed"
    assert [line.split(",")[4] for line in lines[1:]] == ["0", "1", "1", "0"]


def test_the_command_says_who_is_above_the_threshold(tmp_path: Path) -> None:
    path = simulator.run(tmp_path, simulator.study(5, aggregation={"scheme": "plain"})).path
    table = pl.read_csv(tmp_path / "tables" / "clinic-1.csv").with_columns(
        patient=pl.int_range(pl.len()) // 10, day=pl.int_range(pl.len()) % 10
    )
    table.write_csv(tmp_path / "new.csv")
    out = tmp_path / "alerts.csv"
    wanted = ["alert", str(path), str(tmp_path / "new.csv"), "--id", "patient", "--day", "day", "--out", str(out)]
    done = CliRunner().invoke(app, wanted)
    assert done.exit_code == 0, done.output
    written = pl.read_csv(out)
    assert f"{written['alert'].sum()} alert(s) in 90 row(s)" in done.output
    assert 0 < written["alert"].sum() < 45
    assert done.output.count("!") == written["alert"].sum() + 1
    refused = CliRunner().invoke(app, ["alert", str(path), str(tmp_path / "new.csv"), "--day", "day"])
    assert isinstance(refused.exception, DataError)


def test_a_ward_is_written_once_and_fits_the_study_of_wearables(tmp_path: Path) -> None:
    from cipherward.data.sources import load_table_for_prediction
    from cipherward.study import load_builtin

    path = tmp_path / "ward.parquet"
    wanted = ["data", "ward", str(path), "--patients", "2", "--days", "3"]
    assert CliRunner().invoke(app, wanted).exit_code == 0
    _, found = load_table_for_prediction(path, load_builtin("wearables").columns)
    assert found.table.height == 6
    assert found.table["steps"].to_numpy().shape == (6, 168)
    assert CliRunner().invoke(app, wanted).exit_code != 0
