"""The figures that runs and comparisons share, and the two that are files of their own."""

from __future__ import annotations

import dataclasses
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests import simulator

from cipherward.data.preprocess import Preprocessor
from cipherward.errors import StorageError
from cipherward.report import charts, figures, page, pictures, predictors
from cipherward.report.blocks import Figure
from cipherward.report.facts import Facts, gather
from cipherward.report.figures import Scored, Way


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return gather(simulator.run(tmp_path_factory.mktemp("figures"), simulator.study(5)).path)


def drawn(facts: Facts) -> str:
    return pictures.standalone(charts.auroc(facts), facts)


def text_of(svg: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())  # noqa: S314 - written by this project


def way(*auroc: float, name: str = "federated", **more: Any) -> Way:
    return Way(name, "circle", "fed", {n: (value,) for n, value in enumerate(auroc)}, **more)


def both(facts: Facts) -> dict[str, Figure | None]:
    return {pictures.AUROC: charts.auroc(facts), pictures.HOSPITALS: charts.hospitals_pooled(facts)}


def test_a_run_gets_two_svg_files_and_the_same_ones_every_time(facts: Facts, tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        pictures.write(folder, facts, both(facts))
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["auroc.svg", "hospitals.svg"]
    for name in (pictures.AUROC, pictures.HOSPITALS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_file_loads_nothing_runs_nothing_and_says_what_it_is(facts: Facts) -> None:
    svg = drawn(facts)
    root = ElementTree.fromstring(svg)  # noqa: S314
    assert not re.search(r"<script|href|url\(|@import|\son\w+=", svg)
    assert svg.count("http") == 1, "the name space alone"
    ids = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert all(ids[name] for name in (root.get("aria-labelledby") or "").split())
    assert root.get("role") == "img"


def test_every_file_says_which_scheme_ran_and_whether_patients_are_synthetic(facts: Facts) -> None:
    plain = facts.study.with_overrides(aggregation={"scheme": "plain"}, top={"synthetic": True})
    shown = text_of(drawn(replace(facts, study=plain)))
    assert "SYNTHETIC DATA" in shown
    assert "scheme plain (no protection)" in shown
    assert "not synthetic data" in text_of(drawn(facts))
    assert "Simulation only" in text_of(pictures.standalone(charts.hospitals_pooled(facts), facts))


def test_titles_and_names_are_text(facts: Facts) -> None:
    names = ("<script>alert(1)</script>", "x" * 300, *facts.names[2:])
    bad = replace(facts, names=names, study=facts.study.with_overrides(top={"title": "A <b>$100</b> study " * 20}))
    svg = pictures.standalone(charts.hospitals_pooled(bad), bad)
    assert "<b>" not in svg
    assert "<script" not in svg
    assert "A <b>$100</b> study" in text_of(svg)


def test_a_ceiling_is_drawn_only_where_one_is_known() -> None:
    known, unknown = (figures.by_round([way(0.6, 0.7)], "", "", best=best) for best in (0.74, None))
    assert any("best possible" in text for _, text in known.legend)
    assert not any("best possible" in text for _, text in unknown.legend)


def test_fifty_hospitals_are_all_named_and_more_are_shown_in_order() -> None:
    def svg(n: int) -> str:
        own = [Scored(f"hospital-{k:02d}", 0.6 + k / 1000, 0.5, 0.8) for k in range(1, n + 1)]
        return str(figures.alone(own, Scored("federated", 0.7, 0.6, 0.8), None, "100", "").svg)

    assert all(f"hospital-{k:02d}" in svg(50) for k in range(1, 51))
    assert "hospital-01" not in svg(51)
    assert "hospitals, in order" in svg(51)


def test_a_study_that_stopped_early_has_a_shorter_federated_curve() -> None:
    found = figures.by_round([way(0.5), way(0.5, 0.6, 0.7, name="centralised")], "", "rounds.jsonl")
    assert found.data.rows[-1] == ("2", "–", "0.700")


def test_an_untrained_model_that_would_squeeze_the_others_together_is_named_instead_of_drawn() -> None:
    far, near = figures.by_round([way(0.2, 0.70, 0.71)], "", ""), figures.by_round([way(0.64, 0.66, 0.70)], "", "")
    assert "The untrained model (0.200) lies below the picture." in far.shows
    assert far.chart is not None
    assert far.chart.y.low > 0.5
    assert "untrained" not in near.shows


def test_no_axis_of_auroc_goes_beyond_one() -> None:
    chart = figures.by_round([way(0.995, 0.999)], "", "").chart
    assert chart is not None
    assert chart.y.high == pytest.approx(1.0)
    assert chart.y.high - chart.y.low >= figures.MIN_SPAN


def test_rounds_of_very_different_length_stand_on_a_logarithmic_axis() -> None:
    slow = way(0.6, 0.7, name="slow", seconds={1: 40.0})
    for other, logarithmic in ((1.0, True), (30.0, False)):
        chart = figures.against_time([slow, way(0.6, 0.7, seconds={1: other})], "", "").chart
        assert chart is not None
        assert chart.x.logarithmic == logarithmic


def test_too_few_test_rows_for_a_calibration_are_said_to_be_too_few_and_not_well_predicted(facts: Facts) -> None:
    measured = facts.trained.federated
    assert "percentage points" in charts.calibration(facts).shows
    few = measured.model_copy(
        update={"calibration": tuple(group.model_copy(update={"n": 4}) for group in measured.calibration)}
    )
    shown = charts.calibration(
        replace(facts, result=facts.trained.model_copy(update={"federated": few, "centralised": None}))
    ).shows
    assert "too few" in shown
    assert "percentage points" not in shown


def test_a_folder_that_cannot_be_written_is_a_storage_error(facts: Facts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        pictures.write(tmp_path / "file", facts, both(facts))


def test_the_report_names_its_predictors_with_unit_range_and_missing_share(facts: Facts) -> None:
    content = page.details(facts)
    listed = {row[0]: row for row in content["predictors"].rows}
    assert list(listed) == [column.name for column in facts.study.columns]
    for column in facts.study.columns:
        if column.kind == "numeric":
            assert f"{column.minimum:g} to {column.maximum:g}" in listed[column.name]
            assert listed[column.name][-1] == "none" or str(listed[column.name][-1]).endswith("%")
    assert content["outcome"] == f"{facts.study.data.outcome} is {facts.study.data.positive}"


def test_an_input_that_is_never_set_has_no_coefficient_in_the_report(facts: Facts) -> None:
    assert facts.model is not None
    scaling = facts.model.scaling
    assert isinstance(scaling, Preprocessor)
    name = next(f"{column.name} is missing" for column in facts.study.columns if column.kind == "categorical")
    unmarked = dataclasses.replace(scaling, unmarked=(name.removesuffix(" is missing"),))
    without = dataclasses.replace(facts, model=dataclasses.replace(facts.model, preprocessor=unmarked))
    named = [{row[0] for row in table.rows} for each in (facts, without) if (table := predictors.coefficients(each))]
    assert named[0] - named[1] == {name}
    assert named[1] < named[0]


def test_coefficients_in_original_units_give_the_models_own_risk(facts: Facts) -> None:
    assert facts.model is not None
    found = facts.model.scaling
    values = {
        c.name: c.minimum + 0.3 * (c.maximum - c.minimum) for c in found.columns if c.minimum is not None and c.maximum
    }
    row = pl.DataFrame({c.name: [values.get(c.name, c.categories[0] if c.categories else None)] for c in found.columns})
    weights = facts.model.weights.astype(float)
    logit = float(found.transform(row)[0].astype(float) @ weights[:-1] + weights[-1])
    table = predictors.coefficients(facts)
    assert table is not None
    of = {name: float(str(original).replace("−", "-")) for name, _, original, _ in table.rows}
    inputs = {"intercept": 1.0}
    for column in found.columns:
        if column.kind == "numeric":
            value = values[column.name]
            inputs[column.name] = math.log1p(value) if column.transform == "log1p" else value
        else:
            inputs[f"{column.name} = {column.categories[0]}"] = 1.0
    assert sum(of[name] * value for name, value in inputs.items()) == pytest.approx(logit, abs=0.02 + 0.01 * abs(logit))
