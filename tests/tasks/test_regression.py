"""Regressions over all hospitals are those of all rows in one place, as other packages fit them, and refuse what they cannot do."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.tasks.driven import finished

from cipherward.data.sources import load_hospitals
from cipherward.errors import CipherwardError, DataError, StudyError, UnfitUpdateError
from cipherward.learning import cox, likelihood, wald
from cipherward.report import page
from cipherward.simulation.simulate import run_study
from cipherward.study import Study, load_builtin, parse
from cipherward.tasks import regression_questions, regression_settings
from cipherward.tasks.catalogue import begin
from cipherward.tasks.fixed_point import Scale
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.regression import Regression

REFERENCES = json.loads((Path(__file__).parent / "tcga_brca_references.json").read_text())
"""Of lifelines and statsmodels, see benchmarks/survival_references.py."""

EXACT: dict[str, Any] = {"noise": {"enabled": False}}
LOGISTIC: dict[str, Any] = {"task": "regression", "settings": {"family": "logistic"}}


def survival(**settings: Any) -> Study:
    study = load_builtin("tcga-brca-cox")
    return study.with_overrides(settings=settings, **EXACT)


def agrees(terms: list[dict[str, Any]], reference: dict[str, list[float]]) -> bool:
    """To four significant digits: estimates, standard errors, p-values."""
    ours = {each["term"]: [each["estimate"], each["standard_error"], each["p_value"]] for each in terms}
    assert set(ours) == set(reference)
    return all(np.allclose(ours[name], reference[name], rtol=5e-5, atol=0.0) for name in reference)


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        ({"risk_rows": 1}, "cox_efron"),
        ({"risk_rows": 1, "ties": "breslow"}, "cox_breslow"),
        ({}, "cox_ten_at_risk"),
        ({"family": "logistic", "time": ""}, "logistic"),
        ({"family": "logistic", "time": "", "errors": "robust"}, "logistic_robust"),
    ],
)
def test_estimates_errors_and_p_values_are_those_of_pooled_rows(
    tcga: Path, settings: dict[str, Any], reference: str
) -> None:
    study = survival(**settings)
    if study.settings["family"] == "logistic":
        columns = [column for column in study.model_dump(mode="json")["columns"] if column["name"] != "days"]
        study = study.with_overrides(top={"columns": columns})
    state, _ = finished(study, load_hospitals(study, tcga, Path()))
    found = state.task.result(state.inner)
    assert found["converged"]
    assert agrees(found["terms"], REFERENCES[reference])
    if reference == "logistic":
        fitted, none = REFERENCES["logistic_likelihood"]
        assert found["log_likelihood"] == pytest.approx(fitted, rel=1e-9)
        assert found["log_likelihood_without"] == pytest.approx(none, rel=1e-9)


def deaths_by_time(**settings: Any) -> Study:
    """Deaths as counts, by days of follow-up: the exponential model of survival."""
    document = load_builtin("tcga-brca-cox").model_dump(mode="json")
    columns = [
        each | ({"minimum": 1.0, "missing": ["0"]} if each["name"] == "days" else {}) for each in document["columns"]
    ]
    document["data"] |= {"outcome_type": "counts", "outcome_maximum": 1.0}
    for name in ("positive", "negative", "allow_single_class"):
        del document["data"][name]
    settings = {"family": "poisson", "exposure": "days"} | settings
    return parse(document | {"columns": columns, "settings": settings, "noise": {"enabled": False}}, origin="tests")


@pytest.mark.parametrize(("errors", "reference"), [("model", "poisson"), ("robust", "poisson_robust")])
def test_rates_by_exposure_are_those_of_pooled_rows(tcga: Path, errors: str, reference: str) -> None:
    study = deaths_by_time(errors=errors)
    state, before = finished(study, load_hospitals(study, tcga, Path()))
    found = state.task.result(state.inner)
    assert found["converged"]
    assert agrees(found["terms"], REFERENCES[reference])
    fitted, none, dispersion = REFERENCES["poisson_fit"]
    assert found["log_likelihood"] == pytest.approx(fitted, rel=1e-9)
    assert found["log_likelihood_without"] == pytest.approx(none, rel=1e-9)
    assert found["dispersion"] == pytest.approx(dispersion, rel=1e-6)
    assert (found["events"], found["errors"]) == (151, errors)
    assert found["terms"][1]["rate_ratio"] == pytest.approx(math.exp(found["terms"][1]["estimate"]))
    assert len(before) == found["steps"] + 2  # the counts first, the residuals last
    table = state.task.tables(found)[0]
    assert "rate ratio" in table.header
    assert ("robust" in table.title) == (errors == "robust")


def counted(folder: Path, spread: float = 0.0) -> tuple[Study, np.ndarray[Any, Any]]:
    """Three hospitals whose rows count up to some hundreds, with an exposure, and all rows in one array."""
    rng, rows = np.random.default_rng(4), []
    for index in range(1, 4):
        x, ward, months = rng.normal(0.0, 1.0, 120), rng.integers(0, 2, 120), rng.integers(1, 25, 120)
        wild = rng.gamma(1.0 / spread, spread, 120) if spread else np.ones(120)
        y = rng.poisson(months * np.exp(0.5 + 0.4 * x - 0.6 * ward) * wild)
        lines = [f"{a:.4f},{m},{'AB'[w]},{o}" for a, m, w, o in zip(x, months, ward, y, strict=True)]
        (folder / f"clinic-{index}.csv").write_text("\n".join(["age,months,ward,outcome", *lines]) + "\n")
        rows += [[1.0, round(float(a), 4), float(w), m, o] for a, m, w, o in zip(x, months, ward, y, strict=True)]
    document = simulator.document(3, task="regression", settings={"family": "poisson", "exposure": "months"})
    document["data"] |= {"outcome_type": "counts", "outcome_maximum": 100_000}
    document["columns"][1] = {"name": "months", "kind": "numeric", "minimum": 1.0, "maximum": 24.0}
    return parse(document, origin="tests"), np.array(rows, dtype=np.float64)


@pytest.mark.parametrize("errors", ["model", "robust"])
def test_counts_are_fitted_by_the_textbook_and_a_wild_spread_is_said(tmp_path: Path, errors: str) -> None:
    """Iteratively reweighted least squares of R's glm, on the rows as they stand; robust errors are the sandwich of these."""
    study, table = counted(tmp_path, spread=0.5)
    study = study.with_overrides(settings=dict(study.settings) | {"errors": errors})
    state, _ = finished(study, load_hospitals(study, None, tmp_path))
    found = state.task.result(state.inner)
    x, offset, y = table[:, :3], np.log(table[:, 3]), table[:, 4]
    expected = y + 0.1
    for _ in range(50):
        eta = np.log(expected)
        wanted = eta - offset + (y - expected) / expected
        estimates = np.linalg.solve(x.T @ (x * expected[:, None]), x.T @ (expected * wanted))
        expected = np.exp(x @ estimates + offset)
    covariance = np.linalg.inv(x.T @ (x * expected[:, None]))
    if errors == "robust":
        covariance = covariance @ (x.T @ (x * ((y - expected) ** 2)[:, None])) @ covariance
    ours = [[each["estimate"], each["standard_error"]] for each in found["terms"]]
    assert np.allclose(ours, np.stack([estimates, np.sqrt(np.diagonal(covariance))], axis=1), rtol=5e-5)
    assert found["dispersion"] == pytest.approx(float(((y - expected) ** 2 / expected).sum()) / (len(y) - 3), rel=1e-4)
    assert found["exposure"] == pytest.approx(table[:, 3].sum())
    said = [each for each in state.task.warnings(found) if "times as much as a Poisson" in each]
    assert bool(said) == (errors == "model")


