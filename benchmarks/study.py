"""Whole studies against the bars: accuracy, equality of schemes, the cost of encryption in a training round.

    python benchmarks/study.py [--quick]

`diabetes130` is read from CIPHERWARD_DATA, the cache, or ../shared/data; where it is absent the section says so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cipherward import RunResult, load_builtin_study, run_study
from cipherward.errors import DataError
from cipherward.runs import modelfile
from harness import Section, console, machine_line, write_results

SHARED = Path(__file__).parents[2] / "shared" / "data" / "diabetes130"


def diabetes(folder: Path, quick: bool) -> Section:
    """diabetes130 under every scheme with the same seed: accuracy, and that encryption changes nothing that matters."""
    section = Section(
        "diabetes130: 8 hospitals, 10 rounds, logistic regression", ["scheme", "AUROC", "kB up per round"]
    )
    study = load_builtin_study("diabetes130")
    data = SHARED if SHARED.exists() and not os.environ.get("CIPHERWARD_DATA") else None
    runs: dict[str, RunResult] = {}
    try:
        for scheme in ("plain", "quorum", "ckks"):
            chosen = study.with_overrides(aggregation={"scheme": scheme})
            runs[scheme] = run_study(chosen, data=data, out=folder / f"diabetes130-{scheme}")
            summary = runs[scheme].summary
            up = f"{summary['bytes_up_per_hospital_round'] / 1e3:.0f}"
            section.rows.append([scheme, f"{summary['auroc_federated']:.4f}", up])
    except DataError as error:
        section.rows.append(["skipped", error.message, error.hint])
        return section
    result = runs["quorum"].summary
    federated, central, local = result["auroc_federated"], result["auroc_centralised"], result["auroc_local"]
    section.rows.append(["centralised", f"{central:.4f}", "-"])
    section.rows.append(["hospitals alone", f"{min(local.values()):.4f} to {max(local.values()):.4f}", "-"])
    section.numbers = {"federated": federated, "centralised": central, "local": local}
    section.bar("federated AUROC at least 0.648", f"{federated:.4f}", federated >= 0.648)
    section.bar("within 0.01 of centralised", f"{central - federated:+.4f}", abs(central - federated) <= 0.01)
    section.bar("every local-only model below it", f"{max(local.values()):.4f}", max(local.values()) < federated)
    plain = modelfile.load(runs["plain"].path / "model.safetensors").weights
    for scheme in ("quorum", "ckks"):
        weights = modelfile.load(runs[scheme].path / "model.safetensors").weights
        difference = float(np.abs(weights - plain).max() / np.ptp(plain))
        gap = abs(runs[scheme].summary["auroc_federated"] - runs["plain"].summary["auroc_federated"])
        section.bar(
            f"{scheme} against plain: weights within 1e-3 of their range", f"{difference:.1e}", difference <= 1e-3
        )
        section.bar(f"{scheme} against plain: AUROC equal to 5e-4", f"{gap:.1e}", gap <= 5e-4)
    return section


def encrypted_round(folder: Path, quick: bool) -> Section:
    """Wall time of a whole round (train, protect, send, sum, open, verify), schemes alternating in one run."""
    study = load_builtin_study("readmission").with_overrides(
        model={"kind": "mlp", "hidden": [1000, 940]},
        training={"rounds": 3, "local_epochs": 1, "batch_size": 256},
        data={"cohort": {"n_hospitals": 5, "encounters_per_hospital": 10_000}},
    )
    seconds: dict[str, list[float]] = {"plain": [], "quorum": []}
    n_parameters = 0
    for repeat in range(1 if quick else 4):
        for scheme, found in seconds.items():
            chosen = study.with_overrides(aggregation={"scheme": scheme})
            summary = run_study(chosen, out=folder / f"mlp-{scheme}-{repeat}").summary
            n_parameters = summary["n_parameters"]
            found += summary["seconds_per_sum"][2:-1]  # not the statistics, the first round, the evaluation
    section = Section(
        f"MLP of {n_parameters:,} parameters, 5 hospitals of 10,000 encounters, one local epoch",
        ["scheme", "seconds per round: median", "fastest", "slowest"],
    )
    for scheme, found in seconds.items():
        section.rows.append([scheme, *(f"{f(found):.2f}" for f in (statistics.median, min, max))])
    ratio = statistics.median(seconds["quorum"]) / statistics.median(seconds["plain"])
    section.numbers = {"seconds": seconds, "ratio": ratio, "n_parameters": n_parameters}
    section.bar("encrypted round at most 1.15 times the plain one", f"{ratio:.2f}", ratio <= 1.15)
    return section


def quick_start(folder: Path, quick: bool) -> Section:
    """`cipherward run` as a new user starts it: a fresh process that has to compile the kernels."""
    environment = os.environ | {"CIPHERWARD_CACHE": str(folder / "kernels")}
    command = [sys.executable, "-c", "from cipherward.cli import main; main()", "run", "--out", str(folder / "quick")]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    section = Section(
        "quick start, after installation", ["what", "seconds"], [["kernels compiled, study run", f"{seconds:.0f}"]]
    )
    section.numbers = {"seconds": seconds}
    section.bar("under 60 s", f"{seconds:.0f} s", seconds < 60)
    return section


SECTIONS: dict[str, Callable[[Path, bool], Section]] = {
    "diabetes": diabetes,
    "round": encrypted_round,
    "quick-start": quick_start,
}


def main() -> int:
    """Run the chosen sections; 0 when every bar holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--only", default="", help=f"some of: {','.join(SECTIONS)}")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(SECTIONS)
    console.print(machine_line(), highlight=False, soft_wrap=True)
    console.print()
    sections = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            section = SECTIONS[name](Path(folder), arguments.quick)
            section.show()
            sections.append(section)
    console.print(f"written to {write_results('study', sections).name}")
    return 0 if all(holds for section in sections for _, _, holds in section.bars) else 1


if __name__ == "__main__":
    raise SystemExit(main())
