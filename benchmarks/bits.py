"""What few fixed-point bits cost in AUROC: the real rounds of a study, its lanes added without encryption.

python benchmarks/bits.py                      four networks, 5 seeds: about an hour on one core; writes results/bits.json
python benchmarks/bits.py --only readmission   one of them, which replaces its figures in that file
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np

from cipherward import load_builtin_study
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from harness import RESULTS, Section

MOST = 0.001
WAYS: dict[str, dict[str, Any]] = {
    "24 bits": {"bits": 24},
    "16 bits": {"bits": 16},
    "8 bits, stochastic": {"bits": 8, "rounding": "stochastic"},
    "8 bits, nearest": {"bits": 8, "rounding": "nearest"},
}
EXACT = {"enabled": False}
NETWORK = {"kind": "mlp", "hidden": [32]}


def studies() -> dict[str, Study]:
    """Four studies with a network each; the last is of hospitals that differ more than those of the quick start."""
    readmission = load_builtin_study("readmission").with_overrides(model=NETWORK)
    apart = readmission.with_overrides(data={"cohort": {"heterogeneity": 2.0, "n_hospitals": 8}})
    return {
        "readmission": readmission,
        "diabetes130": load_builtin_study("diabetes130").with_overrides(model=NETWORK),
        "breast-cancer": load_builtin_study("breast-cancer").with_overrides(model=NETWORK),
        "readmission, 8 hospitals far apart": apart,
    }


def auroc(study: Study, hospitals: Sequence[HospitalData]) -> float:
    """The federated model's, by every hospital's lanes as they would be encrypted."""
    state = begin(study)
    works = [HospitalWork(i, data, "cpu", perf_counter) for i, data in enumerate(hospitals, start=1)]
    while state.purpose:
        layout = state.layout
        keys = [hashlib.sha256(f"{study.seed} {state.sums_done} {w.index}".encode()).digest() for w in works]
        lanes = [layout.encode(w.values(state), key).astype(np.int64) for w, key in zip(works, keys, strict=True)]
        state = state.after(layout.decode(np.sum(lanes, axis=0), len(works)), len(works))
    return float(state.task.result(state.inner)["auroc_federated"])


def measure(name: str, study: Study, seeds: int) -> Section:
    hospitals = load_hospitals(study, _table(study), Path())
    section = Section(f"{name}: test AUROC, {seeds} seeds", ["way", "mean", "against 24 bits", "largest of a seed"])
    reference: list[float] = []
    for way, changes in WAYS.items():
        found = [
            auroc(study.with_overrides(top={"seed": seed}, aggregation=changes, noise=EXACT), hospitals)
            for seed in range(seeds)
        ]
        reference = reference or found
        differences = [a - b for a, b in zip(found, reference, strict=True)]
        mean, most = fmean(differences), max(differences, key=abs)
        section.rows.append([way, f"{fmean(found):.4f}", f"{mean:+.5f}", f"{most:+.5f}"])
        section.numbers[way] = {"auroc": found, "difference": mean, "largest": most}
        if way == "8 bits, stochastic":
            section.bar(f"{way}: differs by at most {MOST}", f"{mean:+.5f}", abs(mean) <= MOST)
        sys.stderr.write(f"{name}: {section.rows[-1]}\n")
    return section


def _table(study: Study) -> Path | None:
    return Path(os.environ["CIPHERWARD_SHARED_DATA"]) / "diabetes130" if study.data.source == "diabetes130" else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(studies()))
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    chosen = {name: study for name, study in studies().items() if asked.only in (None, name)}
    sections = {name: measure(name, study, asked.seeds) for name, study in chosen.items()}
    for section in sections.values():
        section.show()
    path = RESULTS / "bits.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    numbers = known | {name: section.numbers for name, section in sections.items()}
    path.write_text(json.dumps(numbers, indent=1) + "\n")
    if not all(holds for section in sections.values() for _, _, holds in section.bars):
        sys.exit(1)


if __name__ == "__main__":
    main()