def test_a_run_of_counts_verifies_and_notices_a_changed_rate(tmp_path: Path) -> None:
    study, _ = counted(tmp_path)
    result = run_study(study, base=tmp_path, out=tmp_path / "run", device="cpu")
    assert result.summary["largest_difference"] < 1e-6
    assert simulator.holds(result.path)
    stated = json.loads((result.path / "result.json").read_text())
    stated["dispersion"] *= 1.1
    (result.path / "result.json").write_text(json.dumps(stated))
    assert not simulator.holds(result.path)


def test_too_small_counts_for_the_terms_are_refused(tmp_path: Path) -> None:
    study, _ = counted(tmp_path)
    for path in tmp_path.glob("*.csv"):
        header, *lines = path.read_text().splitlines()
        few = [f"{line.rsplit(',', 1)[0]},{int(k < 2)}" for k, line in enumerate(lines)]
        path.write_text("\n".join([header, *few]) + "\n")
    with pytest.raises(DataError, match="all 360 rows together count 6"):
        finished(study, load_hospitals(study, None, tmp_path))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"exposure": "years"}, "no column"),
        ({"exposure": "ward"}, "numeric, with a minimum above 0"),
        ({"exposure": "age"}, "numeric, with a minimum above 0"),
        ({"errors": "sandwich"}, "errors"),
    ],
)
def test_an_exposure_that_gives_no_rates_is_refused(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    study, _ = counted(tmp_path)
    with pytest.raises(StudyError, match=said):
        begin(study.with_overrides(settings=dict(study.settings) | settings))


def test_a_study_without_the_younger_settings_asks_what_it_asked_before() -> None:
    chosen = regression_settings.Settings()
    assert set(chosen.asked()) == {"family", "time", "ties", "risk_rows", "clock", "reference", "level", "steps"}
    assert regression_settings.Settings(errors="robust").asked()["errors"] == "robust"


@pytest.mark.thorough
def test_the_built_in_study_gives_the_pooled_estimates_under_noise_and_encryption(tcga: Path, tmp_path: Path) -> None:
    study = load_builtin("tcga-brca-cox").with_overrides(noise={"epsilon": 20.0})  # no category is merged by chance
    result = run_study(study, data=tcga, out=tmp_path / "run", device="cpu")
    assert result.summary["noise"]
    assert result.summary["largest_difference"] < 1e-6
    assert agrees(result.summary["terms"], REFERENCES["cox_ten_at_risk"])
    assert simulator.holds(result.path)


def test_a_hazard_that_changes_over_time_is_found_and_one_that_does_not_is_not(tcga: Path) -> None:
    """The score test against the likelihood itself: a term x g(t) is added, and the likelihood differentiated by steps."""
    study = survival()
    chosen = regression_settings.parse(study)
    hospitals = load_hospitals(study, tcga, Path())
    terms = Regression(study)._terms(())
    works = [HospitalWork(k, data, "cpu", lambda: 0.0) for k, data in enumerate(hospitals)]
    rows = [regression_questions.rows_of(study, chosen, terms, at) for at in works]
    weights = np.zeros(len(terms.names))
    fit = None
    for _ in range(10):
        fit = likelihood.advance(fit, weights, regression_questions.exact(chosen, weights, rows))
        weights = fit.next_weights

    def loss(theta: float, j: int) -> float:
        found = 0.0
        for each in rows:
            for i in np.flatnonzero(each.outcome):
                at_risk = each.time >= each.time[i]
                x = each.x.copy()
                eta = x @ weights + theta * x[:, j] * each.time[i] / 9000.0
                found += float(np.log(np.exp(eta[at_risk]).sum()) - eta[i])
        return found

    step = 1e-3
    parts = [cox.in_time(weights, each.x, each.time, each.outcome == 1, each.time / 9000.0) for each in rows]
    for j in (0, 2):
        up, here, down = (loss(theta, j) for theta in (step, 0.0, -step))
        score = sum(part.score[j] for part in parts)
        assert -(up - down) / (2 * step) == pytest.approx(score, abs=1e-5)
        squared = sum(likelihood.full(part.squared, len(weights))[j, j] for part in parts)
        assert (up - 2 * here + down) / step**2 == pytest.approx(squared, rel=1e-3)


def test_a_run_verifies_shows_its_estimates_and_notices_a_changed_one(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, simulator.study(5, **LOGISTIC))
    assert simulator.holds(result.path)
    assert not (result.path / "model.safetensors").exists()
    lines = (result.path / "estimates.csv").read_text().splitlines()
    assert lines[0] == "term,estimate,standard error,odds ratio,from (95%),to (95%),z,p"
    assert [line.split(",")[0] for line in lines[1:]] == ["(intercept)", "age", "dose", "ward = B"]
    page.write(result.path)
    assert "Logistic regression over all hospitals" in (result.path / "report.html").read_text()
    stated = json.loads((result.path / "result.json").read_text())
    stated["terms"][1]["p_value"] *= 1.1
    (result.path / "result.json").write_text(json.dumps(stated))
    assert not simulator.holds(result.path)


def test_rows_that_lack_a_value_are_left_out_and_counted(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3)
    text = (tables / "clinic-1.csv").read_text().splitlines()
    for line in (3, 9):
        text[line] = "," + text[line].split(",", 1)[1]
    (tables / "clinic-1.csv").write_text("\n".join(text) + "\n")
    study = simulator.study(3, **LOGISTIC)
    state, _ = finished(study, load_hospitals(study, None, tables))
    found = state.task.result(state.inner)
    assert found["rows_left_out"] == 2
    assert found["rows"] == 90 + 100 + 110 - 2
    assert not any("left out" in said for said in state.task.warnings(found))
    many = "".join(state.task.warnings({**found, "rows_left_out": 40}))
    assert "40 of 338 rows are left out" in many


@pytest.mark.thorough
def test_noise_on_the_counts_changes_no_estimate(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3, rows=1000)
    found = []
    for enabled in (True, False):
        noise = {"enabled": enabled, "epsilon": 5.0}
        study = simulator.study(3, **LOGISTIC, aggregation={"scheme": "plain"}, noise=noise)
        found.append(run_study(study, base=tables, out=tmp_path / f"run-{enabled}", device="cpu").summary)
    with_noise, without = found
    assert with_noise["noise"]
    assert with_noise["rows"] == without["rows"]
    for a, b in zip(with_noise["terms"], without["terms"], strict=True):
        assert a["estimate"] == pytest.approx(b["estimate"], rel=1e-7)
        assert a["p_value"] == pytest.approx(b["p_value"], rel=1e-4)


def test_too_few_rows_for_the_noise_that_a_study_asks_for_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    study = simulator.study(3, **LOGISTIC, noise={"enabled": True})
    with pytest.raises(CipherwardError, match="too few for noise"):
        simulator.run(tmp_path, study)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"family": "probit"}, "family"),
        ({"bins": 3}, "bins"),
        ({"time": "age"}, 'only family "cox"'),
        ({"family": "cox"}, "needs the time"),
        ({"family": "linear"}, 'for data.outcome_type "continuous"'),
        ({"family": "poisson"}, 'for data.outcome_type "counts"'),
        ({"exposure": "age"}, 'only family "poisson"'),
        ({"family": "cox", "errors": "robust"}, "follow from the model only"),
        ({"family": "cox", "time": "ward"}, "numeric, with minimum 0"),
        ({"family": "cox", "time": "age"}, "numeric, with minimum 0"),
        ({"reference": {"ward": "C"}}, "no category"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        begin(simulator.study(3, task="regression", settings=settings))


def test_too_few_outcomes_for_the_terms_are_refused_before_a_label_is_summed(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3)
    for path in tables.glob("*.csv"):
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([header, *(f"{line[:-1]}{int(k < 2)}" for k, line in enumerate(lines))]) + "\n")
    study = simulator.study(3, **LOGISTIC, data={"allow_single_class": True})
    with pytest.raises(DataError, match="about 6 of 300 rows"):
        finished(study, load_hospitals(study, None, tables))


