"""A table of points beside pooled boosting and logistic regression on the same columns and rows.

    python benchmarks/points.py [--data diabetes130=FOLDER] [--noise]

For each study: AUROC on the test rows after each fitting step over secure sums' own numbers (no encryption), of scikit-learn's
HistGradientBoostingClassifier and LogisticRegression on all training rows, and the difference to the best of them with a 95 %
interval by bootstrap over patients.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.learning import metrics
from cipherward.study import Study, load_builtin
from cipherward.tasks import fitted_yardsticks, noise, pooled_boosting, yardsticks
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.points import PointsTask
from cipherward.tasks.rows import TEST, TRAIN, labels_of, rows_of
from cipherward.tasks.state import StudyState

F64 = NDArray[np.float64]


def as_points(study: Study) -> Study:
    """The study with a table of points for its model; one that has it already stays as it is."""
    if study.task == "points":
        return study
    document = study.model_dump(mode="json")
    document |= {"task": "points", "model": {"kind": "points"}, "training": {}}
    return Study.model_validate(document)


def fitted(study: Study, hospitals: list[HospitalData], *, with_noise: bool) -> tuple[F64, list[float], int]:
    """Scores of the test rows, AUROC after each step, and bytes of the lanes that one hospital sends."""
    task = PointsTask(study.with_overrides(noise={"enabled": with_noise}))
    study = study.with_overrides(noise=noise.stated(study, task) if with_noise else {"enabled": False})
    task = PointsTask(study)
    works = [HospitalWork(k, data, "cpu", time.perf_counter) for k, data in enumerate(hospitals, start=1)]
    labels, state = labels_of(hospitals, TEST).astype(np.int64), StudyState(study, task, task.first())
    reached, sent = [], 0
    while state.inner.stage != "evaluate":
        sent += state.layout.n_lanes * study.bits // 8
        flat = np.sum([state.layout.encode(work.values(state)).astype(np.int64) for work in works], axis=0)
        state = state.after(state.layout.decode(flat, len(works)), len(works))
        if state.inner.steps:
            scores = np.concatenate([fitted_yardsticks.scores(state.inner.model, data) for data in hospitals])
            reached.append(metrics.exact(scores, labels).auroc)
    return scores, reached, sent


def pooled(study: Study, hospitals: list[HospitalData]) -> dict[str, F64]:
    """Scores of the test rows of models of all training rows."""
    scaling, _ = yardsticks.prepare(study.with_overrides(noise={"enabled": False}), hospitals, "cpu")
    train, test = (
        [np.concatenate(part) for part in zip(*(rows_of(h, scaling, split) for h in hospitals), strict=True)]
        for split in (TRAIN, TEST)
    )
    linear = LogisticRegression(max_iter=2_000).fit(*train)
    return {
        "boosting": pooled_boosting.scores(study.columns, hospitals),
        "logistic regression": linear.predict_proba(test[0])[:, 1],
    }


def interval(first: F64, second: F64, labels: NDArray[np.int64], patients: NDArray[np.generic]) -> tuple[float, float]:
    """95 % of the difference in AUROC, by patients drawn with replacement."""
    rng = np.random.default_rng(0)
    names, of_row = np.unique(patients, return_inverse=True)
    rows = np.split(np.argsort(of_row, kind="stable"), np.cumsum(np.bincount(of_row))[:-1])
    found = []
    for _ in range(200):
        drawn = np.concatenate([rows[k] for k in rng.integers(0, len(names), len(names))])
        found.append(
            metrics.exact(first[drawn], labels[drawn]).auroc - metrics.exact(second[drawn], labels[drawn]).auroc
        )
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def patients_of(data: HospitalData, at: int) -> NDArray[np.int64]:
    """A number for each test row's patient, or the row's own."""
    codes = np.arange(len(data.split)) if data.cluster is None else data.cluster.astype(np.int64)
    return np.asarray(codes[data.split == TEST] + (at << 40), dtype=np.int64)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", action="append", default=[], help="STUDY=PATH of its data")
    parser.add_argument("--noise", action="store_true", help="with the noise that a study has by default")
    parser.add_argument("studies", nargs="*", default=["readmission", "breast-cancer", "diabetes130-points"])
    chosen = parser.parse_args()
    paths = dict(each.split("=", 1) for each in chosen.data)
    for name in chosen.studies:
        study = as_points(load_builtin(name))
        path = paths.get(name) or paths.get(study.data.source)
        hospitals = load_hospitals(study, Path(path) if path else None, Path.cwd())
        labels = labels_of(hospitals, TEST).astype(np.int64)
        started = time.process_time()
        scores, reached, sent = fitted(study, hospitals, with_noise=chosen.noise)
        spent = time.process_time() - started
        others = pooled(study, hospitals)
        auroc = {other: metrics.exact(each, labels).auroc for other, each in others.items()}
        best = max(auroc, key=lambda other: auroc[other])
        patients = np.concatenate([patients_of(data, at) for at, data in enumerate(hospitals)])
        low, high = interval(scores, others[best], labels, patients)
        sys.stdout.write(
            f"{name}: points {', '.join(f'{each:.4f}' for each in reached)} ({sent / 1e6:.1f} MB of numbers from each hospital, "
            f"{spent:.1f} s of processor time for all); {', '.join(f'{other} {each:.4f}' for other, each in auroc.items())}; "
            f"points - {best} {reached[-1] - auroc[best]:+.4f} ({low:+.4f} to {high:+.4f})\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
