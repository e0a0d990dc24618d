"""What a comparison's finished runs say about themselves: seconds, bytes, accuracy by round; and the table as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cipherward.errors import StorageError
from cipherward.report.blocks import SMALL
from cipherward.runs.folder import RunDirectory
from cipherward.simulation.simulate import PHASES
from cipherward.store import files

CONVERGED = 0.001
"""A run has converged once its AUROC stays this close to its last."""


@dataclass(frozen=True)
class Finished:
    """One finished run: result.json, and the training rounds of rounds.jsonl."""

    seed: int
    path: Path
    result: Mapping[str, Any] = field(repr=False)
    rounds: Sequence[Mapping[str, Any]] = field(repr=False)

    @property
    def seconds_by_round(self) -> list[float]:
        return [float(line["seconds"]) for line in self.rounds]


def read_run(seed: int, path: Path) -> Finished:
    """A finished run from its directory.

    Raises:
        StorageError: a file is missing or damaged.
    """
    run = RunDirectory(path)
    try:
        result = files.json_object(files.read(run.result))
        lines = [files.json_object(line) for line in files.read(run.rounds).splitlines()]
        found = Finished(seed, path, result, [line for line in lines if line["purpose"] == "train"])
        measured = [*found.seconds_by_round, *(float(x) for x in result["auroc_by_round"] if x is not None)]
        json.dumps([measured, costs([found]), rows_by_hospital(result), result["privacy"]], allow_nan=False)
        return found
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        raise StorageError(f"{path} is damaged", hint="delete this folder, and its run is done again") from None


def costs(runs: Sequence[Finished]) -> dict[str, Any]:
    """Means over all training rounds of all seeds: seconds (all parties together, by phase), bytes per hospital."""
    lines = [line for run in runs for line in run.rounds]
    by_phase = {phase: _mean([line["simulation"]["seconds_by_phase"][phase] for line in lines]) for phase in PHASES}
    return {
        "seconds_per_round": {"mean": _mean([line["seconds"] for line in lines]), "by_phase": by_phase},
        "bytes_up_per_hospital_round": _mean([_per_hospital(line["bytes_up"], runs) for line in lines]),
        "bytes_down_per_hospital_round": _mean([_per_hospital(line["bytes_down"], runs) for line in lines]),
    }


def convergence(curves: Sequence[Sequence[float | None]]) -> dict[str, float] | None:
    """The first round after which AUROC stays within `CONVERGED` of the last, over seeds; None where it is not known.

    Args:
        curves: per seed the AUROC before training and after each round.
    """
    found = []
    for curve in curves:
        known = [value for value in curve if value is not None]
        if len(known) < len(curve) or not known:
            return None
        away = [index for index, value in enumerate(known) if abs(value - known[-1]) > CONVERGED]
        found.append(away[-1] + 1 if away else 0)
    return {"mean": _mean(found), "min": min(found), "max": max(found)}


def rows_by_hospital(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, rows and positive cases of each hospital; small counts are left out."""
    return [
        {"name": each["name"], "rows": each["rows"], "positive": shown(each["positive"], each["rows"])}
        for each in result["by_hospital"]
    ]


def shown(positive: int, rows: int) -> int | None:
    """A count of cases, or None where it or its complement is so small that it may point at people."""
    return positive if min(positive, rows - positive) >= SMALL else None


def _per_hospital(by_hospital: Mapping[str, int], runs: Sequence[Finished]) -> float:
    return sum(by_hospital.values()) / int(runs[0].result["n_hospitals"])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def to_csv(document: Mapping[str, Any]) -> str:
    """One line for each arm, every column of the comparison; empty where a value does not exist."""
    names = list(_csv_row(document, {}))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for arm in document["arms"]:
        writer.writerow(_csv_row(document, arm))
    return text.getvalue()


def _csv_row(document: Mapping[str, Any], arm: Mapping[str, Any]) -> dict[str, Any]:
    def part(name: str) -> Mapping[str, Any]:
        return arm.get(name) or {}

    row: dict[str, Any] = {key: arm.get(key) for key in ("name", "label", "scheme")}
    row |= {f"privacy_{key}": part("privacy").get(key) for key in ("unit", "epsilon", "delta", "epsilon_spent")}
    row |= {key: arm.get(key) for key in ("objective", "methodology", "primary_contribution")}
    for metric in ("auroc", "auprc", "brier"):
        row |= _estimate(metric, part("metrics").get(metric))
    row |= _estimate("auroc_minus_centralised", arm.get("difference_to_centralised"))
    equal = document["equal_to_plain"].get(arm.get("name"), {})
    row["max_auroc_difference_to_plain"] = equal.get("max_auroc_difference_per_seed")
    row["seconds_per_round"] = part("seconds_per_round").get("mean")
    row |= {f"seconds_{phase}": part("seconds_per_round").get("by_phase", {}).get(phase) for phase in PHASES}
    row |= {key: arm.get(key) for key in ("bytes_up_per_hospital_round", "bytes_down_per_hospital_round")}
    row |= {f"rounds_to_convergence_{key}": part("rounds_to_convergence").get(key) for key in ("mean", "min", "max")}
    row |= {key: arm.get(key) for key in ("who_can_read_one_update", "dropouts_tolerated")}
    row["n_seeds"] = len(arm.get("seeds", ()))
    return row


def _estimate(name: str, found: Mapping[str, float] | None) -> dict[str, Any]:
    values = found or {}
    return {name: values.get("mean"), f"{name}_low": values.get("low"), f"{name}_high": values.get("high")}
