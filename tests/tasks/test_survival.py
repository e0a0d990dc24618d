"""Survival over all hospitals is that of all rows in one place, and no cell that is opened or shown is of too few rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.tasks.driven import finished

from cipherward.data.sources import load_hospitals
from cipherward.errors import CipherwardError, DataError, ProtocolError, StudyError, UnfitUpdateError
from cipherward.report import curves_chart, page
from cipherward.simulation.simulate import run_study
from cipherward.study import load_builtin
from cipherward.tasks.catalogue import begin
from cipherward.tasks.result_figures import Curve, Curves
from cipherward.tasks.survival_state import SurvivalState

REFERENCES = json.loads((Path(__file__).parent / "tcga_brca_references.json").read_text())
"""Of lifelines and statsmodels, see benchmarks/survival_references.py."""

COLUMNS: list[dict[str, Any]] = [
    {"name": "days", "kind": "numeric", "minimum": 0.0, "maximum": 100.0},
    {"name": "ward", "kind": "categorical", "categories": ["A", "B"]},
]
SURVIVAL: dict[str, Any] = {"task": "survival", "columns": COLUMNS, "settings": {"time": "days", "group": "ward"}}


def write_tables(folder: Path, n: int, rows: int = 300) -> Path:
    """One CSV file per hospital with days, ward and outcome: in ward B people die sooner."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(1, n + 1):
        rng = np.random.default_rng(index)
        ward = rng.integers(0, 2, rows)
        died, left = rng.exponential(60.0 - 20.0 * ward), rng.exponential(70.0, rows)
        lines = [f"{min(d, c):.2f},{'AB'[w]},{int(d <= c)}" for d, c, w in zip(died, left, ward, strict=True)]
        (folder / f"clinic-{index}.csv").write_text("\n".join(["days,ward,outcome", *lines]) + "\n")
    return folder


def floors_hold(before: list[Any], least: int) -> bool:
    """Of every sum by outcome that was asked: enough rows leave in each cell, and enough are at risk at its end."""
    found = False
    for state in (each.inner for each in before):
        assert isinstance(state, SurvivalState)
        if state.stage in ("coarse", "fine", "curve"):
            for curve in state.curves:
                for start, end in zip((0, *curve.ends[:-1]), curve.ends, strict=True):
                    found = True
                    assert int(curve.risk.leaving[start:end].sum()) >= least
                    assert curve.risk.after[end - 1] >= 2 * least
    return found


@pytest.mark.parametrize("settings", [{"group": ""}, {}, {"step": 60.0}, {"least": 5}])
def test_curves_are_those_of_pooled_rows_at_every_shown_point(tcga: Path, settings: dict[str, Any]) -> None:
    study = load_builtin("tcga-brca").with_overrides(noise={"enabled": False}, settings=settings)
    state, before = finished(study, load_hospitals(study, tcga, Path()))
    assert floors_hold(before, study.settings.get("least", 10))
    found = state.task.result(state.inner)
    assert sum(len(curve["points"]) for curve in found["curves"]) >= 4
    for curve in found["curves"]:
        known = REFERENCES["kaplan_meier"][curve["group"]]
        for point in curve["points"]:
            at = int(np.searchsorted(known["time"], point["time"], side="right")) - 1
            assert point["events"] >= study.settings.get("least", 10)
            assert abs(point["survival"] - known["survival"][at]) <= 0.002
            assert abs(point["low"] - known["low"][at]) <= 0.004
            assert abs(point["high"] - known["high"][at]) <= 0.004


@pytest.mark.parametrize(("least", "reference"), [(1, "log_rank_stage"), (10, "log_rank_ten_at_risk")])
def test_the_log_rank_test_is_that_of_pooled_rows_stratified_by_hospital(
    tcga: Path, least: int, reference: str
) -> None:
    study = load_builtin("tcga-brca").with_overrides(noise={"enabled": False}, settings={"least": least})
    state, _ = finished(study, load_hospitals(study, tcga, Path()))
    found = state.task.result(state.inner)["log_rank"]
    assert [found["chi_squared"], found["p_value"]] == pytest.approx(REFERENCES[reference], rel=1e-5)
    assert found["df"] == 3


