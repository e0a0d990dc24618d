from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests import public_data, simulator
from tests.consortium.consortium import Consortium, document

import cipherward
from cipherward.consortium.approval import approvals, review, review_text
from cipherward.data.forest import Forest
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, InterruptedRunError, ProtocolError, StudyError
from cipherward.learning import metrics
from cipherward.parties.policy import Policy
from cipherward.report import page
from cipherward.runs import export_xgboost, exports, modelfile
from cipherward.runs.verify import verify_sums
from cipherward.simulation.simulate import resume_study, run_study
from cipherward.study import Study, load_builtin
from cipherward.tasks import boost_fit, boost_questions, boost_tables, catalogue, fitted_yardsticks
from cipherward.tasks.boost import Boost
from cipherward.tasks.boost_state import BoostState
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, labels_of
from cipherward.tasks.state import StudyState

QUICK = {"floors": False, "leaf_rows": 20, "stages": 2, "trees": 4, "max_depth": 3, "colsample": 0.7}
BOOST: dict[str, Any] = {"task": "boost", "model": {"kind": "boosted-trees"}, "settings": QUICK, "training": {}}


def study(settings: dict[str, Any] | None = None, **sections: Any) -> Study:
    return simulator.study(4, **(BOOST | {"settings": QUICK | (settings or {})} | sections))


def works_of(chosen: Study, folder: Path) -> list[HospitalWork]:
    hospitals = load_hospitals(chosen, None, simulator.write_tables(folder, 4))
    return [
        HospitalWork(k, data, "cpu", lambda: 0.0, secret=bytes([k]) * 32) for k, data in enumerate(hospitals, start=1)
    ]


def opened(state: StudyState, works: list[HospitalWork]) -> dict[str, np.ndarray]:
    each = [at.values(state) for at in works]
    return {name: np.sum([one[name] for one in each], axis=0) for name in each[0]}


def up_to(chosen: Study, works: list[HospitalWork], purpose: str, *, level: int = 0, stage: int = 0) -> StudyState:
    """The state before the question with this purpose, and of trees at this level and stage."""
    state = catalogue.begin(chosen)
    while state.purpose != purpose or (
        purpose == "grow" and (state.inner.stages, state.inner.grown.level) != (stage, level)
    ):
        assert state.purpose
        state = state.after(opened(state, works), len(works))
    return state


def reached(inner: BoostState, works: list[HospitalWork], node: int) -> list[np.ndarray]:
    """Of each hospital the bins of the drawn training rows that a node of the growing trees holds."""
    growing, found = inner.grown, []
    for at in works:
        own = boost_questions._own(inner, at)
        rows = boost_questions.drawn_rows(at, inner.stages, int(growing.tree[node]), len(own.labels), SETTINGS)
        kept = []
        for row in rows:
            place = int(growing.tree[node])  # roots come first, in the order of trees
            while growing.feature[place] >= 0 and place != node:
                goes = growing.goes_left[place, own.bins[row, growing.feature[place]]]
                place = int(growing.left[place] if goes else growing.right[place])
            kept += [row] * (place == node)
        found.append(own.bins[np.array(kept, np.int64)])
    return found


