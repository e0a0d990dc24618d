"""Intervals from weighted draws, against scikit-learn's weighted metrics and against bootstraps done the slow way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests import simulator

from cipherward.comparison.bootstrap import Draws, TestRows, mean, pooled
from cipherward.data.partition import TEST
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError


def rows(seed: int, n: int = 200, patients: int = 80) -> TestRows:
    rng = np.random.default_rng(seed)
    return TestRows(rng.integers(0, 2, n).astype(np.int8), rng.permutation(np.arange(n) % patients))


def scores(seed: int, of: TestRows, levels: int = 0) -> NDArray[np.float64]:
    """Scores that know a little about the labels; `levels` > 0 makes ties."""
    rng = np.random.default_rng(seed)
    found = 1.0 / (1.0 + np.exp(-(rng.normal(size=len(of.labels)) + 0.7 * of.labels)))
    return np.asarray(np.round(found * levels) / levels if levels else found)


def weights(draws: Draws, index: int) -> NDArray[np.float64]:
    return draws._times[index][:, draws.rows[index].cluster].astype(np.float64)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0, 3, 20]))
def test_every_draw_has_the_metrics_that_scikit_learn_gives_with_the_same_weights(seed: int, levels: int) -> None:
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    of = rows(seed)
    draws = Draws([of], seed, 7)
    sampled = draws.sample(0, predicted := scores(seed + 1, of, levels))
    assert sampled.point == pytest.approx(
        [
            roc_auc_score(of.labels, predicted),
            average_precision_score(of.labels, predicted),
            brier_score_loss(of.labels, predicted),
        ]
    )
    for k, weight in enumerate(weights(draws, 0)):
        assert sampled.draws[:, k] == pytest.approx(
            [
                roc_auc_score(of.labels, predicted, sample_weight=weight),
                average_precision_score(of.labels, predicted, sample_weight=weight),
                brier_score_loss(of.labels, predicted, sample_weight=weight),
            ]
        )


def test_a_draw_takes_as_many_patients_as_there_are_and_all_rows_of_each() -> None:
    of = rows(1)
    draws = Draws([of], 1, 50)
    times = draws._times[0]
    assert (times.sum(axis=1) == of.n_clusters).all()
    assert len({row.tobytes() for row in times}) == 50
    for weight in weights(draws, 0):
        assert all(len(set(weight[of.cluster == patient])) == 1 for patient in range(of.n_clusters))


def test_rows_of_one_patient_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat(rng.integers(0, 2, 150), 8).astype(np.int8)
    predicted = np.repeat(np.clip(0.5 + rng.normal(size=150) / 10, 0, 1), 8)
    by_patient = Draws([TestRows(labels, np.repeat(np.arange(150), 8))], 0, 400).sample(0, predicted)
    by_row = Draws([TestRows(labels, np.arange(1200))], 0, 400).sample(0, predicted)
    wide, narrow = by_patient.interval("auroc"), by_row.interval("auroc")
    assert wide["mean"] == narrow["mean"]
    assert wide["high"] - wide["low"] > 2.0 * (narrow["high"] - narrow["low"])


def test_the_same_draws_meet_every_arm_so_that_differences_are_paired() -> None:
    of = rows(2)
    predicted = scores(3, of)
    draws = Draws([of, of], 9)
    assert draws._times[0] is draws._times[1]
    one = draws.over_seeds([draws.sample(0, predicted), draws.sample(1, predicted)])
    same = draws.over_seeds([draws.sample(0, predicted**3), draws.sample(1, predicted**3)])
    assert (one - same).interval("auroc") == pytest.approx({"mean": 0.0, "low": 0.0, "high": 0.0})
    assert one.interval("auroc")["low"] < one.interval("auroc")["mean"] < one.interval("auroc")["high"]


def test_seeds_that_differ_widen_the_interval() -> None:
    of = rows(4)
    draws = Draws([of] * 3, 4)
    good, bad = draws.sample(0, scores(1, of)), draws.sample(0, np.asarray(1.0 - scores(1, of)))
    same = draws.over_seeds([good, good, good]).interval("auroc")
    apart = draws.over_seeds([good, bad, good]).interval("auroc")
    assert apart["mean"] == pytest.approx((2 * good.point[0] + bad.point[0]) / 3)
    assert apart["high"] - apart["low"] > 2.0 * (same["high"] - same["low"])


def test_seeds_with_other_rows_are_drawn_on_their_own() -> None:
    draws = Draws([rows(1), rows(2)], 0, 20)
    assert not np.array_equal(draws._times[0], draws._times[1])


def test_the_mean_of_several_models_is_taken_draw_by_draw() -> None:
    of = rows(6)
    draws = Draws([of], 0, 30)
    a, b = draws.sample(0, scores(1, of)), draws.sample(0, scores(2, of))
    assert mean([a, b]).draws == pytest.approx((a.draws + b.draws) / 2)


def test_rows_of_one_class_are_refused() -> None:
    of = TestRows(np.ones(10, np.int8), np.arange(10))
    with pytest.raises(DataError, match="one class"):
        Draws([of], 0, 5).sample(0, np.linspace(0, 1, 10))


def test_rows_of_one_patient_share_a_code_that_is_no_id(tmp_path: Path) -> None:
    study = simulator.study(3, data={"patient_column": "patient"})
    tables = simulator.write_tables(tmp_path, 3)
    ids: dict[str, list[str]] = {}
    for index in range(1, 4):
        path = tables / f"clinic-{index}.csv"
        lines = path.read_text().splitlines()
        ids[f"clinic-{index}"] = [f"NHS-{(7 * k) % 40}" for k in range(len(lines) - 1)]
        body = [f"{line},{name}" for line, name in zip(lines[1:], ids[f"clinic-{index}"], strict=True)]
        path.write_text("\n".join([lines[0] + ",patient", *body]) + "\n")
    hospitals = load_hospitals(study, None, tables)
    n_patients = 0
    for hospital in hospitals:
        assert hospital.cluster is not None
        assert hospital.cluster.dtype == np.uint32
        pairs = set(zip(ids[hospital.name], hospital.cluster.tolist(), strict=True))
        assert len(pairs) == len({name for name, _ in pairs}) == len({code for _, code in pairs}) == 40
        assert sorted({code for _, code in pairs}) == list(range(40))
        assert "NHS" not in repr(hospital)
        n_patients += len({name for name, side in zip(ids[hospital.name], hospital.split, strict=True) if side == TEST})
    assert pooled(hospitals).n_clusters == n_patients


def test_without_a_patient_column_every_row_stands_for_itself(tmp_path: Path) -> None:
    hospitals = load_hospitals(simulator.study(3), None, simulator.write_tables(tmp_path, 3))
    assert all(hospital.cluster is None for hospital in hospitals)
    found = pooled(hospitals)
    assert found.n_clusters == len(found.labels) == len(set(found.cluster.tolist()))
