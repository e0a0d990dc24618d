"""Boosted trees beside pooled boosting on the same columns and rows, and beside the same trees from plain sums.

    python benchmarks/trees.py --data FOLDER [--engine REPEATS | --equal | --splits]

Without a choice (about a minute of processor time): AUROC on the test rows of `diabetes130-trees` after each stage over secure sums' own numbers (no encryption), with the
default floors and without; scikit-learn's HistGradientBoostingClassifier on all training rows, and the difference with a 95 % interval by
bootstrap over patients. --engine: runs of a stage, scheme quorum and plain in turn: processor seconds and bytes for each tree. --equal: whole runs of both,
whether their trees and leaf values are the same to the bit. --splits: how many splits are those of sums of nearly real numbers (steps of
2^-30), stage by stage after the same trees, and in a run of its own. A split is which of all training rows it parts from which.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from cipherward.data.forest import Forest, bins_of_rows
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import InterruptedRunError
from cipherward.learning import metrics
from cipherward.runs import modelfile
from cipherward.simulation.simulate import run_study
from cipherward.study import Study, load_builtin
from cipherward.tasks import boost_questions, fitted_yardsticks, pooled_boosting
from cipherward.tasks.boost import Boost
from cipherward.tasks.boost_settings import Settings
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, TRAIN, labels_of
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


def equal(study: Study, data: Path) -> None:
    """Whole runs of both schemes, through the nodes of all parties."""
    with tempfile.TemporaryDirectory() as folder:
        quorum, plain = (
            run_study(
                study.with_overrides(aggregation={"scheme": scheme}), data=data, out=Path(folder) / scheme, device="cpu"
            )
            for scheme in ("quorum", "plain")
        )
        models = [modelfile.load(each.path / "model.safetensors") for each in (quorum, plain)]
    (first, second), (one, other) = ([each.preprocessor for each in models], [each.weights for each in models])
    inner = int((first.feature >= 0).sum())  # type: ignore[union-attr]
    sys.stdout.write(
        f"{inner:,} splits, the same in both: {first == second}; {len(one) - 1:,} leaf values, the same to the bit: "
        f"{one.tobytes() == other.tobytes()}; AUROC {quorum.summary['auroc_federated_exact']:.4f}\n"
    )


class Compared:
    """Runs over sums of whole numbers without lanes, at any step."""

    def __init__(self, study: Study, data: Path) -> None:
        self.hospitals, self.task = load_hospitals(study, data, Path.cwd()), Boost(study)
        state = StudyState(study, self.task, self.task.first())
        works = self._works()
        while state.inner.stage != "grow":
            state = _next(state, works)
        self.begun = state

    def _works(self) -> list[HospitalWork]:
        return [
            HospitalWork(k, each, "cpu", time.perf_counter, secret=bytes([k]) * 32)
            for k, each in enumerate(self.hospitals, start=1)
        ]

    def grown(self, state: StudyState, stages: int, bits: int) -> StudyState:
        """The state after so many stages in all, with steps of 2^-bits."""
        works = self._works()
        with mock.patch.object(boost_questions, "UNIT", 1 << bits):
            while state.inner.stages < stages and state.inner.stage == "grow":
                state = _next(state, works)
        return state

    def splits(self, forest: Forest, first: int = 0) -> set[tuple[int, bytes, bytes]]:
        """Of the trees from `first` on: the tree, and which rows go left and right."""
        bins = np.concatenate([bins_of_rows(forest.coding, each.table)[each.split == TRAIN] for each in self.hospitals])
        found = set()
        for tree, root in enumerate(forest.roots[first:].tolist(), start=first):
            nodes = [(root, np.arange(len(bins)))]
            for node, rows in nodes:
                if forest.feature[node] >= 0:
                    goes = forest.goes_left[node][bins[rows, forest.feature[node]]]
                    parts = rows[goes], rows[~goes]
                    first_part, second_part = sorted(hashlib.sha256(part.tobytes()).digest() for part in parts)
                    found.add((tree, first_part, second_part))
                    nodes += zip((int(forest.left[node]), int(forest.right[node])), parts, strict=True)
        return found


def _next(state: StudyState, works: list[HospitalWork]) -> StudyState:
    each = [work.values(state) for work in works]
    return state.after({name: np.sum([one[name] for one in each], axis=0) for name in each[0]}, len(each))


def splits(study: Study, data: Path) -> None:
    runs = Compared(study, data)
    labels = labels_of(runs.hospitals, TEST).astype(np.int64)
    states = [runs.begun]
    for stage in range(1, Settings().stages + 1):
        states.append(runs.grown(states[-1], stage, 30))
    for bits in (12, 14, 16, 18):
        said = []
        for stage, before in enumerate(states[:-1]):
            trees = before.inner.forest.n_trees
            one, other = (
                runs.splits(each.inner.forest, trees)
                for each in (states[stage + 1], runs.grown(before, stage + 1, bits))
            )
            said.append(f"{len(one & other):,} of {len(one | other):,}")
        free = runs.grown(runs.begun, len(states) - 1, bits)
        one, other = (runs.splits(each.inner.forest) for each in (states[-1], free))
        scores = np.concatenate([fitted_yardsticks.scores(free.inner.model, each) for each in runs.hospitals])
        sys.stdout.write(
            f"steps of 2^-{bits}: after the same trees {'; '.join(said)}; by itself {len(one & other):,} of {len(one | other):,}; "
            f"AUROC {metrics.exact(scores, labels).auroc:.4f}\n"
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
    parser.add_argument("--equal", action="store_true", help="whole runs of both schemes, compared")
    parser.add_argument("--splits", action="store_true", help="splits beside those of real numbers")
    chosen = parser.parse_args()
    study = load_builtin("diabetes130-trees").with_overrides(noise={"enabled": False})
    if chosen.engine:
        costs(study, chosen.data, chosen.engine)
    elif chosen.equal:
        equal(study, chosen.data)
    elif chosen.splits:
        splits(study, chosen.data)
    else:
        accuracy(study, chosen.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
