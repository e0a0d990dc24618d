"""Rare categories of a run: nothing is learned or shown of them alone, by counts that carry the study's noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests import simulator

from cipherward.cli import telling
from cipherward.data.preprocess import Preprocessor
from cipherward.report import page
from cipherward.report.facts import gather
from cipherward.runs import exposure, verify
from cipherward.runs.prediction import predict_rows
from cipherward.simulation.simulate import RunResult, run_study

COLUMNS = [
    {"name": "age", "kind": "numeric", "minimum": -8.0, "maximum": 8.0},
    {"name": "ward", "kind": "categorical", "categories": ["A", "B", "C", "D"]},
]
NOISE = {"enabled": True, "epsilon": 20.0, "delta": 1e-4}


def run(tmp_path: Path, **sections: Any) -> RunResult:
    """One hospital alone has wards C (3 patients) and D (90)."""
    base = simulator.write_tables(tmp_path / "tables", 5)
    path = base / "clinic-5.csv"
    table = pl.read_csv(path)
    ward = ["C"] * 3 + ["D"] * 90 + table["ward"].to_list()[93:]
    table.with_columns(pl.Series("ward", ward)).write_csv(path)
    chosen = simulator.study(5, columns=COLUMNS, **sections)
    return run_study(chosen, base=base, out=tmp_path / "run", device="cpu")


@pytest.mark.parametrize("noise", [{"enabled": False}, NOISE], ids=["exact", "noisy"])
def test_a_category_that_few_have_is_merged_and_nothing_is_learned_of_it(tmp_path: Path, noise: dict[str, Any]) -> None:
    result = run(tmp_path, training={"rounds": 2, "learning_rate": 0.5}, noise=noise)
    merged = result.summary["categories_merged"]["ward"]
    assert "C" in merged
    assert set(merged.values()) <= {"B", "D"}
    last = simulator.replayed(result.path)
    assert last.model is not None
    assert isinstance(last.model.scaling, Preprocessor)
    features = last.model.scaling.feature_names
    weights = simulator.weights(result.path)
    first = verify.open_run(result.path).first.model
    assert first is not None
    place = features.index("ward = C")
    assert weights[place] == first.weights[place]
    assert weights[features.index("age")] != first.weights[features.index("age")]
    assert simulator.holds(result.path)
    found = gather(result.path)
    assert found.model is not None
    assert isinstance(found.model.preprocessor, Preprocessor)
    # No age is missing: the counts differ by their noise alone, ten standard deviations at most.
    assert abs(found.present[0] - found.model.preprocessor.n_rows) <= 5.1 * found.off
    assert bool(found.off) is bool(noise["enabled"])
    into = merged["C"]
    (tmp_path / "one.csv").write_text("age,ward\n1.0,C\n1.0,A\n")
    assumed = predict_rows(result.path, tmp_path / "one.csv").assumed
    assert assumed == (f"ward 'C' had few patients, counts as {into!r}", "")
    assert any(f"have 'C': counts as {into!r}" in line for line in telling.reshaped(result.summary))
    page.write(result.path)
    assert f"C (few: counts as {into}" in (result.path / page.NAME).read_text().replace("&#39;", "")


def test_the_counts_behind_it_are_charged_with_the_statistics(tmp_path: Path) -> None:
    result = run(tmp_path, training={"rounds": 1}, noise=NOISE)
    found = exposure.of_path(result.path)
    assert [bool(one.noise) for one in found.sums][:2] == [True, False]
    assert found.budget[0].spent == pytest.approx(20.0, rel=0.01)


def test_a_noisy_description_shows_them_as_one(tmp_path: Path) -> None:
    result = run(tmp_path, task="describe", settings={"bins": 16}, noise=NOISE)
    ward = result.summary["columns"]["ward"]
    into = ward["merged"]["C"]
    assert into in {"B", "D"}
    assert "C" not in ward["all"]["counts"]
    if ward["merged"] == {"C": "D"}:
        assert ward["all"]["counts"]["D"] == pytest.approx(93, abs=80)
    shown = " ".join(" ".join(row) for table in result.tables for row in table.rows)
    assert f"{into} ({', '.join(ward['merged'])})" in shown
    page.write(result.path)
    assert simulator.holds(result.path)
