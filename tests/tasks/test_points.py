from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

import cipherward
from cipherward.comparison.compare import compare_study
from cipherward.data import binning
from cipherward.data.coding import Coding
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.parties import asking
from cipherward.report import page
from cipherward.runs import modelfile
from cipherward.runs.verify import verify_sums
from cipherward.study import Study
from cipherward.tasks import catalogue, points_fit, points_questions, points_tables
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.points import PointsTask
from cipherward.tasks.state import StudyState


def study(**sections: Any) -> Study:
    return simulator.study(4, **({"task": "points", "model": {"kind": "points"}} | sections))


def opened(state: StudyState, works: list[HospitalWork]) -> dict[str, np.ndarray]:
    each = [at.values(state) for at in works]
    return {name: np.sum([one[name] for one in each], axis=0) for name in each[0]}


def works_of(chosen: Study, folder: Path) -> list[HospitalWork]:
    hospitals = load_hospitals(chosen, None, simulator.write_tables(folder, 4))
    return [HospitalWork(k, data, "cpu", lambda: 0.0) for k, data in enumerate(hospitals, start=1)]


@pytest.mark.parametrize("scheme", ["quorum", "plain", "masks"])
def test_the_shared_table_of_points_is_that_of_all_rows_in_one_place(tmp_path: Path, scheme: str) -> None:
    result = simulator.run(tmp_path, study(aggregation={"scheme": scheme}))
    found = result.summary
    assert found["auroc_federated_exact"] == pytest.approx(found["auroc_centralised"], abs=1e-3)
    assert found["auroc_federated_exact"] > max(found["auroc_local"].values()) - 0.02
    assert all(line.holds for line in verify_sums(result.path))
    with (result.path / "points.csv").open() as lines:
        table = list(csv.DictReader(lines))
    by_column = {row["Column"] for row in table}
    assert by_column == {"intercept", "age", "dose", "ward"}
    assert sum(int(row["Rows"].replace(",", "")) for row in table if row["Column"] == "ward") == found["n_train_rows"]


def test_the_model_file_predicts_what_the_points_say(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, study())
    table = tmp_path / "tables" / "clinic-1.csv"
    found = cipherward.predict(result.path, table)
    model = modelfile.load(result.path / "model.safetensors")
    assert isinstance(model.preprocessor, Coding)
    assert len(model.weights) == model.preprocessor.n_features + 1
    # by hand, from the table that people see
    points = result.summary["points"]
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    for row, chance in list(zip(rows, found, strict=True))[:20]:
        if points["pairs"]:
            break
        total = points["intercept"]
        for column in points["columns"]:
            total += _points_of(column, row[column["name"]])
        assert chance == pytest.approx(1 / (1 + np.exp(-total)), abs=1e-5)


def _points_of(column: dict[str, Any], value: str) -> float:
    for one in column["bins"]:
        ends = one["value"].removesuffix(", no value").split(" to ")
        if value in one["value"].split(", ") or (len(ends) == 2 and float(ends[0]) <= float(value) < float(ends[1])):
            return float(one["points"])
    raise AssertionError(f"no bin for {value}")


def test_no_bin_and_no_cell_with_outcomes_has_few_rows(tmp_path: Path) -> None:
    chosen = study(settings={"cell_rows": 25})
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    purposes = []
    while state.purpose:
        purposes.append(state.purpose)
        if state.purpose in ("outcomes", "pairs", "fit"):
            compared = state.inner.compared if state.purpose == "pairs" else state.inner.coding
            x = np.concatenate([compared.transform(at.data.table)[at.data.split == 0] for at in works]).astype(int)
            rows = np.zeros(compared.n_features, np.int64)
            for term in range(x.shape[1]):
                rows += np.bincount(x[:, term], minlength=compared.n_features)
            assert (rows >= np.where(np.arange(len(rows)) < compared.n_bins, 20, 25)).all()
            assert (len(x) - rows >= 20).all()
            assert rows.tolist() == state.inner.rows[: len(rows)].tolist()
        state = state.after(opened(state, works), len(works))
    assert purposes[:4] == ["values", "counts", "outcomes", "pairs"]
    assert purposes[-1] == "evaluate"


