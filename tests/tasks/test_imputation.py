"""Missing numbers are predicted as by one regression on all rows in one place, and no two sums differ by few rows of a hospital."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.tasks import driven

from cipherward.consortium.approval import approvals, review, review_text
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.report import page
from cipherward.runs.prediction import predict_rows
from cipherward.study import Study, load_builtin
from cipherward.tasks import imputation
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.hospital_work import HospitalWork

STEP = 1e-6
"""Far above what rounding sums to steps of 2^-28 leaves of a weight, far below what a row does to it."""


def study(*named: str, **more: Any) -> Study:
    """Missing numbers of these columns are predicted."""
    columns = simulator.document(4)["columns"]
    columns.append({"name": "weight", "kind": "numeric", "minimum": -8.0, "maximum": 8.0})
    for column in columns:
        column |= {"impute": "regression"} if column["name"] in named else {}
    return simulator.study(4, **({"columns": columns, "training": {"rounds": 2}} | more))


def write(folder: Path, *, gone: Sequence[float] = (0.3, 0.0), rows: int = 150, n: int = 4) -> Path:
    """Tables in which dose and weight follow from age, and a share of each is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(1, n + 1):
        rng = np.random.default_rng(index)
        age, ward = rng.normal(0.1 * index, 1.0, rows), rng.integers(0, 2, rows)
        dose = 0.8 * age + 0.7 * ward + rng.normal(0.0, 0.4, rows)
        weight = 0.5 * dose - 0.3 * age + rng.normal(0.0, 0.6, rows)
        outcome = rng.random(rows) < 1.0 / (1.0 + np.exp(-(age + dose - weight)))
        for values, share in ((dose, gone[0]), (weight, gone[1])):
            values[rng.random(rows) < share] = np.nan
        cells = pl.DataFrame({"age": age, "dose": dose, "ward": np.array(["A", "B"])[ward], "weight": weight})
        cells.with_columns(pl.Series("outcome", outcome.astype(int))).fill_nan(None).write_csv(
            folder / f"clinic-{index}.csv"
        )
    return folder


def hospitals_of(tmp_path: Path, chosen: Study, **more: Any) -> list[HospitalData]:
    return load_hospitals(chosen, None, write(tmp_path / "tables", **more))


def scaling_of(chosen: Study, hospitals: Sequence[HospitalData], cell_min: int = 0) -> Preprocessor:
    state, _ = driven.finished(chosen, hospitals, cell_min=cell_min)
    found = state.model.preprocessor if state.model else None
    assert isinstance(found, Preprocessor)
    return found


def rows_in_one_place(
    scaling: Preprocessor, hospitals: Sequence[HospitalData]
) -> tuple[NDArray[np.float64], pl.DataFrame]:
    """Standardised inputs of all training rows, missing ones 0, and the rows' tables."""
    tables = pl.concat([each.table.filter(pl.Series(each.split == TRAIN)) for each in hospitals])
    return dataclasses.replace(scaling, imputed=()).transform(tables).astype(np.float64), tables


