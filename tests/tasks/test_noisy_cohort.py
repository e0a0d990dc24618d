"""A cohort table from noisy sums: no row moves them further than the noise covers, and each figure says how far noise moves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import simulator

from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.report import page
from cipherward.runs import exposure
from cipherward.simulation.simulate import RunResult, run_study
from cipherward.tasks import noisy_cohort
from cipherward.tasks.catalogue import begin
from cipherward.tasks.describe import Describe
from cipherward.tasks.noisy_cohort import SCALE

NOISY = {"enabled": True, "epsilon": 20.0, "delta": 1e-4}

value = st.one_of(st.none(), st.floats(-10, 10))
row = st.tuples(value, value, st.sampled_from(["A", "B", None]), st.integers(0, 1))
Row = tuple[float | None, float | None, str | None, int]


def counted(rows: list[Row]) -> dict[str, np.ndarray]:
    task = Describe(simulator.study(5, task="describe", settings={"bins": 8}, noise=NOISY))
    table = pl.DataFrame(
        {name: [r[i] for r in rows] for i, name in enumerate(("age", "dose", "ward"))},
        schema={"age": pl.Float64, "dose": pl.Float64, "ward": pl.String},
    )
    outcome = np.array([r[3] for r in rows], dtype=np.int8)
    data = HospitalData("clinic", table, outcome, np.zeros(len(rows), dtype=np.uint8))
    return task._counted(data, np.ones(len(rows), dtype=bool), 0)


@given(st.lists(row, max_size=20), st.lists(row, min_size=1, max_size=2))
@settings(deadline=None, max_examples=150)
def test_a_patients_rows_move_the_table_no_further_than_is_said(rows: list[Row], of_patient: list[Row]) -> None:
    without, with_patient = counted(rows), counted(rows + of_patient)
    moved = {name: with_patient[name] - without[name] for name in without}
    parts = noisy_cohort.sensitivity(2, 2, 8, 1, 6).parts
    assert {name for part in parts for name, _ in part.segments} == set(without)
    for part in parts:
        ((name, size),) = part.segments
        assert size == len(moved[name])
        left = moved[name] - sum(factor * moved[other] for other, factor in part.less)
        assert (np.abs(left) <= part.move * len(of_patient)).all(), name
        assert np.count_nonzero(left) <= part.entries * len(of_patient)


def test_noise_moves_figures_as_far_as_is_said_in_nineteen_of_twenty_tables() -> None:
    rng = np.random.default_rng(5)
    values = rng.beta(2.0, 5.0, 20_000)
    histogram = np.bincount((values * 64).astype(np.int64), minlength=64)
    exact = {"mean": values.mean(), "sd": values.std(), **dict(zip(("q1", "median", "q3"), np.quantile(values, (0.25, 0.5, 0.75)), strict=True))}  # fmt: skip
    sds = {"rows": 60.0, "present": 60.0, "sum": 60.0 * SCALE, "square": 15.0 * SCALE, "histogram": 60.0}
    inside = dict.fromkeys(exact, 0)
    widths = dict.fromkeys(exact, 0.0)
    n = 400
    for _ in range(n):
        count = len(values) + rng.normal(0, 60.0)
        total = values.sum() + rng.normal(0, 60.0) + (count - len(values)) / 2.0
        square = (values**2).sum() + rng.normal(0, 15.0) + (total - values.sum()) - (count - len(values)) / 8.0
        noisy = histogram + np.rint(rng.normal(0, 60.0, 64)).astype(np.int64)
        found = noisy_cohort.figures((round(count), round(total * SCALE), round(square * SCALE)), noisy, sds, 1)
        for name, true in exact.items():
            got, reach = found.values[name], found.noise[name]
            assert got is not None
            assert reach is not None
            inside[name] += abs(got - true) <= reach
            widths[name] = max(widths[name], reach)
    assert all(hits >= 0.92 * n for hits in inside.values()), inside
    assert widths["mean"] < 0.01
    assert widths["median"] < 0.15


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    chosen = simulator.study(5, task="describe", settings={"bins": 16}, noise=NOISY)
    return simulator.run(tmp_path_factory.mktemp("noisy"), chosen)


def test_every_figure_of_a_noisy_run_says_how_far_noise_may_move_it(noisy: RunResult) -> None:
    found, pooled = noisy.summary["columns"], noisy.summary["pooled"]["columns"]
    for name in ("age", "dose"):
        for own, exact in ((found[name]["all"], pooled[name]["all"]),):
            for figure in ("mean", "sd", "median"):
                assert own["noise"][figure] > 0.0
                assert abs(own[figure] - exact[figure]) <= 4.0 * own["noise"][figure]
    on_counts = noisy.summary["noise_on_counts"]
    assert set(on_counts) == {"rows", "missing", "categories"}
    assert abs(noisy.summary["rows"] - noisy.summary["pooled"]["rows"]) <= 4.0 * on_counts["rows"]
    table = (noisy.path / "cohort.csv").read_text()
    assert table.count("noise may move these by") == 2
    for what in on_counts:
        assert table.count(f"noise may move a count of {what} by") == 1
    page.write(noisy.path)
    assert "noise may move these by" in (noisy.path / "report.html").read_text("utf-8")


def test_noise_moves_other_quantiles_as_far_as_is_said(tmp_path: Path) -> None:
    sections: dict[str, Any] = {"noise": {"enabled": True, "epsilon": 8.0}, "settings": {"quantiles": [0.1, 0.9]}}
    chosen = simulator.study(3, task="describe", **sections)
    tables = simulator.write_tables(tmp_path / "tables", 3, rows=1500)
    result = run_study(chosen, base=tables, out=tmp_path / "run", device="cpu")
    ages, pooled = (found["columns"]["age"]["all"] for found in (result.summary, result.summary["pooled"]))
    for share in ("0.1", "0.9"):
        off = abs(ages["quantiles"][share] - pooled["quantiles"][share])
        assert off <= 3.0 * ages["noise"]["quantiles"][share]
    shown = (result.path / "cohort.csv").read_text()
    assert '"age, quantiles 0.1, 0.9"' in shown


def test_a_noisy_run_verifies_and_its_one_sum_is_charged(noisy: RunResult) -> None:
    assert simulator.holds(noisy.path)
    found = exposure.of_path(noisy.path)
    assert [bool(one.noise) for one in found.sums] == [True]
    assert found.budget[0].spent == pytest.approx(20.0, rel=0.01)


def test_a_simulation_of_few_rows_goes_without_noise_and_says_so(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, simulator.study(5, task="describe", noise={"enabled": None}))
    assert result.summary["warnings"] == [noisy_cohort.GIVEN_UP]
    assert "noise" not in result.summary["columns"]["age"]["all"]
    difference = result.summary["largest_difference"]
    assert difference["mean_sd"] < 1e-4
    assert difference["quartile"] < 1e-3
    assert difference["count"] == 0


def test_between_hospitals_too_few_rows_are_refused_with_both_ways_out() -> None:
    state = begin(simulator.study(5, task="describe", noise={"enabled": True, "noise_multiplier": 5.0}))
    sums = {segment.name: np.zeros(segment.size, dtype=np.int64) for segment in state.layout.segments}
    with pytest.raises(DataError, match="too few for noise") as refused:
        state.task.after(state.inner, sums, 5)
    assert "noise.enabled = false" in refused.value.hint
