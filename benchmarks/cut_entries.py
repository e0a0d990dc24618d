"""How often a hospital's update is cut at its range, what a wider first range costs, and how often the rule on cut updates (`parties.cut_updates`)
declines honest studies: the same study twice, with other first ranges, with other learning rates.

    PYTHONPATH=. python benchmarks/cut_entries.py [--data diabetes130=FOLDER] [--only readmission,bent] [--ranges 0.0625,4] [--rates 2]

The built-in studies that train by SGD, the quick start with a network, and the networks of minimal_studies.py: their own rounds, the lanes of
every hospital added without encryption. One line for each second study.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import minimal_studies
from cipherward import study as study_document
from cipherward.attacks import federation
from cipherward.data.sources import load_hospitals
from cipherward.parties.cut_updates import shows
from cipherward.study import Study, load_builtin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import RealSegment
from cipherward.tasks.sent_update import SentUpdate
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

BUILT_IN = ("readmission", "diabetes130", "breast-cancer", "wearables")
NETWORK = "readmission-mlp"
MINIMAL = ("straight", "digits", "bent", "wards")
RANGES = (0.015625, 0.0625, 1.0, 4.0, 16.0)
RATES = (0.5, 2.0)
"""Times the study's learning rate."""


def study_of(name: str, folder: Path, seed: int) -> tuple[Study, Path]:
    """The study without noise on its statistics, and the folder of its tables."""
    if name in MINIMAL:
        study, base = minimal_studies.written(name, folder, "mlp", seed)
    else:
        document = load_builtin("readmission" if name == NETWORK else name).model_dump(mode="json")
        study, base = study_document.parse(document | {"seed": seed}, origin=name), folder
    if name == NETWORK:
        study = study.with_overrides(model={"kind": "mlp", "hidden": [32, 16]})
    return study.with_overrides(noise={"enabled": False}, evaluation={"group_rows": 1}), base


def cut(before: StudyState, values: Values) -> float:
    """By how much the largest entry of an update is beyond its range, as a ratio; at most 1 where nothing is cut."""
    bounds = {s.name: s.bound for s in before.layout.segments if isinstance(s, RealSegment) and "update/" in s.name}
    return max(float(np.abs(values[name]).max()) / bound for name, bound in bounds.items())


@dataclass
class Run:
    """One training: by round, every hospital's largest entry as a ratio of its range, and its update."""

    ratios: list[list[float]] = field(default_factory=list)
    updates: list[dict[int, SentUpdate]] = field(default_factory=list)
    bits: int = 0
    reached: float = 0.0


def trained(name: str, data: Path | None, sections: dict[str, Any]) -> Run:
    """The study with these settings."""
    run = Run()
    with tempfile.TemporaryDirectory() as folder:
        study, base = study_of(name, Path(folder), 1)
        if rate := sections.get("training", {}).get("learning_rate"):
            sections = sections | {"training": {"learning_rate": rate * study.training.learning_rate}}
        study = study.with_overrides(**sections)
        hospitals = load_hospitals(study, data, base)
        works = {i: HospitalWork(i, each, "cpu", federation.no_clock) for i, each in enumerate(hospitals, start=1)}
        for opened in federation.train(study, hospitals):
            if opened.is_round:
                before, task = opened.before, opened.before.task
                run.ratios.append([cut(before, each) for each in opened.values.values()])
                sent = {i: task.sent(before.inner, works[i], each) for i, each in opened.values.items()}
                run.updates.append({i: each for i, each in sent.items() if each})
        result = opened.after.task.result(opened.after.inner)
    run.bits, run.reached = study.bits, next(result[key] for key in result if key.endswith("_federated"))
    return run


def declined(earlier: Run, later: Run) -> int:
    """How many updates hospitals would not send after those of an earlier run; of the same run: after those of earlier rounds."""
    return sum(
        any(shows(one[i], each[i], float(np.linalg.norm(each[i].start.astype(float) - one[i].start))) for one in before)
        for number, each in enumerate(later.updates)
        for before in [earlier.updates[:number] if earlier is later else earlier.updates]
        for i in each
    )


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    yield (
        "| study | bits | second study | hospitals cut in round 1 | in all rounds | rounds with a cut | largest entry / range | AUROC | "
        "declined in itself | after the first |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    given = dict(each.split("=", 1) for each in arguments.data)
    seconds = {f"range {bound:g}": {"aggregation": {"range_initial": bound}} for bound in arguments.ranges}
    rates = {f"rate x {rate:g}": {"training": {"learning_rate": rate}} for rate in arguments.rates}
    for name in arguments.only or (*BUILT_IN, NETWORK, *MINIMAL):
        data = Path(given[name]) if name in given else None
        first = trained(name, data, {})
        for label, sections in {"the same": {}, **seconds, **rates}.items():
            run = trained(name, data, sections)
            is_cut = np.array(run.ratios) > 1.0
            rounds = ", ".join(str(k + 1) for k in np.flatnonzero(is_cut.any(axis=1))) or "none"
            yield (
                f"| {name} | {run.bits} | {label} | {100 * is_cut[0].mean():.0f} % | {100 * is_cut.mean():.1f} % | {rounds} | "
                f"{np.max(run.ratios):.2g} | {run.reached:.4f} | {declined(run, run)} | {declined(first, run)} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--only", type=lambda text: text.split(","), default=None)
    parser.add_argument("--ranges", type=lambda text: [float(each) for each in text.split(",")], default=list(RANGES))
    parser.add_argument("--rates", type=lambda text: [float(each) for each in text.split(",")], default=list(RATES))
    for said in lines(parser.parse_args()):
        print(said, flush=True)


if __name__ == "__main__":
    main()