def test_rows_that_the_terms_part_without_error_are_said_to_mean_nothing(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3)
    for path in tables.glob("*.csv"):
        header, *lines = path.read_text().splitlines()
        path.write_text(
            "\n".join([header, *(f"{line[:-1]}{int(float(line.split(',')[0]) > 0)}" for line in lines)]) + "\n"
        )
    study = simulator.study(3, **LOGISTIC | {"settings": {"steps": 40}}, data={"confirmed_columns": ["age"]})
    state, _ = finished(study, load_hospitals(study, None, tables))
    found = state.task.result(state.inner)
    assert any("run away" in said for said in state.task.warnings(found))
    few = simulator.study(3, **LOGISTIC | {"settings": {"steps": 1}})
    state, _ = finished(few, load_hospitals(few, None, simulator.write_tables(tmp_path / "others", 3)))
    found = state.task.result(state.inner)
    assert not found["converged"]
    assert any("had not converged after 1 steps" in said for said in state.task.warnings(found))


def test_a_linear_regression_is_that_of_pooled_rows_in_the_outcomes_own_unit(tmp_path: Path) -> None:
    """Estimates, errors and p-values by the textbook's formulas (R's lm), on the rows as they stand."""
    rng, rows = np.random.default_rng(1), []
    for index in range(1, 4):
        x, ward = rng.normal(0.0, 1.0, (90, 2)), rng.integers(0, 2, 90)
        y = 40.0 + 3.0 * x[:, 0] + 2.0 * ward + rng.normal(0.0, 5.0, 90)
        lines = [f"{a:.4f},{d:.4f},{'AB'[w]},{o:.3f}" for (a, d), w, o in zip(x, ward, y, strict=True)]
        (tmp_path / f"clinic-{index}.csv").write_text("\n".join(["age,dose,ward,outcome", *lines]) + "\n")
        rows += [
            [1.0, *map(float, line.split(",")[:2]), line.split(",")[2] == "B", line.split(",")[3]] for line in lines
        ]
    table = np.array(rows, dtype=np.float64)
    data = {"outcome_type": "continuous", "outcome_minimum": 0.0, "outcome_maximum": 100.0}
    study = simulator.study(3, task="regression", settings={"family": "linear"}, data=data)
    state, _ = finished(study, load_hospitals(study, None, tmp_path))
    found = state.task.result(state.inner)
    x, y = table[:, :4], table[:, 4]
    estimates = np.linalg.solve(x.T @ x, x.T @ y)
    variance = ((y - x @ estimates) ** 2).sum() / (len(y) - 4)
    errors = np.sqrt(variance * np.diagonal(np.linalg.inv(x.T @ x)))
    ours = [[each["estimate"], each["standard_error"], each["p_value"]] for each in found["terms"]]
    p_values = [wald.student(t, len(y) - 4) for t in estimates / errors]
    assert np.allclose(ours, np.stack([estimates, errors, p_values], axis=1), rtol=5e-5)
    assert found["residual_standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-6)
    assert not state.task.warnings(found)
    assert state.task.tables(found)[0].header[-2:] == ("t", "p")


def test_another_reference_changes_the_sign_and_nothing_else(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3)
    found = []
    for reference in ({}, {"ward": "B"}):
        settings = {"reference": reference}
        study = simulator.study(3, task="regression", settings=settings)
        state, _ = finished(study, load_hospitals(study, None, tables))
        found.append(state.task.result(state.inner)["terms"][3])
    first, second = found
    assert (first["term"], second["term"]) == ("ward = B", "ward = A")
    assert first["estimate"] == pytest.approx(-second["estimate"], rel=1e-6)


def test_a_hospital_whose_few_rows_the_estimates_set_apart_sends_nothing() -> None:
    x = np.zeros((60, 2))
    x[:, 1], x[:3, 0] = np.linspace(-0.5, 0.5, 60), 1.0
    rows = regression_questions.Rows(x, np.zeros(60, np.int8), np.zeros(60), 60)
    at = HospitalWork(0, None, "cpu", lambda: 0.0, cell_min=10)  # type: ignore[arg-type]
    chosen, study = regression_settings.Settings(), simulator.study(3, **LOGISTIC)
    with pytest.raises(UnfitUpdateError, match="apart"):
        regression_questions.fitted(study, chosen, np.array([30.0, 0.1]), Scale.of(60), rows, at)
    assert regression_questions.fitted(study, chosen, np.array([0.1, 0.1]), Scale.of(60), rows, at)
    with pytest.raises(DataError, match="room for"):
        regression_questions.fitted(study, chosen, np.zeros(2), Scale(32), rows, at)


def test_fixed_point_keeps_the_largest_sums_and_leaves_none_negative() -> None:
    for n in (1, 50, 10**6):
        scale = Scale.of(n)
        ends = np.array([-float(n), 0.0, float(n), 0.3])
        whole = scale.whole(ends, n)
        assert whole.min() >= 0
        assert whole.max() < 2**53
        assert np.allclose(scale.real(whole, n), ends, atol=1e-9 * n)


@pytest.mark.thorough
def test_real_hospitals_fit_a_regression_together(tmp_path: Path) -> None:
    four = Consortium(tmp_path, 4)
    try:
        folder = four.start(document(4, **LOGISTIC))
        four.approve()
        four.pump()
        assert four.status()["phase"] == "finished"
        assert simulator.holds(folder)
        assert (folder / "estimates.csv").exists()
    finally:
        four.close()
