"""What noisy constants, coarse weights and grouped scores cost in AUROC, in the clear, with the real training.

python benchmarks/noise.py                    both studies, 5 seeds: about half an hour on one core; no file
python benchmarks/noise.py --only readmission one study
python benchmarks/noise.py --engine            whole encrypted studies instead: noise on and off, and unencrypted without noise
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from cipherward import load_builtin_study, run_study
from cipherward.data import preprocess
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.learning import averaging, metrics, models, score_groups, sgd
from cipherward.learning.weights import row_class
from cipherward.privacy import records
from cipherward.privacy.randomness import Randomness
from cipherward.study import Study
from cipherward.tasks import statistics
from cipherward.tasks.noise import noise_of
from harness import Section

MOST = 0.001
MOST_OF_A_SCHEME = 5e-4
SETTINGS = {
    "readmission": ((0.5, 1), (1.0, 1), (2.0, 1)),
    "diabetes130": ((1.0, 1), (1.0, 4)),
}
"""Epsilon of the constants and rows of a patient, for each study."""

Weigh = Callable[[int], float]


@dataclass(frozen=True)
class Case:
    study: Study
    hospitals: Sequence[HospitalData]

    def statistics(self, rows_per_patient: int, draw: Randomness) -> list[dict[str, NDArray[np.int64]]]:
        found = []
        for h in self.hospitals:
            counted, _ = records.kept_rows(h.cluster, h.split == TRAIN, rows_per_patient, draw)
            found.append(preprocess.local_statistics(h.table, h.outcome, h.split, self.study.columns, counted))
        return found

    def exact(self) -> Preprocessor:
        parts = [preprocess.local_statistics(h.table, h.outcome, h.split, self.study.columns) for h in self.hospitals]
        return statistics.fit(self.study.with_overrides(noise={"enabled": False}), _summed(parts), len(parts))

    def noisy(self, epsilon: float, rows_per_patient: int, seed: int) -> Preprocessor:
        n = len(self.hospitals)
        stated = {"epsilon": epsilon, "noise_multiplier": records.multiplier(epsilon, records.DELTA, 1)}
        study = self.study.with_overrides(noise=stated | {"enabled": True, "rows_per_patient": rows_per_patient})
        noise = noise_of(study, statistics.question(study))
        assert noise is not None
        sent = [
            records.noisy(values, noise, _randomness("noise", seed, i)).values
            for i, values in enumerate(self.statistics(rows_per_patient, _randomness("rows", seed, 0)))
        ]
        opened = records.without_offset(_summed(sent), noise, n)
        return statistics.fit(study, opened, n)

    def scores(
        self, scaling: Preprocessor, weigh: Weigh, seed: int
    ) -> list[tuple[NDArray[np.float64], NDArray[np.int8]]]:
        """Federated averaging without encryption: each hospital's test scores and outcomes."""
        rows = [
            [(scaling.transform(h.table.filter(h.split == side)), h.outcome[h.split == side]) for side in (TRAIN, TEST)]
            for h in self.hospitals
        ]
        module = models.build(self.study.model, scaling.n_features, seed)
        weights = models.flatten(module)
        shares = np.array([weigh(len(train[1])) for train, _ in rows])
        for index in range(self.study.training.rounds):
            total = np.zeros(len(weights))
            for place, ((x, y), _) in enumerate(rows):
                trained = sgd.train(module, weights, x, y, self.study.training, seed=(seed, place + 1, index + 1))
                total += (trained.astype(np.float64) - weights) * (shares[place] / shares.max())
            mean = averaging.mean_update(total, float((shares / shares.max()).sum()), len(rows))
            weights = averaging.next_weights(weights, mean)
        return [(sgd.scores(module, weights, x, "cpu"), y) for _, (x, y) in rows]


def _summed(parts: Sequence[dict[str, NDArray[np.int64]]]) -> dict[str, NDArray[np.int64]]:
    return {name: np.sum([part[name] for part in parts], axis=0) for name in parts[0]}


def _randomness(*parts: object) -> Randomness:
    """Repeatable, for a measurement only."""
    counter = iter(range(1 << 30))
    return lambda size: hashlib.shake_256(f"{parts} {next(counter)}".encode()).digest(size)


def _auroc(found: list[tuple[NDArray[np.float64], NDArray[np.int8]]]) -> float:
    return metrics.exact(np.concatenate([s for s, _ in found]), np.concatenate([y for _, y in found])).auroc


def _binned(found: list[tuple[NDArray[np.float64], NDArray[np.int8]]], bins: int, *, groups: bool) -> float:
    parts = [metrics.local_counts(score_groups.grouped(s) if groups else s, y, bins) for s, y in found]
    return metrics.from_counts(_summed(parts)).auroc


def _thinned(
    found: list[tuple[NDArray[np.float64], NDArray[np.int8]]], n: int, seed: int
) -> list[tuple[NDArray[np.float64], NDArray[np.int8]]]:
    """So many test rows of all hospitals together."""
    rng = np.random.default_rng(seed)
    each = n // len(found)
    chosen = [rng.permutation(len(y))[:each] for _, y in found]
    return [(s[rows], y[rows]) for (s, y), rows in zip(found, chosen, strict=True)]