SETTINGS = catalogue.begin(study()).task._settings  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def quorum(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("quorum")
    return folder, simulator.run(folder, study())


def test_a_run_is_verified_and_its_trees_are_those_of_all_rows_in_one_place(quorum: Any) -> None:
    _, result = quorum
    found = result.summary
    assert found["boost"]["trees"] == 8
    assert found["boost"]["cut_short"] == 0
    assert found["auroc_federated_exact"] == pytest.approx(found["auroc_centralised"], abs=0.01)
    assert found["auroc_federated_exact"] > 0.7
    assert all(line.holds for line in verify_sums(result.path))
    with (result.path / "importance.csv").open() as lines:
        assert {row["Column"] for row in csv.DictReader(lines)} == {"age", "dose", "ward"}
    with (result.path / "cells.csv").open() as lines:
        assert [row["Numbers"] for row in csv.DictReader(lines)][-1] == f"{found['boost']['cells']['all']:,}"
    again = simulator.replayed(result.path).model
    assert again is not None
    assert np.array_equal(simulator.weights(result.path), again.weights)


def test_encrypted_sums_give_bit_for_bit_the_trees_of_plain_ones(quorum: Any, tmp_path: Path) -> None:
    _, result = quorum
    for scheme in ("plain", "ckks"):
        if scheme == "ckks":
            pytest.importorskip("tenseal")
        other = simulator.run(tmp_path / scheme, study(aggregation={"scheme": scheme}))
        first, second = (modelfile.load(each.path / "model.safetensors").preprocessor for each in (result, other))
        assert first == second
        assert np.array_equal(simulator.weights(result.path), simulator.weights(other.path))
        assert simulator.holds(other.path)


def test_trees_are_those_of_the_same_rows_dealt_to_other_hospitals(tmp_path: Path) -> None:
    chosen = study({"subsample": 1.0})
    works = works_of(chosen, tmp_path)
    (one, *_), merged = works, [at.data for at in works]
    together = dataclasses.replace(
        merged[0],
        table=pl.concat([data.table for data in merged]),
        outcome=np.concatenate([data.outcome for data in merged]),
        split=np.concatenate([data.split for data in merged]),
    )
    ends = [
        up_to(chosen, each, "evaluate")
        for each in (works, works[::-1], [HospitalWork(1, together, "cpu", lambda: 0.0, secret=one.secret)])
    ]
    assert len({state.inner.digest() for state in ends}) == 1
    assert ends[0].inner.forest.n_trees == 8


def test_the_report_shows_what_trees_ask_about_and_how_few_rows_were_counted(quorum: Any) -> None:
    _, result = quorum
    page.write(result.path)
    shown = (result.path / "report.html").read_text("utf-8")
    assert "Columns that 8 trees ask about" in shown
    assert "FLOORS OFF" in shown
    assert "the floors on rows were off" in shown
    assert "HistGradientBoostingClassifier" in shown
    (other,) = result.summary["others"]
    assert 0.5 < other["measured"]["auroc"] < 1.0


def test_an_exported_model_predicts_the_same_by_the_rules_of_its_format(quorum: Any) -> None:
    folder, result = quorum
    document = json.loads(exports.export(result.path, "xgboost").data)
    learner = document["learner"]
    names, trees = learner["feature_names"], learner["gradient_booster"]["model"]["trees"]
    assert len(trees) == 8 + 1
    table = folder / "tables" / "clinic-2.csv"
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    found = [1.0 / (1.0 + np.exp(-sum(_value(tree, names, row) for tree in trees))) for row in rows]
    assert np.allclose(found, cipherward.predict(result.path, table), atol=1e-6)


def _value(tree: dict[str, Any], names: list[str], row: dict[str, str]) -> float:
    """A leaf's value, as XGBoost finds it: numbers below the threshold and categories that are not listed go left."""
    node = 0
    while tree["left_children"][node] >= 0:
        text = row[names[tree["split_indices"][node]]]
        if text == "":
            left = bool(tree["default_left"][node])
        elif tree["split_type"][node]:
            at = tree["categories_nodes"].index(node)
            start = tree["categories_segments"][at]
            listed = tree["categories"][start : start + tree["categories_sizes"][at]]
            left = ["A", "B"].index(text) not in listed
        else:
            left = bool(np.float32(text) < np.float32(tree["split_conditions"][node]))
        node = tree["left_children" if left else "right_children"][node]
    return float(tree["split_conditions"][node])


@pytest.mark.thorough
def test_xgboost_reads_what_was_exported_and_predicts_the_same(quorum: Any) -> None:
    xgboost = pytest.importorskip(
        "xgboost", reason="benchmarks/export_xgboost.py tries it in an environment of its own"
    )
    folder, result = quorum
    table = pl.read_csv(folder / "tables" / "clinic-2.csv")
    file = folder / "trees.json"
    file.write_bytes(exports.export(result.path, "xgboost").data)
    booster = xgboost.Booster(model_file=str(file))
    x = table.select("age", "dose", pl.col("ward").replace_strict({"A": 0.0, "B": 1.0})).to_numpy()
    given = xgboost.DMatrix(x, feature_names=booster.feature_names, feature_types=booster.feature_types)
    assert np.allclose(
        booster.predict(given), cipherward.predict(result.path, folder / "tables" / "clinic-2.csv"), atol=1e-5
    )


def test_a_model_that_is_no_trees_and_a_format_that_is_unknown_are_refused(quorum: Any, tmp_path: Path) -> None:
    _, result = quorum
    with pytest.raises(DataError, match="format") as caught:
        exports.export(result.path, "pmml")
    assert "xgboost" in caught.value.hint
    model = modelfile.load(result.path / "model.safetensors")
    assert isinstance(model.preprocessor, Forest)
    other = dataclasses.replace(model, preprocessor=model.preprocessor.coding)
    with pytest.raises(DataError, match="holds trees"):
        export_xgboost.export(other)


def test_a_hospital_that_was_restarted_draws_the_same_rows_and_has_the_same_scores(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = up_to(chosen, works, "grow", stage=1, level=1)
    for at in works:
        fresh = HospitalWork(at.index, at.data, "cpu", lambda: 0.0, secret=at.secret)
        before, after = at.values(state), fresh.values(state)
        assert all(np.array_equal(before[name], after[name]) for name in before)
    other = HospitalWork(1, works[0].data, "cpu", lambda: 0.0)
    assert not np.array_equal(other.values(state)["drawn"], works[0].values(state)["drawn"])


def test_a_hospital_that_starts_anew_from_its_ledger_in_the_middle_of_a_stage_goes_on_with_it(tmp_path: Path) -> None:
    with simulator.World(tmp_path, study({"stages": 1})) as world:
        world.run_sums(4)
        for index in (1, 3):
            old = world.sites[index]
            old.ledger.close()
            world.sites[index] = dataclasses.replace(
                world.make_hospital(index, old.state), rounding_key=old.rounding_key
            )
        world.run_sums()
        last = world.hub.state.inner
    assert (last.stages, last.cut_short, last.forest.n_trees) == (1, 0, 4)


@pytest.mark.thorough
def test_a_run_that_was_stopped_in_the_middle_of_a_stage_ends_at_the_same_trees(quorum: Any) -> None:
    folder, result = quorum
    sums: list[int] = []
    with pytest.raises(InterruptedRunError):
        run_study(
            study(),
            base=folder / "tables",
            out=folder / "stopped",
            device="cpu",
            on_progress=lambda *_: sums.append(1),
            should_stop=lambda: len(sums) >= 4,
        )
    again = resume_study(folder / "stopped", device="cpu")
    assert again.summary["boost"] == result.summary["boost"]
    assert np.array_equal(simulator.weights(again.path), simulator.weights(result.path))


def test_rows_are_drawn_anew_for_each_tree_and_as_many_as_the_study_says(tmp_path: Path) -> None:
    (at, *_) = works_of(study(), tmp_path)
    drawn = [boost_questions.drawn_rows(at, stage, tree, 4_000, SETTINGS) for stage in (0, 1) for tree in (0, 1)]
    assert len({each.tobytes() for each in drawn}) == 4
    for each in drawn:
        assert abs(len(each) - 2_800) < 200
        assert (np.diff(each) > 0).all()
    whole = boost_questions.drawn_rows(at, 0, 0, 50, SETTINGS.model_copy(update={"subsample": 1.0}))
    assert whole.tolist() == list(range(50))


def test_columns_are_drawn_by_the_seed_alone_and_differ_between_trees(tmp_path: Path) -> None:
    coding = up_to(study(), works_of(study(), tmp_path), "grow").inner.coding
    drawn = [boost_fit.begun(coding, SETTINGS, seed, stage).columns for seed in (3, 3, 4) for stage in (0, 1)]
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])
    assert len({each.tobytes() for each in drawn[0]} | {each.tobytes() for each in drawn[4]}) > 1
    assert all((np.diff(each, axis=1) > 0).all() for each in drawn)


