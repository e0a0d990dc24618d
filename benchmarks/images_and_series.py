"""The built-in studies on images and series against their bars: the mean of several seeds beside centralised training.

    python benchmarks/images_and_series.py [retina] [retina-grades] [wearables] [--seeds 5]

RetinaMNIST is read from CIPHERWARD_DATA, the cache, or ../shared/data; where it is absent the section says so. Scheme `plain`: how sums
are protected moves no figure (benchmarks/study.py). A seed of `wearables` is another ward, too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from cipherward import load_builtin_study, run_study
from cipherward.data.public import locate
from cipherward.errors import DataError
from cipherward.learning.outcomes import outcome_of
from harness import Section, console, machine_line, write_results

SHARED = Path(__file__).parents[2] / "shared" / "data" / "retinamnist"
GAP = {"retina": 0.02, "retina-grades": 0.03, "wearables": 0.02}
LEAST = {"retina": 0.80}
ABOVE_ALONE = ("wearables",)


def measured(name: str, seeds: int, folder: Path) -> Section:
    """AUROC, or of grades quadratic weighted kappa: federated, on all rows in one place, and of the best hospital alone."""
    study = load_builtin_study(name)
    outcome = outcome_of(study.data)
    head = ["seed", "federated", "centralised", "best hospital alone"]
    section = Section(f"{name}, {seeds} seeds, {outcome.title}", head)
    try:
        data = _retina() if study.data.source == "retina" else None
    except DataError as error:
        section.rows.append(["skipped", error.message, error.hint, ""])
        return section
    found = []
    for seed in range(1, seeds + 1):
        chosen = study.with_overrides(top={"seed": seed}, aggregation={"scheme": "plain"})
        summary = run_study(chosen, data=data, out=folder / f"{name}-{seed}").summary
        key = outcome.key
        each = (summary[f"{key}_federated"], summary[f"{key}_centralised"], max(summary[f"{key}_local"].values()))
        found.append(each)
        section.rows.append([str(seed), *(f"{value:.4f}" for value in each)])
        console.print(f"{name} seed {seed}: " + ", ".join(f"{value:.4f}" for value in each))
    federated, central, alone = (float(value) for value in np.mean(found, axis=0))
    section.rows.append(["mean", *(f"{value:.4f}" for value in (federated, central, alone))])
    section.numbers = {"federated": federated, "centralised": central, "best alone": alone, "seeds": found}
    section.bar(f"within {GAP[name]} of centralised", f"{central - federated:+.4f}", central - federated <= GAP[name])
    if name in ABOVE_ALONE:
        section.bar("above the best hospital alone", f"{federated - alone:+.4f}", federated > alone)
    if name in LEAST:
        section.bar(f"at least {LEAST[name]}", f"{federated:.4f}", federated >= LEAST[name])
    return section


def _retina() -> Path:
    return SHARED if SHARED.is_dir() and not os.environ.get("CIPHERWARD_DATA") else locate("retinamnist")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=["retina", "retina-grades", "wearables"])
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    console.print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        sections = [measured(name, chosen.seeds, Path(folder)) for name in chosen.studies]
    write_results("images_and_series", sections)


if __name__ == "__main__":
    main()
