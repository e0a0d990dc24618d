from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cipherward.data import cohorts
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.preprocess import fit, local_statistics
from cipherward.data.sources import load_hospitals
from cipherward.study import Cohort, load_builtin


def test_a_hospital_depends_on_seed_and_index_only() -> None:
    cohort = Cohort(n_hospitals=3, encounters_per_hospital=100)
    table, probability = cohorts.generate(cohort, 5, 2)
    again, same = cohorts.generate(Cohort(n_hospitals=1000, encounters_per_hospital=100), 5, 2)
    assert table.equals(again)
    assert np.array_equal(probability, same)
    assert not cohorts.generate(cohort, 5, 1)[0].equals(table)
    assert not cohorts.generate(cohort, 6, 2)[0].equals(table)


def test_the_outcome_follows_the_true_probability() -> None:
    from sklearn.metrics import roc_auc_score

    cohort = Cohort(n_hospitals=1, encounters_per_hospital=100_000, heterogeneity=0.0)
    table, probability = cohorts.generate(cohort, 0, 0)
    outcome = table[cohorts.OUTCOME].to_numpy()
    assert table.height == 100_000
    assert 0.12 <= outcome.mean() <= 0.18
    assert 0.76 <= roc_auc_score(outcome, probability) <= 0.80
    for low, high in ((0.0, 0.05), (0.05, 0.15), (0.15, 0.3), (0.3, 0.6)):
        rows = (probability >= low) & (probability < high)
        tolerance = 4 * np.sqrt(0.25 / rows.sum())
        assert outcome[rows].mean() == pytest.approx(probability[rows].mean(), abs=tolerance)


def test_hospitals_differ_in_size_and_in_what_they_measure() -> None:
    tables = [cohorts.generate(Cohort(), 3, index)[0] for index in range(8)]
    assert len({table.height for table in tables}) == 8
    missing = [table["bnp"].null_count() / table.height for table in tables]
    assert max(missing) - min(missing) > 0.2


def test_rows_of_one_patient_agree_on_age_and_sex() -> None:
    table, _ = cohorts.generate(Cohort(), 0, 0)
    grouped = table.group_by(cohorts.PATIENT).n_unique()
    assert 1.1 < table.height / grouped.height < 1.5
    assert grouped["age"].max() == grouped["sex"].max() == 1


def test_the_built_in_study_accepts_its_cohort_and_a_logistic_regression_comes_close_to_the_best() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    study = load_builtin("readmission")
    assert study.synthetic
    assert "SYNTHETIC" in study.description
    hospitals = load_hospitals(study, None, Path())
    assert [h.name for h in hospitals] == [f"hospital-{index}" for index in range(1, 6)]
    parts = [local_statistics(h.table, h.outcome, h.split, study.columns) for h in hospitals]
    fitted = fit(study.columns, {key: np.sum([part[key] for part in parts], axis=0) for key in parts[0]})
    features = np.concatenate([fitted.transform(h.table) for h in hospitals])
    outcome = np.concatenate([h.outcome for h in hospitals])
    split = np.concatenate([h.split for h in hospitals])
    best = np.concatenate([h.best_score for h in hospitals if h.best_score is not None])
    model = LogisticRegression(C=0.1, max_iter=500).fit(features[split == TRAIN], outcome[split == TRAIN])
    reached = roc_auc_score(outcome[split == TEST], model.decision_function(features[split == TEST]))
    ceiling = roc_auc_score(outcome[split == TEST], best[split == TEST])
    assert 0.75 <= ceiling <= 0.81
    assert ceiling - 0.02 <= reached <= ceiling + 0.005