def test_a_run_verifies_and_shows_its_curves(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", 3)
    study = simulator.study(3, **SURVIVAL)
    result = run_study(study, base=tables, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    found = result.summary
    assert found["largest_difference"] < 0.002
    assert found["log_rank"]["p_value"] < 0.001
    assert found["log_rank"]["beyond_expected"]["B"] > 0
    lines = (result.path / "survival.csv").read_text().splitlines()
    assert lines[0] == "group,days,at risk after,events,censored,survival,from (95%),to (95%)"
    assert (result.path / "log_rank.csv").exists()
    page.write(result.path)
    shown = (result.path / "report.html").read_text()
    assert "Log-rank test, stratified by hospital" in shown
    assert "Figure 1.1: Survival (Kaplan-Meier) over all hospitals" in shown
    (drawn,) = re.findall(r'<figure id="figure-1-1">.*?</figure>', shown, re.DOTALL)
    assert drawn.count('class="line ') >= 2
    assert drawn.count('<polygon class="band') == 2
    for curve in found["curves"]:
        assert f">{curve['rows']}</text>" in drawn  # at risk at the beginning
        assert f"<bdi>{curve['points'][0]['survival']:.3f}</bdi>" in drawn


def test_numbers_at_risk_in_a_figure_are_those_that_were_opened_and_none_beyond() -> None:
    curve = Curve("all", ((20.0, 0.8, 0.7, 0.9),), ((0.0, 100), (10.0, 60), (25.0, 30)))
    at = {time: curves_chart._left(curve, time) for time in (0.0, 9.9, 10.0, 24.0, 25.0, 25.1)}
    assert list(at.values()) == ["100", "100", "60", "60", "30", "–"]
    assert curves_chart._left(Curve("none", ()), 0.0) == "–"


def test_more_curves_than_can_be_told_apart_are_said_to_be_in_the_table() -> None:
    many = tuple(Curve(f"group {k}", ((5.0, 0.9, 0.8, 1.0),)) for k in range(11))
    found = curves_chart.figure("1.1", Curves("t", "Bands.", "days", "survival", many, "at risk", "survival.csv"))
    assert found.shows == "Bands. 3 more curves are in the table only."
    assert len(found.legend) == 8
    assert len(found.data.rows) == 11
    empty = curves_chart.figure("1.1", Curves("t", "Bands.", "days", "survival", (Curve("a", ()),), "at risk", "s.csv"))
    assert empty.chart is None


def test_few_groups_are_merged_and_few_rows_refused(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", 3)
    columns = [COLUMNS[0], {"name": "ward", "kind": "categorical", "categories": ["A", "C", "B"]}]
    study = simulator.study(3, **SURVIVAL | {"columns": columns})
    state, _ = finished(study, load_hospitals(study, None, tables))
    found = state.task.result(state.inner)
    assert [curve["group"] for curve in found["curves"]] == ["A", "B"]
    assert found["categories_merged"] == {"ward": {"C": "B"}}
    few = simulator.study(3, **SURVIVAL | {"settings": {"time": "days", "least": 400}})
    with pytest.raises(DataError, match="are at risk when 400"):
        finished(few, load_hospitals(few, None, tables))


def test_a_hospital_counts_no_smaller_cells_by_outcome_than_its_policy_says(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", 3)
    study = simulator.study(3, **SURVIVAL | {"settings": {"time": "days", "least": 5}})
    hospitals = load_hospitals(study, None, tables)
    with pytest.raises(UnfitUpdateError, match=r"settings\.least is 5"):
        finished(study, hospitals, cell_min=10)
    assert finished(study, hospitals, cell_min=5)


def test_noise_moves_the_cells_and_no_point_of_the_curve(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", 3, rows=1500)
    settings = {"time": "days"}
    study = simulator.study(
        3, **SURVIVAL | {"settings": settings}, noise={"enabled": True}, aggregation={"scheme": "plain"}
    )
    found = run_study(study, base=tables, out=tmp_path / "run", device="cpu").summary
    assert found["noise"]
    assert found["rows"] == 4500
    assert len(found["curves"][0]["points"]) > 20
    assert found["largest_difference"] < 0.002


def test_sums_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", 3)
    study = simulator.study(3, **SURVIVAL)
    _, before = finished(study, load_hospitals(study, None, tables))
    zeros = [{part.name: np.zeros(part.size, np.int64) for part in state.layout.segments} for state in before]
    with pytest.raises(ProtocolError, match="contradict"):
        before[1].after(zeros[1], 3)
    full = zeros[1] | {"leaving": zeros[1]["leaving"] + 500, "rows": np.array([900, 900, 450, 450])}
    with pytest.raises(ProtocolError, match="leave"):
        before[1].after(full, 3)
    with pytest.raises(ProtocolError, match="events"):
        before[2].after({"events": zeros[2]["events"] + 5000}, 3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "time"),
        ({"time": "ward"}, "numeric"),
        ({"time": "days", "group": "days"}, "categorical"),
        ({"time": "days", "step": 60.0}, "step"),
        ({"time": "days", "bins": 3}, "bins"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        begin(simulator.study(3, **SURVIVAL | {"settings": settings}))


def test_too_few_rows_for_the_noise_that_a_study_asks_for_are_refused(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tables", 3, rows=40)
    study = simulator.study(3, **SURVIVAL, noise={"enabled": True})
    with pytest.raises(CipherwardError, match="are needed"):
        run_study(study, base=tables, out=tmp_path / "run", device="cpu")


@pytest.mark.thorough
def test_the_built_in_study_runs_encrypted_and_verifies(tcga: Path, tmp_path: Path) -> None:
    result = run_study(load_builtin("tcga-brca"), data=tcga, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    assert result.summary["largest_difference"] <= 0.002
    assert result.summary["log_rank"]["p_value"] == pytest.approx(REFERENCES["log_rank_ten_at_risk"][1], rel=1e-5)


@pytest.mark.thorough
def test_real_hospitals_draw_curves_together(tmp_path: Path) -> None:
    four = Consortium(tmp_path, 4)
    try:
        folder = four.start(
            document(
                4,
                task="survival",
                settings={"time": "dose"},
                columns=[{"name": "dose", "kind": "numeric", "minimum": 0.0, "maximum": 8.0}],
            )
        )
        four.approve()
        four.pump()
        assert four.status()["phase"] == "finished"
        assert simulator.holds(folder)
        assert (folder / "survival.csv").exists()
    finally:
        four.close()
