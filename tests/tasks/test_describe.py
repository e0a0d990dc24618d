"""The cohort table over all hospitals is that of all rows in one place, and shows no small count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests import simulator
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document
from tests.tasks.driven import finished

from cipherward.data.small_counts import hidden
from cipherward.data.sources import load_hospitals
from cipherward.errors import ProtocolError, StudyError
from cipherward.runs.result import findings
from cipherward.simulation.simulate import RunResult
from cipherward.tasks import cohort_table, describe
from cipherward.tasks.catalogue import begin
from cipherward.tasks.describe import Describe, DescribeState
from cipherward.tasks.quantiles import Histograms, is_shown, quantiles, refined, wanted_bins
from cipherward.tasks.task import Question


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return simulator.run(tmp_path_factory.mktemp("described"), simulator.study(5, task="describe"))


def test_it_is_what_pooled_rows_give(described: RunResult) -> None:
    found = described.summary["largest_difference"]
    assert found["mean_sd"] < 1e-5
    assert found["quartile"] <= 1 / 64**2
    assert found["count"] == 0
    assert described.summary["rows"] == sum(described.summary["groups"].values())


def test_a_table_with_a_hidden_count_has_no_test_that_would_tell_it() -> None:
    shown = cohort_table.categories(np.array([[50, 20, 0], [40, 30, 0]]), ("a", "b"), 10)
    assert None not in shown["compared"].values()
    told = cohort_table.categories(np.array([[50, 2, 0], [40, 30, 0]]), ("a", "b"), 10)
    assert None in told["groups"]["negative"]["counts"].values()
    assert set(told["compared"].values()) == {None}


def test_it_verifies_and_names_what_left(described: RunResult) -> None:
    assert simulator.holds(described.path)
    assert simulator.replayed(described.path).question is None


@given(
    st.lists(st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=60),
    st.integers(1, 4),
    st.sampled_from([8, 64]),
    st.integers(0, 2**32),
)
@settings(max_examples=200)
def test_quartiles_from_histograms_are_numpy_s_within_one_small_bin(
    values: list[float], n_hospitals: int, bins: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, groups = np.array(values, dtype=np.float64), rng.integers(0, 2, len(values))
    at = rng.integers(0, n_hospitals, len(values))
    histograms = np.zeros((1, 2, bins), dtype=np.int64)
    for value, group in zip(x, groups, strict=True):
        histograms[0, group, min(int(value * bins), bins - 1)] += 1
    wanted = wanted_bins(histograms)
    fine = sum((refined([x[at == i]], groups[at == i], wanted, bins) for i in range(n_hospitals)), np.int64(0))
    found = quantiles(histograms, np.asarray(fine), bins)
    for subset, rows in enumerate((np.ones(len(x), dtype=bool), groups == 0, groups == 1)):
        if rows.any():
            exact = np.quantile(x[rows], (0.25, 0.5, 0.75))
            assert np.abs(found[0, subset] - exact).max() <= 1 / bins**2 + 1e-12
        else:
            assert np.isnan(found[0, subset]).all()


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_small_count_follows_from_the_others_by_one_subtraction(groups: list[list[int]]) -> None:
    table = np.array([[sum(cell) for cell in zip(*groups, strict=True)], *groups], dtype=np.int64)
    out = hidden(table)
    assert out[(table > 0) & (table < 10)].all()
    for line, gone in [*zip(table, out, strict=True), *zip(table.T, out.T, strict=True)]:
        if gone.sum() == 1:
            assert not (~gone & (line > 0)).any()


def test_sums_that_contradict_each_other_are_refused(described: RunResult) -> None:
    state = begin(simulator.study(5, task="describe"))
    sums = {segment.name: np.zeros(segment.size, dtype=np.int64) for segment in state.layout.segments}
    with pytest.raises(ProtocolError, match="no rows"):
        state.after(sums, 5)
    with pytest.raises(ProtocolError, match="contradict"):
        state.after(sums | {"rows": np.array([40, 40]), "present": sums["present"] + 50}, 5)


def test_the_command_prints_the_table_and_json_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 5)
    text = simulator.study(5).to_toml()
    (tables / "study.toml").write_text(text)
    code, out, err = call(capsys, "cohort", tables / "study.toml", "--out", tmp_path / "out")
    assert code == 0, err
    assert "age, median (q1 to q3)" in out
    assert (tmp_path / "out" / "cohort.csv").exists()
    assert "The cohort over all hospitals" in (tmp_path / "out" / "report.html").read_text()
    _, out, _ = call(capsys, "cohort", tables / "study.toml", "--out", tmp_path / "again", "--json")
    found: dict[str, Any] = json.loads(out)
    assert set(found) == {"rows", "groups", "columns"}
    assert set(found["columns"]["age"]["all"]) == {"missing", "mean", "sd", "q1", "median", "q3"}
    assert set(found["columns"]["ward"]["groups"]["positive"]) == {"missing", "counts"}


def test_real_hospitals_describe_their_patients_together(tmp_path: Path) -> None:
    four = Consortium(tmp_path, 4)
    try:
        folder = four.start(document(4, task="describe"))
        four.approve()
        four.pump()
        assert four.status()["phase"] == "finished"
        assert simulator.holds(folder)
        assert (folder / "cohort.csv").exists()
    finally:
        four.close()


OTHERS = (0.05, 0.5, 0.95, 0.999)


def test_other_quantiles_are_those_of_pooled_rows_within_one_bin_and_hidden_where_few_rows_lie_beyond(
    tmp_path: Path,
) -> None:
    found = simulator.run(tmp_path, simulator.study(5, task="describe", settings={"quantiles": list(OTHERS)}))
    assert simulator.holds(found.path)
    summary = found.summary
    assert summary["largest_difference"]["quartile"] <= 1 / 64**2
    ages = summary["columns"]["age"]
    pooled = summary["pooled"]["columns"]["age"]
    for part, exact in ((ages["all"], pooled["all"]), (ages["groups"]["positive"], pooled["groups"]["positive"])):
        assert list(part["quantiles"]) == ["0.05", "0.95", "0.999"]
        assert [value is None for value in part["quantiles"].values()] == [False, False, True]  # n x 0.001 is below 2.5
        assert part["quantiles"]["0.05"] == pytest.approx(exact["quantiles"]["0.05"], abs=16 / 64**2)
        assert part["quantiles"]["0.05"] < part["q1"] < part["q3"] < part["quantiles"]["0.95"]
    csv = (found.path / "cohort.csv").read_text()
    assert '"age, quantiles 0.05, 0.95, 0.999"' in csv
    assert "; –" in csv


@pytest.mark.parametrize(
    ("share", "n", "shown"),
    [(0.25, 10, True), (0.25, 9, False), (0.05, 50, True), (0.95, 49, False), (0.1, 25, True), (0.9, 25, True)],
)
def test_a_quantile_is_shown_where_as_many_rows_lie_beyond_as_beyond_a_quartile(
    share: float, n: int, shown: bool
) -> None:
    assert is_shown(share, n, 10) is shown


def test_a_study_that_asks_for_quartiles_only_asks_as_before() -> None:
    plain = begin(simulator.study(5, task="describe")).asked
    assert b"quantiles" not in plain.parameters
    more = begin(simulator.study(5, task="describe", settings={"quantiles": [0.1]})).asked
    assert b'"quantiles":[0.25,0.5,0.75,0.1]' in more.parameters
    assert more.layout == plain.layout  # what differs is asked by the second sum
    (_, (asked, _)) = begin(simulator.study(5, task="describe", settings={"quantiles": [0.95, 0.1]})).task.plan()
    assert asked.title == "Quartiles, and quantiles 0.1, 0.95, of every numeric column"
    same = begin(simulator.study(5, task="describe", settings={"quantiles": [0.5]})).task
    (_, (fine, _)), (_, (few, _)) = begin(simulator.study(5, task="describe")).task.plan(), same.plan()
    assert fine.layout == few.layout


@pytest.mark.parametrize("share", [0.0, 1.0, 25.0])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(StudyError, match="quantiles"):
        begin(simulator.study(5, task="describe", settings={"quantiles": [share]}))


def test_a_column_is_worked_out_from_its_own_histograms_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = simulator.study(4, task="describe")
    state, _ = finished(chosen, load_hospitals(chosen, None, simulator.write_tables(tmp_path, 4)))
    columns: list[int] = []

    def counted(histograms: Histograms, *rest: Any) -> NDArray[np.float64]:
        columns.append(len(histograms))
        return quantiles(histograms, *rest)

    monkeypatch.setattr(describe, "quantiles", counted)
    assert findings(state) == findings(state)
    assert columns == [1, 1]  # age and dose, once


def test_noise_is_worked_out_once_for_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = {"enabled": True, "epsilon": 20.0, "delta": 1e-4, "noise_multiplier": 1.0}
    state = begin(simulator.study(5, task="describe", noise=noise))
    sums = {segment.name: np.full(segment.size, 5_000) for segment in state.layout.segments}
    asked, ask = [], Describe.ask

    def counted(task: Describe, at: DescribeState) -> Question | None:
        asked.append(at)
        return ask(task, at)

    monkeypatch.setattr(Describe, "ask", counted)
    state.task.result(DescribeState(sums, n_contributors=5))
    assert len(asked) == 1