def test_one_column_is_filled_as_by_scikit_learns_iterative_imputer_on_all_rows(tmp_path: Path) -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer
    from sklearn.linear_model import Ridge

    chosen = study("dose")
    hospitals = hospitals_of(tmp_path, chosen)
    scaling = scaling_of(chosen, hospitals)
    inputs, tables = rows_in_one_place(scaling, hospitals)
    places = [place for each in scaling.value_places.values() for place in each]
    names = [scaling.feature_names[place] for place in places]
    assert names == ["age", "dose", "ward = A", "ward = B", "weight"]
    cells = inputs[:, places]
    cells[tables["dose"].is_null().to_numpy(), 1] = np.nan
    with pytest.warns(ConvergenceWarning):
        theirs = IterativeImputer(Ridge(alpha=1.0), max_iter=1, tol=0.0).fit_transform(cells)
    ours = scaling.transform(tables)[:, places]
    assert np.isnan(cells).sum() > 100
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_every_column_has_the_ridge_regression_of_the_rows_that_have_a_value_of_it(tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    chosen = study("dose", "weight")
    hospitals = hospitals_of(tmp_path, chosen, gone=(0.3, 0.2))
    scaling = scaling_of(chosen, hospitals)
    inputs, tables = rows_in_one_place(scaling, hospitals)
    places = [place for each in scaling.value_places.values() for place in each]
    assert [each.column for each in scaling.imputed] == ["dose", "weight"]
    for each in scaling.imputed:
        own = scaling.value_places[each.column].start
        others = [place for place in places if place != own]
        there = tables[each.column].is_not_null().to_numpy()
        theirs = Ridge(alpha=1.0).fit(inputs[there][:, others], inputs[there][:, own])
        ours = [weight for place, weight in zip(places, each.weights, strict=False) if place != own]
        np.testing.assert_allclose(ours, theirs.coef_, atol=STEP)
        assert each.weights[-1] == pytest.approx(theirs.intercept_, abs=STEP)
        assert each.rows == int(there.sum())
        r2 = theirs.score(inputs[there][:, others], inputs[there][:, own])
        assert each.explained == pytest.approx(r2, abs=1e-5)
    assert scaling.imputed[0].explained > 0.7


def test_a_prediction_stays_in_the_declared_range_and_reads_no_other_prediction(tmp_path: Path) -> None:
    chosen = study("dose", "weight")
    scaling = scaling_of(chosen, hospitals_of(tmp_path, chosen, gone=(0.3, 0.2)))
    table = pl.DataFrame(
        {"age": [8.0, 1.0, 1.0], "dose": [None, None, None], "ward": ["B", "A", "A"], "weight": [-8.0, None, 0.0]},
        schema={"age": pl.Float64, "dose": pl.Float64, "ward": pl.String, "weight": pl.Float64},
    )
    steep = dataclasses.replace(scaling.imputed[0], weights=tuple(100.0 * each for each in scaling.imputed[0].weights))
    found = dataclasses.replace(scaling, imputed=(steep, scaling.imputed[1])).transform(table)
    low, high = scaling.ends["dose"]
    assert found[0, 2] == np.float32(high if found[0, 2] > 0 else low)
    one, middle = scaling.transform(table), (0.0 - (-8.0 + 16.0 * scaling.mean[2])) / (16.0 * scaling.stddev[2])
    per_weight = scaling.imputed[0].weights[4]
    assert one[2, 2] - one[1, 2] == pytest.approx(middle * per_weight, abs=1e-5)
    assert (one[:, 3] == 1.0).all()  # a value that was predicted is still said to be missing
    alone = np.concatenate([scaling.transform(table[k : k + 1]) for k in range(3)])
    assert alone.tobytes() == one.tobytes()


Patterns = st.lists(st.integers(0, 15), min_size=1, max_size=120)


@given(Patterns, st.integers(2, 12), st.integers(1, 4))
@settings(max_examples=300)
def test_no_combination_of_the_sums_is_about_fewer_rows_of_a_hospital_than_it_wants(
    found: list[int], least: int, n: int
) -> None:
    there = np.array([[bool(pattern >> k & 1) for pattern in found] for k in range(n)])
    values = np.random.default_rng(len(found)).normal(size=(n, len(found)))
    table = pl.DataFrame({str(k): pl.Series(np.where(there[k], values[k], np.nan)).fill_nan(None) for k in range(n)})
    chosen = imputation.counted(table, [str(k) for k in range(n)], least)
    assert not (chosen & ~there).any()
    _, sizes = np.unique(
        chosen, axis=1, return_counts=True
    )  # whatever is added or subtracted, all rows among it, is whole parts
    assert len(sizes) == 1 or sizes.min() >= least
    for k in range(n):  # sums of a Newton step know who lacks a value
        assert int((there[k] & ~chosen[k]).sum()) >= least or (there[k] == chosen[k]).all() or not chosen[k].any()


@pytest.mark.parametrize(
    ("whole", "only_a", "only_b", "counted"),
    [
        (20, 30, 10, (50, 30)),
        (20, 30, 9, (40, 10)),
        (19, 30, 9, (30, 0)),
        (10, 30, 9, (30, 0)),
        (9, 30, 10, (0, 0)),
        (20, 9, 9, (10, 10)),
    ],
)
def test_rows_that_enough_share_count_and_as_many_as_enough_go_with_the_few(
    whole: int, only_a: int, only_b: int, counted: tuple[int, int]
) -> None:
    a = [1.0] * whole + [2.0] * only_a + [None] * only_b
    b = [1.0] * whole + [None] * only_a + [2.0] * only_b
    found = imputation.counted(pl.DataFrame({"a": a, "b": b}), ["a", "b"], 10)
    assert tuple(found.sum(axis=1)) == counted


def test_columns_in_another_order_count_the_same_rows_so_that_two_studies_differ_by_none() -> None:
    values = np.random.default_rng(0).normal(size=(2, 200))
    values[1, 3] = np.nan
    table = pl.DataFrame({name: pl.Series(each).fill_nan(None) for name, each in zip("ab", values, strict=True)})
    counts = imputation.counted(table, ["a", "b"], 10)
    assert counts[0].sum() == 200 - 1 - 10
    assert np.array_equal(counts, imputation.counted(table, ["b", "a"], 10)[::-1])


def outer(scaling: Preprocessor, table: pl.DataFrame) -> NDArray[np.float64]:
    """Sum over rows of the products of the inputs age, ward = A and ward = B."""
    rows = scaling.transform(table)[:, [0, 4, 5]].astype(np.float64)
    return np.asarray(rows.T @ rows)


@pytest.mark.parametrize("cell_min", [0, 10])
def test_the_difference_of_two_sums_is_one_patients_row_unless_rows_are_counted_in_groups(
    tmp_path: Path, cell_min: int
) -> None:
    chosen = study("dose", "weight")
    hospitals = hospitals_of(tmp_path, chosen, gone=(0.3, 0.0))
    changed = []
    for k, data in enumerate(hospitals):  # dose and weight are missing together, but for one row of one hospital
        dose = data.table["dose"].to_numpy().copy()
        weight = np.where(np.isnan(dose), np.nan, data.table["weight"].to_numpy())
        if k == 1:
            patient = int(np.flatnonzero((data.split == TRAIN) & ~np.isnan(dose))[5])
            weight[patient] = np.nan
            row = data.table[patient : patient + 1]
        table = data.table.with_columns(pl.Series("weight", weight).fill_nan(None))
        changed.append(dataclasses.replace(data, table=table))
    _, before = driven.finished(chosen, changed, cell_min=cell_min)
    asked = before[1]
    assert asked.asked.purpose == "imputation"
    works = [HospitalWork(k, data, "cpu", lambda: 0.0, cell_min=cell_min) for k, data in enumerate(changed)]
    opened = [at.values(asked) for at in works]
    rows = np.sum([each["impute/rows"] for each in opened], axis=0)
    scaling = asked.inner.model.preprocessor
    size, upper = 6, np.triu_indices(6)
    sums = []
    for n, part in zip(rows, np.split(np.sum([each["impute/products"] for each in opened], axis=0), 2), strict=True):
        products = np.zeros((size, size))
        products[upper] = part / 2.0**28 - n
        sums.append((products * imputation._reach(scaling))[np.ix_([0, 2, 3], [0, 2, 3])])
    left = sums[0] - sums[1]
    alone = np.triu(outer(scaling, row))
    if cell_min:
        assert int(rows[0] - rows[1]) == 0
        assert np.abs(left).max() < 1e-5
    else:
        assert int(rows[0] - rows[1]) == 1
        np.testing.assert_allclose(left, alone, atol=1e-5)


def test_a_hospital_says_so_where_too_few_of_its_rows_count(tmp_path: Path) -> None:
    chosen = study("dose", "weight")
    data = hospitals_of(tmp_path, chosen, gone=(0.3, 0.0))[0]
    _, before = driven.finished(chosen, [data] * 4)
    few = np.where(np.cumsum(data.split == TRAIN) > 12, np.nan, data.table["dose"].to_numpy())
    few[0] = np.nan
    sparse = dataclasses.replace(data, table=data.table.with_columns(pl.Series("dose", few).fill_nan(None)))
    asked = before[1]
    for rows, is_enough in ((data, True), (sparse, False)):
        assert HospitalWork(1, rows, "cpu", lambda: 0.0).has_rows(asked, 10) is is_enough
    (first, *_) = asked.asked.about
    assert first.words == "training rows with a value of the column 'dose', in groups by which columns have one"


def test_a_regression_needs_as_many_rows_as_noise_or_its_inputs_ask_for_and_no_more(tmp_path: Path) -> None:
    chosen = study("dose")
    _, (_, asked, *_) = driven.finished(chosen, hospitals_of(tmp_path, chosen))
    model = asked.inner.model
    n_inputs = len([place for each in model.preprocessor.value_places.values() for place in each])
    least = imputation.rows_needed(chosen, n_inputs)
    for n in (least - 1, least):
        terms = np.zeros((n_inputs + 1) * (n_inputs + 2) // 2)
        terms[-1] = n
        sums = {"impute/rows": np.array([n]), "impute/products": np.rint((terms + n) * 2.0**28).astype(np.int64)}
        (found,) = imputation.fit(chosen, model, sums).imputed
        assert bool(found.weights) is (n == least)


def test_a_column_that_few_rows_have_stays_in_the_middle_and_the_result_says_so(tmp_path: Path) -> None:
    chosen = study("dose")
    hospitals = hospitals_of(tmp_path, chosen, gone=(0.96, 0.0))
    state, _ = driven.finished(chosen, hospitals)
    result = state.task.result(state.inner)
    assert result["imputed"]["dose"]["explained"] is None
    assert 0 < result["imputed"]["dose"]["rows"] < 30
    assert "Too few training rows have a value of dose" in " ".join(state.task.warnings(result))
    scaling = state.inner.model.preprocessor
    table = hospitals[0].table
    assert scaling.transform(table).tobytes() == dataclasses.replace(scaling, imputed=()).transform(table).tobytes()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"aggregation": {"scheme": "ckks"}},
        {"aggregation": {"scheme": "plain"}},
        {"model": {"kind": "mlp", "hidden": [4]}},
    ],
    ids=["quorum", "ckks", "plain", "network"],
)
def test_a_run_predicts_missing_numbers_verifies_and_says_so(tmp_path: Path, more: dict[str, Any]) -> None:
    from cipherward.simulation.simulate import run_study

    chosen = study("dose", "weight", **more)
    tables = write(tmp_path / "tables", gone=(0.3, 0.2))
    result = run_study(chosen, base=tables, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    state = simulator.replayed(result.path)
    scaling = state.model.preprocessor if state.model else None
    assert isinstance(scaling, Preprocessor)
    assert scaling == scaling_of(study("dose", "weight"), load_hospitals(chosen, None, tables))
    assert Preprocessor.from_json(scaling.to_json()) == scaling
    if not more:
        close = abs(result.summary["auroc_federated_exact"] - result.summary["auroc_centralised"])
        assert close < 2e-3
        said = predict_rows(result.path, tables / "clinic-1.csv").assumed
        assert any("dose missing, predicted from the other columns" in each for each in said)
        page.write(result.path)
        shown = (result.path / "report.html").read_text()
        assert "Missing numbers that are predicted from the other columns" in shown
        assert "what a linear regression on the other columns predicts" in shown
        assert (result.path / "imputation.csv").read_text().startswith("column,training rows with a value")


def test_what_leaves_is_said_before_anybody_approves() -> None:
    asked = [question for question, _ in make_task(study("dose")).plan()]
    assert [each.purpose for each in asked[:2]] == ["statistics", "imputation"]
    assert "may be of one row (dose)" in asked[1].words("impute/products")
    assert asked[1].sensitivity is None
    assert make_task(study("dose")).exact_answers() == make_task(study()).exact_answers() + 1
    assert [question.purpose for question, _ in make_task(study()).plan()][:2] == ["statistics", "train"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"task": "points", "model": {"kind": "points"}}, "task 'points' predicts no missing values"),
        ({"privacy": {"unit": "record", "epsilon": 3.0, "delta": 1e-5, "clipping_norm": 1.0}}, "does not go with"),
        ({"evaluation": {"subgroups": [{"column": "dose", "edges": [0.0], "input": False}]}}, "does not see dose"),
    ],
    ids=["task", "privacy", "apart"],
)
def test_what_does_not_go_with_it_is_refused_by_name(more: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        make_task(study("dose", **more))


def test_a_column_without_numbers_is_refused_by_name() -> None:
    with pytest.raises(StudyError, match=r"'ward'.*for columns of numbers"):
        study("ward")


def test_a_cohort_table_of_the_same_columns_counts_what_is_missing() -> None:
    assert make_task(study("dose", task="describe", training={})).predicted() == ()


def test_sums_that_no_rows_give_and_documents_that_no_sum_gave_are_refused(tmp_path: Path) -> None:
    chosen = study("dose")
    hospitals = hospitals_of(tmp_path, chosen)
    _, before = driven.finished(chosen, hospitals)
    model = before[1].inner.model
    sums = {"impute/rows": np.array([-1]), "impute/products": np.zeros(21, dtype=np.int64)}
    with pytest.raises(ProtocolError, match="-1 rows"):
        imputation.fit(chosen, model, sums)
    with pytest.raises(ProtocolError, match="no second derivatives"):
        imputation.fit(chosen, model, sums | {"impute/rows": np.array([500])})
    text = scaling_of(chosen, hospitals).to_json()
    for old, new in (
        ('"column":"dose"', '"column":"age"'),
        ('"rows":', '"rows":-'),
        ('"weights":[', '"weights":[1.0,'),
        ('"explained":0.', '"explained":1.'),
    ):
        assert old in text
        with pytest.raises(DataError, match="not a preprocessing document"):
            Preprocessor.from_json(text.replace(old, new))


def test_a_sum_has_room_for_so_many_rows_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = study("dose")
    data, *others = hospitals_of(tmp_path, chosen)
    _, before = driven.finished(chosen, [data, *others])
    model, n = before[1].inner.model, int((data.split == TRAIN).sum())
    monkeypatch.setattr(imputation, "MOST_ROWS", n + 1)
    sums = imputation.answer(chosen, model, data)
    known = int(sums["impute/rows"][0])
    monkeypatch.setattr(imputation, "MOST_ROWS", known + 1)
    assert imputation.fit(chosen, model, sums).imputed[0].rows == known
    monkeypatch.setattr(imputation, "MOST_ROWS", known)
    with pytest.raises(ProtocolError, match=f"of {known} rows"):
        imputation.fit(chosen, model, sums)
    monkeypatch.setattr(imputation, "MOST_ROWS", n)
    with pytest.raises(DataError, match=f"a sum for predicting missing numbers is of at most {n - 1}"):
        imputation.answer(chosen, model, data)


def test_a_study_that_does_not_say_it_is_the_document_that_it_was() -> None:
    assert all("impute" not in column for column in load_builtin("readmission").model_dump(mode="json")["columns"])
    assert begin(study()).task.predicted() == ()


def test_real_hospitals_are_told_what_leaves_and_fill_alike(tmp_path: Path) -> None:
    columns = simulator.document(4)["columns"]
    columns[1] |= {"impute": "regression"}
    four = Consortium(tmp_path, 4)
    try:
        folder = four.start(document(4, columns=columns, training={"rounds": 1}))
        home = four.hospital(four.names[0])
        text = " ".join(review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1])).split())
        assert "how columns follow from each other, so that missing numbers can be predicted" in text
        assert "counts of patients, also by two of them, and may be of one row (dose)" in text
        four.approve()
        four.pump()
        assert four.status()["phase"] == "finished"
        assert simulator.holds(folder)
        assert (folder / "imputation.csv").exists()
    finally:
        four.close()
