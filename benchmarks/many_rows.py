"""Logistic regression over 1 M rows at 50 hospitals, ten rounds, beside scikit-learn's fit of all rows in one place: processor time.

python benchmarks/many_rows.py               about two minutes
python benchmarks/many_rows.py --encounters 2000

All parties in one process, with statistics, every sum's encryption, consent and checks, and the evaluation; without what a run
computes beside it (the centralised and local models), which the pooled fit stands for. Tables are read before the clock starts.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cipherward import load_builtin_study, run_study
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.sources import HospitalData
from cipherward.learning import metrics
from cipherward.simulation.simulate import Progress
from cipherward.study import Study
from cipherward.tasks import yardsticks
from harness import Section, finish, machine_line

N = 50
ROUNDS = 10
BAR = 8.0

Array = NDArray[Any]


class EnoughError(Exception):
    """The last sum is done; what comes after is not measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encounters", type=int, default=20_000, help="of each hospital, on the mean")
    encounters = parser.parse_args().encounters
    base = load_builtin_study("readmission")
    assert base.data.cohort is not None
    cohort = base.data.cohort.model_dump() | {"n_hospitals": N, "encounters_per_hospital": encounters}
    study = base.with_overrides(
        data={"cohort": cohort},
        training={"rounds": ROUNDS},
    )
    given: list[tuple[Sequence[HospitalData], float]] = []
    frozen: list[Study] = []
    done: list[float] = []

    def on_data(chosen: Study, hospitals: Sequence[HospitalData]) -> None:
        given.append((hospitals, time.process_time()))

    def on_progress(step: Progress) -> None:
        if step.round > ROUNDS:
            done.extend((time.process_time(), step.shown["metrics_of_incoming_model"]["auroc"]))
            raise EnoughError

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EnoughError):
        run_study(
            study,
            out=Path(folder) / "run",
            device="cpu",
            on_data=on_data,
            on_frozen=frozen.append,
            on_progress=on_progress,
        )
    hospitals, began = given[0]
    ours, auroc = done[0] - began, done[1]
    x, y, test_x, test_y = arrays(frozen[0], hospitals)
    began = time.process_time()
    fitted = LogisticRegression(C=1e3, max_iter=1_000).fit(x, y)
    pooled = time.process_time() - began
    reached = metrics.exact(fitted.predict_proba(test_x)[:, 1], test_y).auroc
    section = Section(
        f"{N} hospitals, {len(y):,} training rows, {x.shape[1]} inputs, {ROUNDS} rounds; {machine_line()}",
        ["", "processor time", "AUROC"],
        [
            ["all parties", f"{ours:.1f} s", f"{auroc:.4f}"],
            ["scikit-learn, pooled", f"{pooled:.1f} s", f"{reached:.4f}"],
        ],
        numbers={"all": ours, "pooled": pooled, "rows": len(y)},
    )
    section.bar(f"at most {BAR} times the pooled fit", f"{ours / pooled:.1f}", ours <= BAR * pooled)
    finish("many_rows", section)


def arrays(study: Study, hospitals: Sequence[HospitalData]) -> tuple[Array, Array, Array, Array]:
    """Training rows and their outcome, test rows and theirs, of all hospitals."""
    scaling, works = yardsticks.prepare(study, hospitals, "cpu")
    train, test = (
        [np.concatenate(part) for part in zip(*yardsticks.rows_of_all(works, scaling, split), strict=True)]
        for split in (TRAIN, TEST)
    )
    return train[0], train[1], test[0], test[1]


if __name__ == "__main__":
    main()