def test_what_can_be_asked_is_announced_and_no_question_is_larger(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    planned = {question.purpose: (question.layout.n_lanes, times) for question, times in state.task.plan()}
    asked: dict[str, int] = {}
    while state.purpose:
        asked[state.purpose] = asked.get(state.purpose, 0) + 1
        assert state.asked.layout.n_lanes <= planned[state.purpose][0]
        assert all(state.asked.words(segment.name) for segment in state.asked.layout.segments)
        state = state.after(opened(state, works), len(works))
    assert all(times <= planned[purpose][1] for purpose, times in asked.items())


def test_counts_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    state = state.after(opened(state, works), 4)
    false = opened(state, works)
    false["joint"][0] += 1
    with pytest.raises(ProtocolError, match="contradict"):
        state.after(false, 4)
    state = state.after(opened(state, works), 4)
    false = opened(state, works)
    false["positive"][0] += 1
    with pytest.raises(ProtocolError, match="contradict"):
        state.after(false, 4)


def test_columns_that_say_nothing_of_enough_rows_make_no_model(tmp_path: Path) -> None:
    chosen = study(settings={"bin_rows": 100_000})
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    with pytest.raises(DataError, match="two bins of 100000"):
        state.after(opened(state, works), 4)


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"settings": {"bins": 1}}, r"settings\.bins"),
        ({"settings": {"bin": 4}}, r"settings\.bin"),
        ({"settings": {"bin_rows": 15}}, "cell_rows"),
        ({"model": {"kind": "logistic-regression"}}, 'task = "train"'),
        ({"task": "train"}, 'task = "points"'),
        ({"privacy": {"unit": "record", "epsilon": 8.0, "delta": 1e-6, "clipping_norm": 1.0}}, "privacy"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(sections: dict[str, Any], text: str) -> None:
    with pytest.raises(StudyError) as caught:
        catalogue.begin(study(**sections))
    assert text.replace("\\", "") in f"{caught.value} {caught.value.hint}"


def test_a_resumed_run_ends_at_the_same_points(tmp_path: Path) -> None:
    first = simulator.run(tmp_path, study())
    again = simulator.run(tmp_path, study(), name="again")
    assert np.array_equal(simulator.weights(first.path), simulator.weights(again.path))
    assert np.array_equal(simulator.weights(first.path), simulator.replayed(first.path).model.weights)  # type: ignore[union-attr]


def test_a_comparison_of_schemes_is_refused_with_what_there_is_instead(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="'points' does not") as caught:
        compare_study(study(), tmp_path / "compared")
    assert "cipherward run" in caught.value.hint
    assert not (tmp_path / "compared").exists()


def test_the_report_shows_the_whole_model_and_one_point_where_there_are_no_rounds(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, study())
    page.write(result.path)
    shown = (result.path / "report.html").read_text("utf-8")
    assert "Points of each column" in shown
    for column in result.summary["points"]["columns"]:
        assert all(one["value"] in shown for one in column["bins"])
    auroc = (result.path / "auroc.svg").read_text("utf-8")
    assert re.findall(r'<polyline[^>]*points="([^"]+)"', auroc)
    assert not re.search(r'<polyline[^>]*points="[^"]+ [^"]+"', auroc)


def test_the_first_step_is_that_of_a_penalised_logistic_regression_from_the_log_odds(tmp_path: Path) -> None:
    chosen = study(settings={"pairs": 0, "steps": 1})
    works = works_of(chosen, tmp_path)
    for at in works:  # a rare outcome, whose log-odds are far from 0
        at.data.outcome[::2] = 0
    state = catalogue.begin(chosen)
    while state.purpose != "evaluate":
        state = state.after(opened(state, works), len(works))
    coding, weights = state.inner.coding, state.inner.model.weights
    x = np.concatenate([coding.transform(at.data.table)[at.data.split == 0] for at in works]).astype(int)
    y = np.concatenate([at.data.outcome[at.data.split == 0] for at in works])
    hot = np.zeros((len(x), coding.n_features))
    hot[np.arange(len(x))[:, None], x] = 1.0
    penalty = np.zeros((coding.n_features, coding.n_features))
    points_fit.penalty(coding).add_to(penalty)
    chance = y.mean()
    assert chance < 0.35
    expected = np.linalg.solve(hot.T @ hot * chance * (1 - chance) + penalty, hot.T @ (y - chance))
    assert weights[-1] == pytest.approx(np.log(chance / (1 - chance)), abs=1e-6)
    assert np.allclose(weights[:-1], expected, atol=1e-5)


def test_bins_that_noise_made_too_small_are_put_together_before_outcomes_are_counted(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    sums = opened(state, works)
    # as if noise had spread rows over values that nobody has: many bins of hardly any real row
    state = state.after(sums | {"values": sums["values"] + 40}, len(works))
    joint = opened(state, works)
    few = np.diagonal(points_questions.entries_of(state.inner.coding).matrix(joint["joint"].astype(float))).min()
    assert few < 20
    state = state.after(joint, len(works))
    assert state.inner.rows[: state.inner.coding.n_bins].min() >= 20


def up_to(works: list[HospitalWork], **settings: int) -> dict[int, tuple[int, int]]:
    """By the fine value at which a bin of clinic-1's ages ends: its training rows up to there, and of these with the outcome."""
    chosen = study(settings={"bin_rows": 20, **settings})
    state = catalogue.begin(chosen)
    for _ in range(2):
        state = state.after(opened(state, works), len(works))
    coding, first = state.inner.coding, works[0]
    (place,) = [k for k, each in enumerate(coding.binned) if each.column.name == "age"]
    start, size = coding.terms[place]
    positive = first.values(state)["positive"][start : start + size]
    before = dataclasses.replace(state, inner=dataclasses.replace(state.inner, stage="counts"))
    joint = points_questions.entries_of(coding).matrix(first.values(before)["joint"].astype(float))
    rows = np.diagonal(joint)[start : start + size].astype(int)
    ends = [max(v for v, own in enumerate(coding.binned[place].places[:-1]) if own == k) for k in range(size)]
    order = np.argsort(ends)
    totals = zip(np.cumsum(rows[order]), np.cumsum(positive[order]), strict=True)
    return dict(zip(np.sort(ends).tolist(), totals, strict=True))


def between(works: list[HospitalWork]) -> list[int]:
    """Rows of clinic-1 whose outcomes follow from two studies that draw their bins otherwise."""
    one, other = up_to(works, bins=8), up_to(works, bins=7)
    each = sorted({**one, **other}.items())
    return [int(b[0] - a[0]) for (_, a), (_, b) in itertools.pairwise(each)]


def test_two_studies_whose_bins_end_at_different_values_differ_by_whole_groups_of_rows(tmp_path: Path) -> None:
    works = works_of(study(), tmp_path)
    assert any(0 < n < 10 for n in between(works))  # exact outcomes of few patients
    works = works_of(study(), tmp_path)
    for at in works:
        at.cell_min = 10
    assert all(n == 0 or n >= 10 for n in between(works))
    assert len(between(works)) > 8


def test_a_sum_over_very_many_pairs_of_bins_is_announced_with_the_way_to_a_smaller_one() -> None:
    assert points_tables.many_pairs(40 * 32) == ""
    assert "6.4 million pairs of bins" in points_tables.many_pairs(3_568)


def test_bins_are_told_apart_from_columns(tmp_path: Path) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    for _ in range(2):
        state = state.after(opened(state, works), 4)
    title, words = state.task.words(state.inner)
    assert title == "bins"
    assert re.fullmatch(r"\d+ bins of 3 columns", words)


def test_what_does_not_change_is_worked_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = study()
    works = works_of(chosen, tmp_path)
    state = catalogue.begin(chosen)
    assert state.task.plan() is state.task.plan()
    state = state.after(opened(state, works), 4)
    calls: list[str] = []

    def noted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def noting(*given: Any) -> Any:
            calls.append(name)
            return real(*given)

        monkeypatch.setattr(owner, name, noting)

    noted(binning, "_put_together")
    noted(PointsTask, "digest")
    state = state.after(opened(state, works), 4)
    assert calls == ["_put_together", "_put_together"]  # small bins, and wide ones: not once for every two columns
    assert state.digest() != asking.asked_of(state)
    assert state.failed == ()
    assert state.after_failed((1, 2)).inner_digest == state.inner_digest
    assert calls[2:] == ["digest"]
