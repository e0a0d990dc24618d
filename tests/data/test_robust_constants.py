"""Medians and robust spreads from histograms are those of all rows within a bin, and few extreme values do not move them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import simulator

from cipherward.data import robust_constants
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.robust_constants import BINS
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, StudyError
from cipherward.report import page
from cipherward.study import Column, Study, load_builtin
from cipherward.tasks import statistics
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.hospital_work import HospitalWork

AGE = Column(name="age", kind="numeric", minimum=0.0, maximum=100.0)


def fitted(values: list[float] | np.ndarray, column: Column = AGE, stddev: float = 0.0) -> Preprocessor:
    table = pl.DataFrame({"age": pl.Series(np.asarray(values, dtype=np.float64)).fill_nan(None)})
    counts = robust_constants.histograms(table, (column,), np.ones(len(table), dtype=bool), {})
    if stddev:
        counts = counts + np.rint(np.random.default_rng(1).normal(0.0, stddev, BINS)).astype(np.int64)
    rows = np.array([len(table), len(table) // 3], dtype=np.int64)
    return robust_constants.fit((column,), {"rows": rows, "histogram": counts}, stddev)


@given(st.lists(st.floats(0.0, 100.0), min_size=40, max_size=200), st.integers(0, 2**32))
@settings(max_examples=150)
def test_the_median_is_that_of_the_rows_within_one_bin(values: list[float], seed: int) -> None:
    spread = np.random.default_rng(seed).normal(50.0, 15.0, 200).clip(0.0, 100.0)
    rows = np.concatenate([values, spread])
    found = fitted(rows)
    low, high = np.quantile(rows, [0.5 - 1.0 / len(rows), 0.5 + 1.0 / len(rows)])
    assert low / 100.0 - 1.0 / BINS <= found.mean[0] <= high / 100.0 + 1.0 / BINS


def test_the_spread_is_the_standard_deviation_of_normal_values_and_outliers_hardly_move_it() -> None:
    values = np.random.default_rng(2).normal(40.0, 8.0, 5000)
    found = fitted(values)
    assert found.stddev[0] == pytest.approx(0.08, rel=0.03)
    wild = fitted(np.concatenate([values, np.full(150, 100.0)]))
    assert wild.stddev[0] == pytest.approx(0.08, rel=0.06)
    assert np.concatenate([values, np.full(150, 100.0)]).std() / 100.0 > 0.12


def test_a_column_that_is_mostly_one_value_takes_wider_quantiles_and_a_constant_one_is_kept() -> None:
    mostly = np.concatenate([np.zeros(850), np.random.default_rng(3).uniform(0, 60, 150)])
    assert 0.05 < fitted(mostly).stddev[0] < 0.5
    assert fitted(np.full(100, 7.0)).stddev == (1.0,)
    nearly = np.concatenate([np.zeros(1000), [100.0]])
    assert 0.0 < fitted(nearly).stddev[0] < 0.1
    assert fitted([float("nan")] * 30).mean == (robust_constants.UNKNOWN_MEDIAN,)


def test_noise_moves_the_median_little_and_little_data_says_nothing() -> None:
    values = np.random.default_rng(4).normal(40.0, 8.0, 20_000)
    noisy, exact = fitted(values, stddev=12.0), fitted(values)
    assert noisy.mean[0] == pytest.approx(exact.mean[0], abs=0.01)
    assert noisy.stddev[0] == pytest.approx(exact.stddev[0], rel=0.2)
    few = fitted(values[:200], stddev=12.0)
    assert (few.mean, few.stddev) == ((0.5,), (0.25,))


def test_the_noise_of_empty_bins_sets_no_scale_of_a_column_in_a_range_that_is_far_too_wide() -> None:
    wide = AGE.model_copy(update={"minimum": -50_000.0, "maximum": 50_000.0})
    found = fitted(np.random.default_rng(5).normal(40.0, 8.0, 14_000), wide, stddev=25.0)
    assert found.stddev[0] == 8.0 / BINS


def test_counts_that_no_data_gives_are_refused() -> None:
    rows = np.array([10, 3], dtype=np.int64)
    with pytest.raises(DataError, match="one histogram"):
        robust_constants.fit((AGE,), {"rows": rows, "histogram": np.zeros(3, np.int64)})
    for wrong in (np.full(BINS, 1), np.full(BINS, -1)):
        with pytest.raises(DataError, match="cannot come from data"):
            robust_constants.fit((AGE,), {"rows": rows, "histogram": wrong.astype(np.int64)})


def robust(**more: Any) -> Study:
    training = {"rounds": 8, "scale": "robust"}
    return simulator.study(4, training=training | {"batch_size": 0, "learning_rate": 0.05}, **more)


def test_a_run_scales_by_medians_verifies_and_says_so(tmp_path: Path) -> None:
    result = simulator.run(tmp_path, robust())
    assert simulator.holds(result.path)
    state = simulator.replayed(result.path)
    scaling = state.model.preprocessor if state.model else None
    assert isinstance(scaling, Preprocessor)
    rows = load_hospitals(robust(), None, tmp_path / "tables")
    ages = np.concatenate([h.table["age"].to_numpy()[h.split == TRAIN] for h in rows])
    assert -8.0 + 16.0 * scaling.mean[0] == pytest.approx(float(np.median(ages)), abs=16.0 / BINS)
    assert result.summary["auroc_federated_exact"] == pytest.approx(result.summary["auroc_centralised"], abs=2e-3)
    page.write(result.path)
    assert "Median (robust SD)" in (result.path / "report.html").read_text()


def test_with_noise_the_question_asks_no_sums(tmp_path: Path) -> None:
    question = statistics.question(robust(noise={"enabled": True, "epsilon": 4.0}))
    assert [part.name for part in question.layout.segments] == ["rows", "present", "histogram", "categories"]
    assert question.sensitivity is not None
    plain = statistics.question(simulator.study(4))
    assert "histogram" not in [part.name for part in plain.layout.segments]


def test_an_exact_histogram_of_a_hospital_is_of_ten_rows_a_bin_or_none(tmp_path: Path) -> None:
    chosen = robust()
    (data, *_) = load_hospitals(chosen, None, simulator.write_tables(tmp_path, 4, rows=300))
    at = HospitalWork(0, data, "cpu", lambda: 0.0, cell_min=10)
    counts = at.values(begin(chosen))["histogram"].reshape(-1, BINS)
    assert all(int(n) == 0 or int(n) >= 10 for n in counts.reshape(-1))
    assert counts.sum(axis=1).tolist() == [int((data.split == TRAIN).sum())] * 2
    assert make_task(chosen).bins() == BINS


@pytest.mark.parametrize(
    "sections",
    [
        {"task": "points", "training": {"scale": "robust"}, "model": {"kind": "points"}},
        {
            "training": {"scale": "robust"},
            "data": {"outcome": "dose", "outcome_type": "continuous", "outcome_minimum": -8.0, "outcome_maximum": 8.0},
            "columns": simulator.document()["columns"][::2],
            "model": {"kind": "linear"},
        },
    ],
    ids=["task", "outcome"],
)
def test_what_scales_nothing_so_is_refused(sections: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="scale"):
        make_task(simulator.study(4, **sections))


def test_a_study_that_does_not_say_it_is_the_document_that_it_was() -> None:
    assert "scale" not in load_builtin("readmission").model_dump(mode="json")["training"]