def measure(name: str, seeds: int) -> Section:
    study = load_builtin_study(name)
    case = Case(study, load_hospitals(study, _table(name), Path()))
    bins = study.evaluation.bins
    section = Section(
        f"{name}: test AUROC, mean of {seeds} seeds", ["what", "AUROC", "difference", "largest of a seed"]
    )
    exact = case.exact()
    plain = [case.scores(exact, float, seed) for seed in range(seeds)]
    reference = [_auroc(found) for found in plain]
    section.rows.append(["exact constants, exact weights", f"{fmean(reference):.4f}", "", ""])

    def add(what: str, values: Sequence[float], beside: Sequence[float], bar: bool = False) -> None:
        differences = [v - r for v, r in zip(values, beside, strict=True)]
        mean, most = fmean(differences), max(differences, key=abs)
        section.rows.append([what, f"{fmean(values):.4f}", f"{mean:+.5f}", f"{most:+.5f}"])
        section.numbers[what] = {"auroc": list(values), "difference": mean, "largest": most}
        if bar:
            section.bar(f"{what}: differs by at most {MOST}", f"{mean:+.5f}", abs(mean) <= MOST)
        sys.stderr.write(f"{name}: {section.rows[-1]}\n")

    for epsilon, per_patient in SETTINGS[name]:
        values = [_auroc(case.scores(case.noisy(epsilon, per_patient, s), float, s)) for s in range(seeds)]
        what = f"constants with epsilon {epsilon:g} at delta {records.DELTA:g}, {per_patient} row(s) of a patient"
        add(what, values, reference, bar=(epsilon, per_patient) == (1.0, 1))
    for what, made in (("exact", [exact] * seeds), ("noisy", [case.noisy(1.0, 1, s) for s in range(seeds)])):
        values = [_auroc(case.scores(replace(found, merged=()), float, s)) for s, found in enumerate(made)]
        add(f"{what} constants, no category merged", values, reference)
    add("weights by class", [_auroc(case.scores(exact, row_class, s)) for s in range(seeds)], reference)
    add("equal weights", [_auroc(case.scores(exact, lambda _: 1.0, s)) for s in range(seeds)], reference)
    add(
        "scores in groups of 10",
        [_binned(f, bins, groups=True) for f in plain],
        [_binned(f, bins, groups=False) for f in plain],
    )
    for n in (2_000, 400):
        sets = [_thinned(found, n, s * 100 + k) for s, found in enumerate(plain) for k in range(40)]
        values, beside = ([_binned(f, bins, groups=g) for f in sets] for g in (True, False))
        add(f"scores in groups of 10, {n} test rows", values, beside)
    return section


WAYS: dict[str, dict[str, dict[str, object]]] = {
    "noise on, quorum": {"aggregation": {"scheme": "quorum"}, "noise": {"enabled": True}},
    "noise off, quorum": {"aggregation": {"scheme": "quorum"}, "noise": {"enabled": False}},
    "noise off, plain": {"aggregation": {"scheme": "plain"}, "noise": {"enabled": False}},
}


def engine(name: str, seeds: int) -> Section:
    """Whole studies of all parties, with keys, votes and openings: test AUROC as the study reports it."""
    study = load_builtin_study(name)
    section = Section(f"{name}, through the engine: test AUROC", ["seed", *WAYS])
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in range(study.seed, study.seed + seeds):
        for way, sections in WAYS.items():
            chosen = study.with_overrides(top={"seed": seed}, **sections)
            with tempfile.TemporaryDirectory() as folder:
                summary = run_study(chosen, data=_table(name), out=Path(folder) / "run", device="cpu").summary
            found[way].append(summary["auroc_federated"])
        section.rows.append([str(seed), *(f"{found[way][-1]:.5f}" for way in WAYS)])
        sys.stderr.write(f"{name}: {section.rows[-1]}\n")
    noisy, exact, plain = found.values()
    section.numbers = {"auroc": found}
    for what, values, beside, most in (
        ("noise on against off", noisy, exact, MOST),
        ("noise off, quorum against plain", exact, plain, MOST_OF_A_SCHEME),
    ):
        differences = [v - r for v, r in zip(values, beside, strict=True)]
        mean, largest = fmean(differences), max(differences, key=abs)
        section.bar(
            f"{what}: mean of {seeds} seed(s) at most {most:g}",
            f"{mean:+.5f} (largest of a seed {largest:+.5f})",
            abs(mean) <= most,
        )
    return section


def _table(name: str) -> Path | None:
    return None if name == "readmission" else Path(os.environ["CIPHERWARD_SHARED_DATA"]) / "diabetes130"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("readmission", "diabetes130"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--engine", action="store_true")
    asked = parser.parse_args()
    names = [asked.only] if asked.only else ["readmission", "diabetes130"]
    sections = [(engine if asked.engine else measure)(name, asked.seeds) for name in names]
    for section in sections:
        section.show()
    if not all(holds for section in sections for _, _, holds in section.bars):
        sys.exit(1)


if __name__ == "__main__":
    main()
