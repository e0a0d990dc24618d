"""Whole runs of outcomes that are not binary: fitted as the pooled model, verified, reported, predicted; or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import cipherward
from cipherward import study as study_document
from cipherward.comparison.compare import compare_study
from cipherward.errors import DataError, StudyError
from cipherward.report import page
from cipherward.runs import export_onnx, prediction
from cipherward.runs.verify import verify_sums
from cipherward.simulation.personalised import personalise_run
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task

GRADES = ("none", "some", "much")
TYPES: dict[str, dict[str, Any]] = {
    "multiclass": {"classes": GRADES},
    "ordinal": {"classes": GRADES},
    "continuous": {"outcome_minimum": 0.0, "outcome_maximum": 200.0},
    "counts": {"outcome_maximum": 60.0},
}


def tables(folder: Path, kind: str, n: int = 600, hospitals: int = 3) -> Path:
    rng = np.random.default_rng(11)
    age, severe = rng.uniform(20, 90, n).round(1), rng.choice(["no", "yes"], n)
    risk = (age - 55) / 15 + (severe == "yes")
    latent = risk + rng.logistic(size=n)
    outcome: Any = np.array(GRADES)[(latent[:, None] > np.array([-0.5, 1.2])).sum(axis=1)]
    if kind == "continuous":
        outcome = (100.0 + 15.0 * risk + rng.normal(0.0, 8.0, n)).clip(0.0, 200.0).round(1)
    if kind == "counts":
        outcome = rng.poisson(np.exp(1.0 + 0.4 * risk)).clip(0, 60)
    table = pl.DataFrame({"age": age, "severe": severe, "y": outcome})
    folder.mkdir(exist_ok=True)
    for place in range(hospitals):
        table[place::hospitals].write_csv(folder / f"h{place}.csv")
    return folder


def study(kind: str, hospitals: int = 3, **sections: Any) -> Study:
    document = {
        "name": "types",
        "synthetic": True,
        "seed": 5,
        "data": {"source": "files", "outcome": "y", "outcome_type": kind, **TYPES[kind]},
        "columns": [
            {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 110},
            {"name": "severe", "kind": "categorical", "categories": ["no", "yes"]},
        ],
        "model": {"kind": "linear"},
        "aggregation": {"scheme": "plain"},
        "hospitals": [{"name": f"h{place}", "path": f"h{place}.csv"} for place in range(hospitals)],
    }
    return study_document.parse({**document, **sections}, origin="test")


@pytest.mark.parametrize("kind", TYPES)
def test_a_run_reaches_the_pooled_model_and_is_verified_reported_and_used(tmp_path: Path, kind: str) -> None:
    rows = tables(tmp_path / "rows", kind)
    result = cipherward.run_study(study(kind), base=rows, out=tmp_path / "run", device="cpu")
    found = result.summary
    key = found["headline"]
    assert found["outcome_type"] == kind
    assert found["converged_early"]
    assert found["rounds"] == 1 or kind != "continuous"
    assert found[f"{key}_federated_exact"] == pytest.approx(found[f"{key}_centralised"], abs=1e-3)
    assert len(found[f"{key}_local"]) == 3
    assert all(line.holds for line in verify_sums(result.path))
    page.write(result.path)
    text = (result.path / "report.html").read_text("utf-8")
    assert "AUROC over rounds" not in text.replace("Macro AUROC over rounds", "")
    assert (result.path / "rounds.svg").exists()
    assert not (result.path / "auroc.svg").exists()
    predicted = prediction.predict_rows(result.path, rows / "h0.csv")
    lines = predicted.to_csv().splitlines()
    assert lines[0].split(",")[1 : 1 + len(predicted.columns)] == list(predicted.columns)
    assert len(lines) == 201


@pytest.mark.parametrize("kind", ["continuous", "counts"])
def test_a_model_of_a_number_is_exported_as_predict_has_it(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    chosen = study(kind, training={"rounds": 2})
    run = cipherward.run_study(chosen, base=tables(tmp_path / "rows", kind), out=tmp_path / "run", device="cpu")
    exported = export_onnx.write(run.path, tmp_path / "model.onnx")
    assert exported.difference is not None
    assert exported.difference < 1e-5
    assert exported.rows > 0


def test_a_network_learns_grades_in_rounds(tmp_path: Path) -> None:
    rows = tables(tmp_path / "rows", "ordinal")
    chosen = study("ordinal", model={"kind": "mlp", "hidden": [4]}, training={"rounds": 4, "learning_rate": 0.3})
    found = cipherward.run_study(chosen, base=rows, out=tmp_path / "run", device="cpu").summary
    assert found["kappa_federated"] > 0.3
    assert len(found["kappa_by_round"]) == 5


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"task": "describe", "settings": {}}, "task 'describe' is for a binary outcome"),
        ({"task": "points", "model": {"kind": "points"}}, "kind 'points' is for a binary outcome"),
        ({"task": "survival", "settings": {"time": "age", "months": [12]}}, "task 'survival' is for a binary outcome"),
        ({"task": "boost", "model": {"kind": "boosted-trees"}}, "kind 'boosted-trees' is for a binary outcome"),
    ],
)
def test_tasks_of_a_binary_outcome_are_refused_by_name(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        make_task(study("ordinal", **sections))


def test_a_number_needs_a_kind_of_model_that_predicts_one() -> None:
    with pytest.raises(StudyError, match="kind 'logistic-regression' is for an outcome of classes"):
        make_task(study("counts", model={"kind": "logistic-regression"}))
    make_task(study("ordinal", model={"kind": "logistic-regression"}))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("continuous", "201", "outside the declared range 0 to 200"),
        ("continuous", "high", "is not a number"),
        ("counts", "2.5", "is no whole number"),
        ("counts", "", "has no outcome"),
        ("counts", "n/a", "has no outcome"),
    ],
)
def test_a_row_without_a_number_in_the_range_is_refused_with_its_place(
    tmp_path: Path, kind: str, value: str, said: str
) -> None:
    rows = tables(tmp_path / "rows", kind)
    lines = (rows / "h1.csv").read_text().splitlines()
    lines[4] = ",".join([*lines[4].split(",")[:2], value])
    (rows / "h1.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=f"column 'y', row 4.*{said}") as caught:
        cipherward.run_study(study(kind), base=rows, out=tmp_path / "run", device="cpu")
    assert said in caught.value.logged
    assert not value or f"'{value}'" not in caught.value.logged


def test_noise_covers_the_outcome_s_own_sums() -> None:
    statistics, _ = next(iter(make_task(study("continuous")).plan()))
    sizes = {segment.name: segment.size for segment in statistics.layout.segments}
    assert (sizes["rows"], sizes["present"], sizes["sum"]) == (1, 2, 2)
    assert statistics.sensitivity is not None
    covered = {name: size for part in statistics.sensitivity.parts for name, size in part.segments}
    assert {name: covered[name] for name in ("rows", "present", "sum", "square")} == {
        name: sizes[name] for name in ("rows", "present", "sum", "square")
    }


def test_a_comparison_and_fine_tuning_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="comparison of ways to train is for a binary outcome"):
        compare_study(study("ordinal"), tmp_path / "comparison")
    rows = tables(tmp_path / "rows", "ordinal")
    run = cipherward.run_study(study("ordinal"), base=rows, out=tmp_path / "run", device="cpu")
    with pytest.raises(StudyError, match="fine-tuning at a hospital is for a binary outcome"):
        personalise_run(run.path, device="cpu")


def test_a_row_of_no_declared_class_is_refused_with_its_place(tmp_path: Path) -> None:
    rows = tables(tmp_path / "rows", "ordinal")
    table = pl.read_csv(rows / "h1.csv")
    table = table.with_columns(y=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("unsure")).otherwise("y"))
    table.write_csv(rows / "h1.csv")
    with pytest.raises(DataError, match=r"column 'y', row 4.*'unsure'") as caught:
        cipherward.run_study(study("ordinal"), base=rows, out=tmp_path / "run", device="cpu")
    assert "unsure" not in caught.value.logged


def test_a_class_that_nobody_has_is_refused(tmp_path: Path) -> None:
    rows = tables(tmp_path / "rows", "ordinal")
    chosen = study("ordinal").with_overrides(data={"classes": [*GRADES, "most"]})
    with pytest.raises(DataError, match="'most'"):
        cipherward.run_study(chosen, base=rows, out=tmp_path / "run", device="cpu")
