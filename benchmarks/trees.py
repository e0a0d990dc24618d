"""Boosted trees beside pooled boosting on the same columns and rows, and beside the same trees from plain sums.

    python benchmarks/trees.py --data FOLDER [--engine REPEATS]

Without --engine (about three minutes): AUROC on the test rows of `diabetes130-trees` after each stage over secure sums' own numbers (no encryption), with the
default floors and without; scikit-learn's HistGradientBoostingClassifier on all training rows, and the difference with a 95 % interval by
bootstrap over patients. With it: whole runs, scheme quorum and plain in turn: processor seconds and bytes for each tree.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import InterruptedRunError
from cipherward.learning import metrics
from cipherward.simulation.simulate import run_study
from cipherward.study import Study, load_builtin
from cipherward.tasks import fitted_yardsticks, pooled_boosting
from cipherward.tasks.boost import Boost
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, labels_of
from cipherward.tasks.state import StudyState
from points import interval, patients_of

F64 = NDArray[np.float64]


def fitted(study: Study, hospitals: list[HospitalData]) -> tuple[F64, list[str], str]:
    """Scores of the test rows, the AUROC after each stage with the sums so far, and how many numbers were of few rows."""
    task = Boost(study)
    # The same rows are drawn whenever this runs.
    works = [
        HospitalWork(k, data, "cpu", time.perf_counter, secret=bytes([k]) * 32)
        for k, data in enumerate(hospitals, start=1)
    ]
    labels, state = labels_of(hospitals, TEST).astype(np.int64), StudyState(study, task, task.first())
    reached: list[str] = []
    while state.inner.stage != "evaluate":
        flat = np.sum([state.layout.encode(work.values(state)).astype(np.int64) for work in works], axis=0)
        state = state.after(state.layout.decode(flat, len(works)), len(works))
        if state.inner.stages > len(reached):
            scores = np.concatenate([fitted_yardsticks.scores(state.inner.model, data) for data in hospitals])
            reached.append(f"{state.sums_done}: {metrics.exact(scores, labels).auroc:.4f}")
    every, *small = state.inner.cells
    shares = ", ".join(f"{count:,}" for count in small)
    return scores, reached, f"{shares} of {every:,} numbers by outcome were of 1, 1 to 4, 1 to 9 rows"


def accuracy(study: Study, data: Path) -> None:
    hospitals = load_hospitals(study, data, Path.cwd())
    labels = labels_of(hospitals, TEST).astype(np.int64)
    patients = np.concatenate([patients_of(each, at) for at, each in enumerate(hospitals)])
    boosting = pooled_boosting.scores(study.columns, hospitals)
    best = metrics.exact(boosting, labels).auroc
    sys.stdout.write(f"HistGradientBoosting, all rows in one place: {best:.4f}\n")
    for floors in (True, False):
        scores, reached, cells = fitted(study.with_overrides(top={"settings": {"floors": floors}}), hospitals)
        low, high = interval(scores, boosting, labels, patients)
        sys.stdout.write(
            f"floors {'on' if floors else 'off'}: sums and AUROC {'; '.join(reached)}; less boosting "
            f"{metrics.exact(scores, labels).auroc - best:+.4f} ({low:+.4f} to {high:+.4f}); {cells}\n"
        )


def _mark(marks: list[float], *_: object) -> None:
    marks.append(time.process_time())


def _reached(marks: list[float], sums: int) -> bool:
    return len(marks) >= sums


def costs(study: Study, data: Path, repeats: int) -> None:
    """Of one stage: the sums by which its trees grow, through the nodes of all parties, with their ledgers and receipts."""
    study = study.with_overrides(top={"settings": {"stages": 1}})
    trees, sums = 64, 2 + 6
    spent: dict[str, list[tuple[float, float]]] = {"quorum": [], "plain": []}
    for _ in range(repeats):
        for scheme, found in spent.items():
            with tempfile.TemporaryDirectory() as folder:
                marks: list[float] = []
                with contextlib.suppress(InterruptedRunError):
                    run_study(
                        study.with_overrides(aggregation={"scheme": scheme}),
                        data=data,
                        out=Path(folder) / "run",
                        device="cpu",
                        on_progress=functools.partial(_mark, marks),
                        should_stop=functools.partial(_reached, marks, sums),
                    )
                lines = [json.loads(text) for text in (Path(folder) / "run" / "rounds.jsonl").read_text().splitlines()]
                grown = [at for at, line in enumerate(lines) if line["purpose"] == "grow"]
                sent = sum(statistics.mean(lines[at]["bytes_up"].values()) for at in grown)
                found.append(((marks[grown[-1]] - marks[grown[0] - 1]) / trees, sent / trees))
    for scheme, found in spent.items():
        seconds, sent = (statistics.median(each) for each in zip(*found, strict=True))
        sys.stdout.write(
            f"{scheme}: {seconds:.4f} processor seconds for all 8 hospitals, {sent:,.0f} bytes up, a tree\n"
        )
    ratios = [a[0] / b[0] for a, b in zip(spent["quorum"], spent["plain"], strict=True)]
    sys.stdout.write(f"seconds, quorum / plain: {', '.join(f'{ratio:.2f}' for ratio in ratios)}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of diabetes130")
    parser.add_argument("--engine", type=int, default=0, help="whole runs of each scheme")
    chosen = parser.parse_args()
    study = load_builtin("diabetes130-trees").with_overrides(noise={"enabled": False})
    if chosen.engine:
        costs(study, chosen.data, chosen.engine)
    else:
        accuracy(study, chosen.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