def test_what_follows_for_the_larger_child_is_what_its_rows_give(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    for level in (1, 2):
        state = up_to(chosen, works, "grow", level=level)
        inner, growing = state.inner, state.inner.grown
        assert 0 < len(growing.asked) == len(growing.open) // 2
        assert (growing.rows[growing.asked] <= growing.rows[growing.open].reshape(-1, 2).max(axis=1)).all()
        derived = boost_fit._both(growing, boost_questions.opened(inner, opened(state, works)))
        assert derived is not None
        for place, node in enumerate(growing.open):
            rows = np.concatenate(reached(inner, works, int(node)))
            assert len(rows) == growing.rows[node] == derived.rows[place, 0].sum()
            for k, column in enumerate(growing.columns[growing.tree[node]]):
                counts = np.bincount(rows[:, column], minlength=derived.rows.shape[2])
                assert counts.tolist() == derived.rows[place, k].tolist()


def test_no_leaf_and_no_bin_has_fewer_rows_than_the_floor_and_small_cells_are_counted(tmp_path: Path) -> None:
    chosen = study({"leaf_rows": 30, "bin_rows": 25})
    works = works_of(chosen, tmp_path)
    state, cells, small = catalogue.begin(chosen), 0, 0
    while state.purpose != "evaluate":
        assert state.purpose
        inner: BoostState = state.inner
        if state.purpose == "grow" and inner.grown.level:
            asked = boost_questions.opened(inner, opened(state, works))
            both = boost_fit._both(inner.grown, asked)
            assert both is not None
            there = both.rows[boost_fit.cells(inner.coding, inner.grown, inner.grown.open)]
        elif state.purpose == "grow":
            there = opened(state, works)["drawn"]
        if state.purpose == "grow":
            cells, small = cells + len(there), small + int(((there > 0) & (there < 10)).sum())
            assert min(inner.rows) >= 25
        state = state.after(opened(state, works), len(works))
        if state.inner.growing and state.inner.growing.level:
            assert state.inner.growing.rows.min() >= 30
    assert (state.inner.cells[0], state.inner.cells[-1]) == (cells, small)
    assert small > 0


def test_a_stage_ends_where_other_hospitals_stand_in_a_sum_than_before(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = up_to(chosen, works, "grow", level=2)
    before = state.inner
    after = state.after(opened(state, works[:3]), 3).inner
    assert (after.stages, after.cut_short) == (1, 1)
    assert after.grown.level == 0
    # the trees are those that were grown by then, with values for all leaves
    assert after.forest.n_features == int((before.grown.feature < 0).sum())
    assert len(after.model.weights) == after.forest.n_features + 1
    assert np.count_nonzero(after.model.weights[:-1]) > after.forest.n_features / 2  # a leaf may be worth nothing


def test_a_stage_ends_where_derivatives_of_a_child_leave_what_no_rows_give_to_the_other(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = up_to(chosen, works, "grow", level=1)
    inner, sums = state.inner, opened(state, works)
    assert inner.grown.parents is not None
    there = boost_fit.cells(inner.coding, inner.grown, inner.grown.asked)
    left = inner.grown.parents.rows[there] - sums["drawn"]
    emptied = np.flatnonzero((left == 0) & (sums["drawn"] > 0))
    assert len(emptied)
    for name in ("gradient", "curvature"):
        false = {each: values.copy() for each, values in sums.items()}
        false[name][emptied[0]] -= 1
        assert state.after(sums, 4).inner.cut_short == 0
        assert state.after(false, 4).inner.cut_short == 1


def test_counts_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    for state, name in ((up_to(chosen, works, "counts"), "inside"), (up_to(chosen, works, "grow"), "drawn")):
        false = opened(state, works)
        false[name][0] += 1
        with pytest.raises(ProtocolError, match="contradict"):
            state.after(false, 4)


@pytest.mark.parametrize(
    ("name", "most"), [("gradient", 2 * boost_questions.UNIT), ("curvature", boost_questions.UNIT // 4)]
)
def test_derivatives_beyond_what_the_counted_rows_have_are_refused(name: str, most: int, tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = up_to(chosen, works, "grow")
    sums = opened(state, works)
    sums[name][0] = most * sums["drawn"][0]
    assert state.after(sums, 4)
    sums[name][0] += 1
    with pytest.raises(ProtocolError, match="more rows than were counted"):
        state.after(sums, 4)


def test_what_can_be_asked_is_announced_and_no_question_is_larger(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    planned = {question.title: (question.layout.n_lanes, times) for question, times in state.task.plan()}
    asked: dict[str, int] = {}
    while state.purpose:
        asked[state.asked.title] = asked.get(state.asked.title, 0) + 1
        assert state.asked.layout.n_lanes <= planned[state.asked.title][0]
        assert all(state.asked.words(segment.name) for segment in state.asked.layout.segments)
        state = state.after(opened(state, works), len(works))
    assert all(times <= planned[title][1] for title, times in asked.items())


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"settings": {"max_depth": 9}}, r"settings.max_depth"),
        ({"settings": {"depth": 4}}, r"settings.depth"),
        ({"settings": {"learning_rate": float("nan")}}, "settings.learning_rate"),
        ({"settings": {"leaf_rows": 499}}, "floors"),
        ({"settings": {"floors": False, "leaf_rows": 9}}, "at least 10"),
        ({"model": {"kind": "logistic-regression"}}, 'task = "train"'),
        ({"task": "train", "settings": {}}, 'task = "boost"'),
        ({"privacy": {"unit": "record", "epsilon": 8.0, "delta": 1e-6, "clipping_norm": 1.0}}, "privacy"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(sections: dict[str, Any], text: str) -> None:
    with pytest.raises(StudyError) as caught:
        catalogue.begin(simulator.study(4, **(BOOST | sections)))
    assert text in f"{caught.value} {caught.value.hint}"


def test_a_task_that_does_not_fit_the_kind_of_model_names_both_ways_out() -> None:
    with pytest.raises(StudyError, match="does not fit") as caught:
        catalogue.begin(study(model={"kind": "logistic-regression"}))
    assert caught.value.hint == 'set model.kind = "boosted-trees" for this task, or task = "train" for this kind'


def test_too_few_rows_for_the_floors_end_the_study_with_the_way_out(tmp_path: Path) -> None:
    chosen = study({"floors": True, "leaf_rows": 0})
    works = works_of(chosen, tmp_path)
    state = up_to(chosen, works, "grow")
    with pytest.raises(DataError, match="500 training rows") as caught:
        state.after(opened(state, works), 4)
    assert "points" in caught.value.hint


def test_what_a_hospital_reaches_alone_is_not_held_back_by_floors_that_its_rows_do_not_need(tmp_path: Path) -> None:
    chosen = study({"floors": True, "leaf_rows": 0})
    works, task = works_of(chosen, tmp_path / "tables"), Boost(chosen)
    last = fitted_yardsticks.fitted(task._alone, works)
    assert last is not None
    found = fitted_yardsticks.beside(task._exact, last, works, task._alone)
    assert found["auroc_centralised"] == 0.5  # as the floors leave nothing to split
    assert all(area > 0.55 for area in found["auroc_local"].values())


def test_trees_of_few_leaves_are_said_with_what_suits_few_rows() -> None:
    found = {"cells": {"of_one_row": 0}, "floors": True, "cut_short": 0, "trees": 256, "leaf_rows": 500}
    (words,) = boost_tables.warnings(found | {"leaves": 290})
    assert "a tree 1.1 leaves in the mean" in words
    assert not boost_tables.warnings(found | {"leaves": 256 * 20})


def test_a_policy_refuses_a_study_without_floors_unless_it_says_otherwise() -> None:
    off, on = study(), study({"floors": True, "leaf_rows": 0})
    assert Policy().clauses_broken(off) == ("row_floors",)
    assert Policy(row_floors=False).broken(off) == ()
    assert Policy().broken(on) == ()
    assert Policy().broken(load_builtin("diabetes130-trees")) == ()


def test_between_hospitals_it_is_reviewed_with_its_floors_approved_and_received(tmp_path: Path) -> None:
    four = Consortium(tmp_path, 4)
    try:
        for name in four.names:
            policy = four.hospital(name).policy_file
            policy.write_text(policy.read_text().replace('"mlp"]', '"mlp", "boosted-trees"]'))
        folder = four.start(document(4, **(BOOST | {"settings": QUICK | {"stages": 1, "trees": 32}})))
        home = four.hospital("clinic-1")
        offered = approvals.whole_offers(home)[0][-1]
        assert review.review(home, offered).policy_broken
        for name in four.names:
            policy = four.hospital(name).policy_file
            policy.write_text(policy.read_text().replace("row_floors = true", "row_floors = false"))
        said = " ".join(review_text.to_text(review.review(home, offered)).split())
        assert "FLOORS ARE OFF" in said
        assert "a number may be of one row and then shows its outcome" in said
        four.approve()
        four.pump()
        assert four.status()["phase"] == "finished"
        assert simulator.holds(folder)
    finally:
        four.close()


def test_a_model_whose_scores_set_few_rows_apart_is_looked_at_before_each_stage(tmp_path: Path) -> None:
    chosen = study({"trees": 24})  # few trees give few scores, and few rows one of their own
    works = works_of(chosen, tmp_path)
    state = up_to(chosen, works, "grow", stage=1)
    (at, *_) = works
    at.cell_min = 10
    assert at.values(state)
    # steered: one leaf of the first tree, with few rows of this hospital, has a value far from all others
    inner = state.inner
    places = inner.forest.transform(at.data.table)[:, 0].astype(int)
    own = np.bincount(places[at.data.split == 0], minlength=inner.forest.n_features)
    leaf = next(leaf for leaf in np.argsort(own) if own[leaf] > 0)
    weights = inner.model.weights.copy()
    weights[:-1] = 0.0
    weights[leaf] = 30.0
    model = dataclasses.replace(inner.model, weights=weights)
    at.cell_min = int(own[leaf]) + 1
    steered = dataclasses.replace(state, inner=dataclasses.replace(inner, model=model))
    with pytest.raises(DataError, match="apart from all others"):
        at.values(steered)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "settings", "sums", "least"),
    [
        ("diabetes130-trees", {}, 30, 0.657),
        ("diabetes130-trees", {"floors": False}, 30, 0.666),
        ("diabetes130-fine", None, 5, 0.666),
    ],
)
def test_real_patients_are_told_apart_as_well_as_the_figures_say(
    name: str, settings: dict[str, Any] | None, sums: int, least: float
) -> None:
    folder = public_data.found("diabetes130")
    chosen = load_builtin(name).with_overrides(noise={"enabled": False})
    if settings is not None:
        chosen = chosen.with_overrides(top={"settings": settings})
    hospitals = load_hospitals(chosen, folder, Path.cwd())
    works = [
        HospitalWork(k, data, "cpu", lambda: 0.0, secret=bytes([k]) * 32) for k, data in enumerate(hospitals, start=1)
    ]
    state = catalogue.begin(chosen)
    while state.purpose != "evaluate":
        lanes = np.sum([state.layout.encode(at.values(state)).astype(np.int64) for at in works], axis=0)
        state = state.after(state.layout.decode(lanes, len(works)), len(works))
    assert state.sums_done <= sums
    scores = np.concatenate([fitted_yardsticks.scores(state.model, data) for data in hospitals])
    assert metrics.exact(scores, labels_of(hospitals, TEST).astype(np.int64)).auroc >= least


def test_where_floors_leave_nothing_to_split_the_remedy_is_one_that_is_allowed(tmp_path: Path) -> None:
    chosen = study(settings={"floors": True, "leaf_rows": 500})
    works = works_of(chosen, tmp_path)
    with pytest.raises(DataError, match="no tree can be grown") as refused:
        up_to(chosen, works, "evaluate")
    assert "settings.floors = false and lower settings.leaf_rows" in refused.value.hint
