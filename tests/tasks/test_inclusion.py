"""A cohort table compares its groups, and says which rules its rows keep and whom they exclude."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests import simulator
from tests.tasks.driven import finished

from cipherward.data.sources import load_hospitals
from cipherward.errors import StudyError
from cipherward.report import flow_chart, page
from cipherward.simulation.simulate import run_study
from cipherward.study import Study
from cipherward.tasks import catalogue, cohort_table, inclusion
from cipherward.tasks.catalogue import begin
from cipherward.tasks.result_figures import Step, Steps

RULES: list[dict[str, Any]] = [
    {"column": "age", "minimum": 0.0, "maximum": 2.0},
    {"column": "ward", "categories": ["A"]},
]
NOISE: dict[str, Any] = {"enabled": True, "epsilon": 40.0, "delta": 1e-5}


def study(**more: Any) -> Study:
    return simulator.study(4, **({"task": "describe", "settings": {"include": RULES}, "noise": NOISE} | more))


def test_groups_are_compared_as_their_rows_are(tmp_path: Path) -> None:
    from scipy import stats

    chosen = simulator.study(4, task="describe")
    hospitals = load_hospitals(chosen, None, simulator.write_tables(tmp_path, 4))
    state, _ = finished(chosen, hospitals)
    found = state.task.result(state.inner)
    rows = pl.concat([each.table.with_columns(outcome=pl.Series(each.outcome)) for each in hospitals])
    without, having = (rows.filter(pl.col("outcome") == side) for side in (0, 1))
    compared = found["columns"]["age"]["compared"]
    test = stats.ttest_ind(having["age"].to_numpy(), without["age"].to_numpy(), equal_var=False)
    assert compared["p_value"] == pytest.approx(test.pvalue, rel=1e-3)
    counts = np.array([[(side["ward"] == name).sum() for name in "AB"] for side in (without, having)])
    of_wards = found["columns"]["ward"]["compared"]
    assert of_wards["p_value"] == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue, rel=1e-4)
    tables = {each.name: each for each in state.task.tables(found)}
    assert tables["cohort"].header[-2:] == ("standardised difference", "p")
    assert all(len(line) == 6 for line in tables["cohort"].rows)
    assert [line[0] for line in tables["missing"].rows] == ["age", "dose", "ward"]


def test_a_table_with_a_cell_that_is_not_shown_has_no_test() -> None:
    counts = np.array([[40, 3, 0], [30, 25, 0]], dtype=np.int64)
    assert cohort_table.categories(counts, ("A", "B"), 10)["compared"] == {"difference": None, "p_value": None}
    assert cohort_table.categories(counts, ("A", "B"), 1)["compared"]["p_value"] < 0.01


def test_missing_values_are_counted_and_compared_by_column(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4)
    for path in tables.glob("*.csv"):
        header, *lines = path.read_text().splitlines()
        gone = ["," + line.split(",", 1)[1] if k < 15 else line for k, line in enumerate(lines)]
        path.write_text("\n".join([header, *gone]) + "\n")
    chosen = simulator.study(4, task="describe")
    state, _ = finished(chosen, load_hospitals(chosen, None, tables))
    found = state.task.result(state.inner)
    (table,) = [each for each in state.task.tables(found) if each.name == "missing"]
    assert found["columns"]["age"]["all"]["missing"] == 60
    assert table.rows[0][:2] == ("age", f"60 ({60 / found['rows']:.1%})")


def test_rules_are_counted_one_after_another_within_the_noise_and_verify(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=3000)
    result = run_study(study(), base=tables, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    rows = pl.concat([pl.read_csv(path) for path in sorted(tables.glob("*.csv"))])
    exact = [rows.height]
    rows = rows.filter(pl.col("age").is_between(0.0, 2.0))
    exact.append(rows.height)
    exact.append(rows.filter(pl.col("ward") == "A").height)
    flow = result.summary["flow"]
    assert [each["step"] for each in flow] == ["rows", "age is at least 0 and at most 2", "ward is A"]
    for each, n in zip(flow, exact, strict=True):
        assert abs(each["rows"] - n) < 4 * each["noise"]
    assert abs(result.summary["rows"] - exact[-1]) < 200
    with (result.path / "flow.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 3
    page.write(result.path)
    shown = (result.path / "report.html").read_text()
    assert "Figure 1.1: Which rows are in the table" in shown
    assert "age is at least 0" in shown
    summary = result.path / "result.json"
    summary.write_text(summary.read_text().replace('"step": "ward is A"', '"step": "ward is B"'))
    assert not simulator.holds(result.path)


def test_rules_without_noise_are_refused_since_two_tables_could_be_subtracted() -> None:
    with pytest.raises(StudyError, match="needs noise"):
        begin(study(noise={"enabled": False}))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"column": "race"}, "no column"),
        ({"column": "age", "categories": ["A"]}, "is numeric"),
        ({"column": "ward", "minimum": 1.0}, "is categorical"),
        ({"column": "ward", "categories": ["C"]}, "no category"),
        ({"column": "age", "minimum": 3.0, "maximum": 1.0}, "above its maximum"),
        ({"column": "age", "least": 3.0}, "least"),
    ],
)
def test_a_rule_that_does_not_fit_is_named(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        begin(study(settings={"include": [rule]}))


def test_a_row_without_a_value_keeps_no_rule_about_it(tmp_path: Path) -> None:
    chosen = study()
    (data, *_) = load_hospitals(chosen, None, simulator.write_tables(tmp_path, 4))
    height = data.table.height
    nulls = pl.Series("age", [None, *data.table["age"].to_list()[1:]], dtype=pl.Float64)
    wards = pl.Series("ward", [None, *data.table["ward"].to_list()[1:]])
    data = dataclasses.replace(data, table=data.table.with_columns(nulls, wards))
    known = inclusion.Rule(column="age")
    assert known.holds(data).tolist() == [False] + [True] * (height - 1)
    assert not inclusion.Rule(column="age", minimum=-8.0).holds(data)[0]
    assert not inclusion.Rule(column="ward", categories=("A", "B")).holds(data)[0]


def test_a_value_at_either_end_of_a_rule_stays_and_rows_of_the_table_keep_every_rule(tmp_path: Path) -> None:
    (data, *_) = load_hospitals(study(), None, simulator.write_tables(tmp_path, 4))
    ages, wards = [-0.1, 0.0, 1.0, 2.0, 2.1, 1.0], ["A", "A", "A", "A", "A", "B"]
    table = data.table.head(6).with_columns(pl.Series("age", ages), pl.Series("ward", wards))
    outcome = np.array([1, 1, 0, 0, 1, 1], dtype=np.int8)
    data = dataclasses.replace(data, table=table, outcome=outcome, split=data.split[:6])
    rules = tuple(inclusion.Rule.model_validate(each) for each in RULES)
    assert rules[0].holds(data).tolist() == [False, True, True, True, False, True]
    kept = inclusion.left(rules, data, np.array([True, True, True, False, True, True]))
    assert [int(rows.sum()) for rows in kept] == [5, 3, 2]
    assert inclusion.IncludedRows(rules=rules).chosen(data).tolist() == [False, True, True, True, False, False]
    assert inclusion.IncludedRows(outcome=1, rules=rules).chosen(data).tolist() == [False, True] + [False] * 4


def test_a_rule_that_excludes_few_does_not_show_how_many() -> None:
    rules = [inclusion.Rule(column="age"), inclusion.Rule(column="ward"), inclusion.Rule(column="dose")]
    found = inclusion.flow(rules, [100, 96, 60, 60], 5.0, 10)
    assert [each["rows"] for each in found] == [100, 96, 60, 60]
    assert [each["excluded"] for each in found] == [None, None, 36, 0]


def test_noise_leaves_no_more_rows_than_before_and_small_counts_are_not_shown() -> None:
    rules = [inclusion.Rule(column="age"), inclusion.Rule(column="ward", name="in a ward")]
    found = inclusion.flow(rules, [100, 104, 6], 5.0, 10)
    assert [each["rows"] for each in found] == [100, 100, None]
    assert [each["excluded"] for each in found] == [None, 0, None]
    assert inclusion.table(found).rows[2] == ("in a ward", "–", "–", "± 5")


def test_a_long_rule_is_cut_in_the_diagram_and_whole_in_the_table() -> None:
    long = "patients of one of the wards that take part, admitted for more than one whole day and night"
    found = flow_chart.figure("1.1", Steps("t", "s", (Step("rows", "90"), Step(long, "80", "10")), "flow.csv"))
    assert found.data.rows[1] == (long, "80", "10")
    assert " …" in found.svg


OTHERS: list[dict[str, Any]] = [
    {"task": "train"},
    {"task": "points", "model": {"kind": "points"}},
    {"task": "boost", "model": {"kind": "boosted-trees"}},
    {"task": "regression"},
    {"task": "survival"},
]


def test_every_task_takes_the_rules_or_says_by_name_why_it_does_not() -> None:
    assert {each["task"] for each in OTHERS} | {"describe"} == {*catalogue.TASKS}
    for other in OTHERS:
        with pytest.raises(
            StudyError, match=r"settings\.include is for task 'describe', whose counts carry noise"
        ) as caught:
            catalogue.make_task(simulator.study(4, **other, settings={"include": RULES}))
        assert f"task '{other['task']}' opens exact sums" in caught.value.message
        assert "exclusions of an OMOP" in caught.value.hint
