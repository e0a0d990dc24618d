"""A model is measured for subgroups, and no subgroup and nothing beside one is of few rows of a hospital."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import simulator
from tests.report import deployments
from tests.tasks.driven import finished

from cipherward.comparison.compare import compare_study
from cipherward.consortium.approval import approvals, review, review_text
from cipherward.data.partition import TEST, VALIDATION
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import StudyError, UnfitUpdateError
from cipherward.learning import binning, metrics, worth
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.report import page
from cipherward.runs import modelfile, verify
from cipherward.runs.prediction import predict
from cipherward.simulation.simulate import run_study
from cipherward.study import Study, load_builtin
from cipherward.tasks import catalogue, subgroups
from cipherward.tasks.evaluated import Evaluated
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Task

WARD: dict[str, Any] = {"subgroups": [{"column": "ward"}, {"column": "age", "edges": [0.0]}]}
ASKED: dict[str, Any] = {"threshold": 0.5, "coverage": 0.8, **WARD}


def study(n: int = 4, /, **sections: Any) -> Study:
    evaluation = {"group_rows": 10, "bins": 1024} | ASKED | sections.pop("evaluation", {})
    return simulator.study(n, evaluation=evaluation, **sections)


def hospitals_of(chosen: Study, folder: Path, rows: int = 400) -> list[HospitalData]:
    return load_hospitals(chosen, None, simulator.write_tables(folder, chosen.n_hospitals, rows=rows))


MODELS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "newton": {"training": {"batch_size": 0, "learning_rate": 0.05, "rounds": 8}},
    "points": {"task": "points", "training": {}, "model": {"kind": "points"}},
    "boost": {
        "task": "boost", "training": {}, "model": {"kind": "boosted-trees"},
        "settings": {"stages": 1, "trees": 4, "max_depth": 2, "floors": False},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_figures_of_a_subgroup_are_those_of_its_pooled_rows(tmp_path: Path, name: str) -> None:
    chosen = study(**MODELS[name], evaluation={"group_rows": 1})
    hospitals = hospitals_of(chosen, tmp_path)
    state, before = finished(chosen, hospitals)
    assert [each.purpose for each in before[-2:]] == ["subgroup_sizes", "subgroups"]
    found = state.task.result(state.inner)["worth"]
    works = [HospitalWork(k, data, "cpu", lambda: 0.0) for k, data in enumerate(hospitals)]
    model = state.task.model(state.inner)
    assert model is not None
    scores, labels, wards, ages = [], [], [], []
    for at in works:
        one, own = state.task._scored(state.task._module(model, at), model, at, TEST)  # type: ignore[attr-defined]
        scores.append(one)
        labels.append(own)
        rows = at.data.table.filter(pl.Series(at.data.split == TEST))
        wards.append(rows["ward"].to_numpy())
        ages.append(rows["age"].to_numpy())
    score, label, ward, age = (np.concatenate(each) for each in (scores, labels, wards, ages))
    binned = worth.risks(1024)[binning.places(np.log(score) - np.log1p(-score), 1024)]
    rows_of = {("ward", "A"): ward == "A", ("ward", "B"): ward == "B", ("age", "under 0"): age < 0.0}
    by_name = {(each["column"], each["level"]): each for each in found["groups"]}
    for key, chosen_rows in rows_of.items():
        exact, each = metrics.exact(score[chosen_rows], label[chosen_rows]), by_name[key]
        assert (each["rows"], each["positive"]) == (int(chosen_rows.sum()), exact.n_positive)
        assert each["auroc"] == pytest.approx(exact.auroc, abs=3e-3 if name != "boost" else 0.02)  # few scores
        assert each["brier"] == pytest.approx(exact.brier, abs=1e-6)
        if "sensitivity" not in each:  # few rows of small trees have a risk of 0.5
            assert name == "boost"
            continue
        assert each["sensitivity"] == pytest.approx(float((binned[chosen_rows & (label == 1)] >= 0.5).mean()))
        assert each["specificity"] == pytest.approx(float((binned[chosen_rows & (label == 0)] < 0.5).mean()))
    assert found["everybody"]["rows"] == len(label)
    assert 0.7 < found["everybody"]["coverage"] < 0.9
    assert found["not_opened"] == []


def test_a_run_verifies_shows_whom_it_serves_and_notices_a_changed_figure(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=400)
    result = run_study(study(), base=tables, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    lines = (result.path / "subgroups.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "rows", "all test rows", "ward: A", "ward: B", "age: under 0", "age: 0 and over",
    ]  # fmt: skip
    assert (result.path / "at_hospitals.csv").exists()
    page.write(result.path)
    shown = (result.path / "report.html").read_text()
    assert "Whom the model serves worse" in shown
    assert "hospitals by subgroup" in shown
    stated = json.loads((result.path / "result.json").read_text())
    stated["worth"]["groups"][0]["auroc"] += 0.01
    (result.path / "result.json").write_text(json.dumps(stated))
    assert not simulator.holds(result.path)


def test_a_threshold_alone_takes_no_further_sum_and_prediction_sets_take_one(tmp_path: Path) -> None:
    plain = simulator.study(4, evaluation={"group_rows": 10})
    hospitals = hospitals_of(plain, tmp_path)
    sums = []
    for asked in ({}, {"threshold": 0.4}, {"coverage": 0.9}, WARD):
        chosen = simulator.study(4, evaluation={"group_rows": 10, **asked})
        state, before = finished(chosen, hospitals)
        sums.append(len(before))
        planned = sum(times for _, times in catalogue.make_task(chosen).plan())
        assert len(before) <= planned
        assert (
            catalogue.make_task(chosen).exact_answers() - catalogue.make_task(plain).exact_answers()
            == sums[-1] - sums[0]
        )
        if asked:
            assert state.task.result(state.inner)["worth"]["everybody"]["rows"] > 0
    assert [n - sums[0] for n in sums] == [0, 0, 1, 2]


def test_a_subgroup_that_few_hospitals_have_is_not_opened(tmp_path: Path) -> None:
    chosen = study()
    hospitals = hospitals_of(chosen, tmp_path)
    only_a = hospitals[0].table.with_columns(pl.lit("A").alias("ward"))
    hospitals[0] = dataclasses.replace(hospitals[0], table=only_a)
    numbers = chosen.thresholds
    assert (chosen.n_hospitals, numbers.min_contributors) == (4, 3)
    state, _ = finished(chosen, hospitals)
    assert state.task.result(state.inner)["worth"]["not_opened"] == []
    hospitals[1] = dataclasses.replace(hospitals[1], table=hospitals[1].table.with_columns(pl.lit("A").alias("ward")))
    state, before = finished(chosen, hospitals)
    found = state.task.result(state.inner)
    # Ward A would tell ward B: it is all other test rows.
    assert found["worth"]["not_opened"] == [
        {"column": "ward", "level": "A", "hospitals": 4},
        {"column": "ward", "level": "B", "hospitals": 2},
    ]
    assert not any("/0/" in segment.name for segment in before[-1].layout.segments)
    (table,) = [each for each in state.task.tables(found) if each.name == "subgroups"]
    assert [row[-1] for row in table.rows[-2:]] == [
        "not opened: a subgroup that too few hospitals have would follow by subtraction",
        "not opened: too few hospitals have enough rows",
    ]


def test_rows_without_a_value_that_one_hospital_alone_has_do_not_follow_from_the_subgroups(tmp_path: Path) -> None:
    chosen = study()
    hospitals = hospitals_of(chosen, tmp_path)
    gone = pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.col("ward")).alias("ward")
    hospitals[0] = dataclasses.replace(hospitals[0], table=hospitals[0].table.with_columns(gone))
    state, _ = finished(chosen, hospitals)
    found = state.task.result(state.inner)["worth"]
    at = [HospitalWork(k, data, "cpu", lambda: 0.0) for k, data in enumerate(hospitals)]
    has = np.array([subgroups.sizes(chosen, subgroups.groupings(chosen)[:1], each)["hospitals"] for each in at])
    assert has.sum(axis=0).tolist() == [4, 4, 1]
    opened = [each["level"] for each in found["groups"] if each["column"] == "ward"]
    assert opened == ["A"]
    assert {each["level"]: each["hospitals"] for each in found["not_opened"]} == {"B": 4}


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=3, max_size=8), st.integers(2, 5))
def test_what_is_left_beside_the_opened_subgroups_is_of_enough_hospitals_or_of_none(
    has: list[list[bool]], needed: int
) -> None:
    """`has`: by hospital, which of four subgroups it has, and whether it has other rows."""
    table = np.array(has)
    counts = table.sum(axis=0).tolist()
    (kept,) = subgroups.enough([counts], needed)
    assert all(counts[place] >= needed for place in kept)
    left = int(table[:, [place for place in range(5) if place not in kept]].any(axis=1).sum())
    assert not kept or left == 0 or left >= needed
    if min(counts) >= needed:
        assert kept == (0, 1, 2, 3)


def made(wards: list[str | None], outcomes: list[int]) -> HospitalData:
    n = len(wards)
    table = pl.DataFrame({"age": np.zeros(n), "dose": np.zeros(n), "ward": pl.Series(wards, dtype=pl.String)})
    split = np.full(n, TEST, dtype=np.uint8)
    return HospitalData("h", table, np.array(outcomes, dtype=np.int8), split)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_opened_of_a_hospital_and_what_is_left_is_of_enough_rows_or_none(data: st.DataObject) -> None:
    """Also by subtraction: of subgroups from all test rows, and of two studies whose hospitals have other subgroups in common."""
    n = data.draw(st.integers(10, 90))
    common = data.draw(st.sampled_from(["A", "B", "C"]))
    wards = data.draw(st.lists(st.sampled_from([common, common, "A", "B", "C", None]), min_size=n, max_size=n))
    outcomes = data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    cell_min = data.draw(st.sampled_from([0, 5, 10, 15]))
    columns = simulator.document(5)["columns"]
    columns[2]["categories"] = ["A", "B", "C"]
    chosen = study(columns=columns, evaluation={"subgroups": [{"column": "ward"}], "bins": 64})
    at = HospitalWork(0, made(wards, outcomes), "cpu", lambda: 0.0, cell_min=cell_min)
    every, least = subgroups.groupings(chosen), max(10, cell_min)
    rng = np.random.default_rng(n)
    test = rng.random(n), np.array(outcomes, dtype=np.int8)
    if n < least:
        return
    counted: dict[int, list[dict[str, int]]] = {}
    for kept in ((0, 1, 2), (0, 1), (2,)):
        found = subgroups.worth(chosen, every, (kept,), at, test, None)
        rows = {k: {side: int(found[f"of/{side}/0/{k}"].sum()) for side in ("negative", "positive")} for k in kept}
        for k, sides in rows.items():
            counted.setdefault(k, []).append(sides)
            assert sum(sides.values()) == 0 or sum(sides.values()) >= least
            bins = found[f"of/negative/0/{k}"] + found[f"of/positive/0/{k}"]
            assert all(int(each) >= max(10, cell_min) for each in bins[bins > 0])
        left = n - sum(sum(sides.values()) for sides in rows.values())
        assert left == 0 or left >= least
    assert all(each == of[0] for of in counted.values() for each in of)
    sizes = subgroups.sizes(chosen, every, at)["hospitals"].tolist()
    of_levels = [sum(counted[k][0].values()) for k in range(3)]
    assert sizes == [int(rows >= least) for rows in (*of_levels, n - sum(of_levels))]


def test_a_band_begins_at_its_edge_and_a_row_without_a_value_is_in_none() -> None:
    (age, *_) = study().columns
    grouping = subgroups.Grouping(age, (0.0, 4.0))
    ages = [-99.0, -0.001, 0.0, 3.999, 4.0, 99.0, float("nan")]
    assert grouping.codes(pl.DataFrame({"age": ages})).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert grouping.levels == ("under 0", "0 to under 4", "4 and over")


@pytest.mark.parametrize("cell_min", [0, 15])
def test_scores_of_validation_rows_stand_in_groups_too(cell_min: int) -> None:
    chosen = study(evaluation={"bins": 1024, "group_rows": 10})
    rng = np.random.default_rng(4)
    outcomes = rng.integers(0, 2, 60).astype(np.int8)
    at = HospitalWork(0, made(["A"] * 60, outcomes.tolist()), "cpu", lambda: 0.0, cell_min=cell_min)
    rows = rng.random(60), outcomes
    found = subgroups.worth(chosen, subgroups.groupings(chosen), ((), ()), at, rows, rows)
    bins = found["validation/negative"] + found["validation/positive"]
    assert bins.sum() == 60
    assert bins[bins > 0].min() >= max(10, cell_min)


def test_validation_rows_are_told_apart_by_outcome_where_their_scores_are_asked_for() -> None:
    groups = {}
    for name, coverage in (("asked", 0.8), ("not asked", None)):
        task = catalogue.make_task(study(evaluation={"coverage": coverage}))
        groups[name] = {question.purpose: question.about for question, _ in task.plan()}["subgroups"]
    assert {each.outcome for each in groups["asked"] if each.split == VALIDATION} == {None, 0, 1}
    assert {each.outcome for each in groups["not asked"] if each.split == VALIDATION} == {None}


def test_a_model_that_sets_a_row_apart_is_measured_for_no_subgroup(tmp_path: Path) -> None:
    chosen = study()
    hospitals = hospitals_of(chosen, tmp_path)
    _, before = finished(chosen, hospitals)
    at = HospitalWork(0, hospitals[0], "cpu", lambda: 0.0, cell_min=10)
    assert before[-1].purpose == "subgroups"
    assert at.values(before[-1])
    table = hospitals[0].table
    row = int(np.flatnonzero(hospitals[0].split == TEST)[0])
    is_far = pl.int_range(pl.len()) == row
    alone = table.with_columns(pl.when(is_far).then(8.0).otherwise(0.0).alias(name) for name in ("age", "dose"))
    at = HospitalWork(0, dataclasses.replace(hospitals[0], table=alone), "cpu", lambda: 0.0, cell_min=10)
    with pytest.raises(UnfitUpdateError, match="apart"):
        at.values(before[-1])


def test_the_digest_of_a_state_is_of_every_number_that_was_opened(tmp_path: Path) -> None:
    chosen = study()
    state, _ = finished(chosen, hospitals_of(chosen, tmp_path))
    task, inner = state.task, state.inner

    def others(each: worth.Counted) -> list[worth.Counted]:
        changed = {"negative": each.negative[::-1], "positive": each.positive + 1}
        numbers = {"brier": each.brier + 1, "log_loss": each.log_loss + 1}
        return [dataclasses.replace(each, **{name: value}) for name, value in (changed | numbers).items()]  # type: ignore[arg-type]

    states = [inner, dataclasses.replace(inner, hospitals=((4, 3, 0), (4, 4, 0)))]
    states += [dataclasses.replace(inner, everybody=other) for other in others(inner.everybody)]
    states += [dataclasses.replace(inner, validation=other) for other in others(inner.validation)]
    ((first, *rest), *groupings) = inner.found
    states += [dataclasses.replace(inner, found=((other, *rest), *groupings)) for other in others(first)]
    assert len({task.digest(each) for each in states}) == len(states) == 14
    assert task.digest(dataclasses.replace(inner)) == task.digest(inner)


def test_a_study_that_asks_for_none_of_it_is_the_document_that_it_was() -> None:
    found = load_builtin("readmission").model_dump(mode="json")["evaluation"]
    assert set(found) == {"bins", "group_rows"}
    assert study().with_overrides(top={"title": "x"}).evaluation == study().evaluation


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        ({"subgroups": [{"column": "race"}]}, "no such column"),
        ({"subgroups": [{"column": "ward"}, {"column": "ward"}]}, "twice"),
        ({"subgroups": [{"column": "age"}]}, "name the edges"),
        ({"subgroups": [{"column": "age", "edges": [3.0, 1.0]}]}, "ascend"),
        ({"subgroups": [{"column": "age", "edges": [8.0]}]}, "ascend"),
        ({"subgroups": [{"column": "ward", "edges": [1.0]}]}, "edges are of numbers"),
        ({"subgroups": [{"column": "age", "edges": [k / 20 for k in range(110)]}]}, "too many"),
        ({"threshold": 1.0}, "threshold"),
        ({"coverage": 0.2}, "coverage"),
        ({"sub_groups": []}, "unknown setting"),
    ],
)
def test_what_does_not_fit_is_named(evaluation: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        study(evaluation=evaluation)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"task": "describe", "training": {}}, "makes no model"),
        (
            {
                "data": {
                    "outcome": "dose",
                    "outcome_type": "continuous",
                    "outcome_minimum": -8.0,
                    "outcome_maximum": 8.0,
                },
                "columns": [*simulator.document()["columns"][::2]],
                "model": {"kind": "linear"},
            },
            "binary outcome",
        ),
    ],
)
def test_a_study_without_a_model_of_a_binary_outcome_has_nothing_to_measure(
    sections: dict[str, Any], said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        catalogue.make_task(study(**sections))


def test_everything_that_a_task_can_be_asked_is_asked_of_the_task_within() -> None:
    """Also what is added to tasks later: a default of `Task` would hide what the task says."""
    asked = {name for name, value in vars(Task).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert asked <= set(vars(Evaluated)), asked - set(vars(Evaluated))
    defended = apart(training={"rounds": 2, "batch_size": 32, "learning_rate": 0.5, "defence": {"clip_norm": 1.5}})
    task = catalogue.make_task(defended)
    assert (task.clip_norm(), task.weights(), task.is_comparable) == (1.5, "class", True)


def test_a_policy_counts_the_further_exact_sums(tmp_path: Path) -> None:
    chosen = study(training={"rounds": 2, "batch_size": 32, "learning_rate": 0.5})
    few: Policy = dataclasses.replace(SIMULATION, max_exact_sums=4)
    assert any("6 sums without noise" in problem for problem in few.broken(chosen))


def test_a_run_goes_on_where_the_column_of_a_subgroup_is_left_out(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=300)
    for k in (2, 3, 4):
        header, *lines = (tables / f"clinic-{k}.csv").read_text().splitlines()
        gone = [",".join([*line.split(",")[:2], "", line.split(",")[3]]) for line in lines]
        (tables / f"clinic-{k}.csv").write_text("\n".join([header, *gone]) + "\n")
    result = run_study(study(**MODELS["newton"]), base=tables, out=tmp_path / "run", device="cpu")
    assert "ward" in result.summary["columns_left_out"]
    assert {each["column"] for each in result.summary["worth"]["groups"]} == {"age"}
    assert simulator.holds(result.path)


def test_a_subgroup_whose_column_is_left_out_is_not_measured(tmp_path: Path) -> None:
    chosen = study()
    left = chosen.without_columns(["ward"])
    assert set(catalogue.make_task(left).groupings()) == {"age"}
    assert left.with_overrides(noise={"epsilon": 2.0}).evaluation.subgroups == chosen.evaluation.subgroups[1:]


def apart(**more: Any) -> Study:
    subgroups = [{"column": "ward", "input": False}, {"column": "age", "edges": [0.0]}]
    return study(evaluation={"subgroups": subgroups}, **more)


@pytest.mark.parametrize("name", ["newton", "points"])
def test_a_column_that_is_no_input_has_subgroups_and_the_model_does_not_see_it(tmp_path: Path, name: str) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=400)
    result = run_study(apart(**MODELS[name]), base=tables, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    groups = {(each["column"], each["level"]) for each in result.summary["worth"]["groups"]}
    assert {("ward", "A"), ("ward", "B")} <= groups
    model = modelfile.load(result.path / "model.safetensors")
    assert model.preprocessor is not None
    assert [column.name for column in model.preprocessor.columns] == ["age", "dose"]
    text = (tables / "clinic-1.csv").read_text().splitlines()
    without = tmp_path / "new.csv"
    without.write_text("\n".join(line.rsplit(",", 2)[0] for line in text[:20]) + "\n")
    assert len(predict(result.path, without)) == 19
    asked = [segment.name for state in replayed(result.path) for segment in state.layout.segments]
    assert "categories" not in asked


def test_a_model_needs_an_input_and_a_comparison_takes_all_columns_for_inputs(tmp_path: Path) -> None:
    every = [{"column": "ward", "input": False}, {"column": "age", "edges": [0.0], "input": False}]
    with pytest.raises(StudyError, match="no input"):
        study(columns=simulator.document()["columns"][::2], evaluation={"subgroups": every})
    with pytest.raises(StudyError, match="ward is for subgroups only"):
        compare_study(apart(), tmp_path / "compared")


def replayed(path: Path) -> list[StudyState]:
    """The states before each sum."""
    run = verify.open_run(path)
    states = [run.first, *(each.state for each in verify.replay(run))]
    return [state for state in states if state.question]


@pytest.mark.thorough
def test_real_hospitals_measure_subgroups_together_and_each_keeps_its_own_figures(tmp_path: Path) -> None:
    four = deployments.finished(tmp_path, evaluation=ASKED | {"subgroups": [{"column": "ward"}]})
    try:
        assert four.status()["phase"] == "finished", four.status()
        folder = deployments.folder_of(four, "coordinator")
        assert simulator.holds(folder)
        shown = json.loads((folder / "result.json").read_text())
        assert {each["column"] for each in shown["worth"]["groups"] + shown["worth"]["not_opened"]} == {"ward"}
        assert "at_hospitals" not in shown
        assert (folder / "subgroups.csv").exists()
        own = json.loads((deployments.folder_of(four, "clinic-2") / "own.json").read_text())
        assert own["worth"] == {} or own["worth"]["rows"] == own["test_rows"]
        home = four.hospital("clinic-2")
        text = review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1]))
        assert "how many hospitals have enough test rows of each subgroup" in " ".join(text.split())
    finally:
        four.close()


def test_a_threshold_for_alerts_comes_from_validation_rows_and_is_judged_on_test_rows(tmp_path: Path) -> None:
    evaluation: dict[str, Any] = {"group_rows": 1, "threshold": None, "alerts": 0.2, "coverage": None, "subgroups": ()}
    chosen = study(evaluation=evaluation)
    hospitals = hospitals_of(chosen, tmp_path)
    state, before = finished(chosen, hospitals)
    assert before[-1].purpose == "subgroups"
    asked = before[-1].task.ask(before[-1].inner)
    assert asked is not None
    assert {name.split("/")[0] for name in asked.meaning} == {"validation"}
    found = state.task.result(state.inner)["worth"]
    works = [HospitalWork(k, data, "cpu", lambda: 0.0) for k, data in enumerate(hospitals)]
    model = state.task.model(state.inner)
    assert model is not None

    def risks(part: int) -> tuple[Any, Any]:
        task: Any = state.task
        rows = [task._scored(task._module(model, at), model, at, part) for at in works]
        return np.concatenate([s for s, _ in rows]), np.concatenate([y for _, y in rows])

    validation, _ = risks(VALIDATION)
    assert np.mean(validation >= found["threshold"]) == pytest.approx(0.2, abs=1.5 / len(validation))
    risk, label = risks(TEST)
    assert found["everybody"]["sensitivity"] == pytest.approx(np.mean(risk[label == 1] >= found["threshold"]), abs=0.02)


def test_a_stated_threshold_and_one_for_alerts_are_refused_together() -> None:
    with pytest.raises(StudyError, match=r"evaluation\.alerts"):
        study(evaluation={"alerts": 0.1})
