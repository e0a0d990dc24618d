"""From finished runs and yardsticks to the content of comparison.json, and to its table as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.comparison import arms, bootstrap
from cipherward.comparison.arms import Arm
from cipherward.comparison.bootstrap import METRICS, Draws, Sampled
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import StorageError
from cipherward.learning import models, sgd
from cipherward.learning.devices import Device, device_used
from cipherward.report.blocks import SMALL
from cipherward.runs import modelfile, result_json, verify
from cipherward.runs.folder import RunDirectory
from cipherward.runs.result import versions
from cipherward.runs.result_json import Simulated, SumLine
from cipherward.simulation.simulate import PHASES
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, rows_at
from cipherward.tasks.yardsticks import Yardsticks

CONVERGED = 0.001
"""A run has converged once its AUROC stays this close to its last."""


@dataclass(frozen=True)
class Finished:
    """One finished run: result.json, and the training rounds of rounds.jsonl."""

    seed: int
    path: Path
    result: Simulated = field(repr=False)
    rounds: Sequence[SumLine] = field(repr=False)

    @property
    def seconds_by_round(self) -> list[float]:
        return [line.seconds or 0.0 for line in self.rounds]


def read_run(seed: int, path: Path) -> Finished:
    """A finished run from its directory.

    Raises:
        StorageError: a file is missing or damaged.
    """
    run = RunDirectory(path)
    try:
        result = result_json.read(run.result, Simulated)
        lines = result_json.sum_lines(run.rounds, files.read(run.rounds)).values()
    except StorageError as error:
        raise StorageError(error.message, hint="delete this folder, and its run is done again") from None
    rounds = [line for line in lines if line.purpose == "train"]
    if not all(line.simulation.seconds_by_phase.keys() >= set(PHASES) for line in rounds):
        raise StorageError(
            f"{run.rounds} is damaged: it lacks times", hint="delete this folder, and its run is done again"
        )
    return Finished(seed, path, result, rounds)


def costs(runs: Sequence[Finished]) -> dict[str, Any]:
    """Means over all training rounds of all seeds: seconds (all parties together, by phase), bytes per hospital."""
    lines = [line for run in runs for line in run.rounds]
    by_phase = {phase: _mean([line.simulation.seconds_by_phase[phase] for line in lines]) for phase in PHASES}
    return {
        "seconds_per_round": {"mean": _mean([line.seconds or 0.0 for line in lines]), "by_phase": by_phase},
        "bytes_up_per_hospital_round": _mean([_per_hospital(line.bytes_up, runs) for line in lines]),
        "bytes_down_per_hospital_round": _mean([_per_hospital(line.bytes_down, runs) for line in lines]),
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
    return sum(by_hospital.values()) / runs[0].result.n_hospitals


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


@dataclass(frozen=True)
class Seed:
    """What all arms of one seed share. `scaling`: the preprocessing; `works` have the hospitals' rows."""

    seed: int
    study: Study
    hospitals: list[HospitalData] = field(repr=False)
    scaling: Preprocessor
    works: list[HospitalWork] = field(repr=False)
    yardsticks: Yardsticks = field(repr=False)


class Results:
    """Collects arm after arm; every model is scored on the pooled test rows once."""

    def __init__(self, study: Study, out: Path, seeds: Sequence[Seed], command: str, device: Device) -> None:
        self._study, self._out, self._seeds = study, out, tuple(seeds)
        self._command, self._device = command, device
        rows = [bootstrap.pooled(seed.hospitals) for seed in seeds]
        self._draws = Draws(rows, study.seed)
        self._rows = rows[0]
        self._central = [self._sample(k, seed.yardsticks.centralised.weights) for k, seed in enumerate(self._seeds)]
        self._local = [
            [self._sample(k, own.weights) for own in seed.yardsticks.local] for k, seed in enumerate(self._seeds)
        ]
        self._sampled: dict[str, list[Sampled]] = {}
        self._arms: list[dict[str, Any]] = []

    def add(self, arm: Arm) -> None:
        """An arm all of whose runs are finished.

        Raises:
            StorageError, DataError, AuditError: a run's files are damaged.
        """
        if arm.scheme:
            self._add_runs(arm)
        elif arm.name == "centralised":
            curves = [list(seed.yardsticks.centralised.by_round) for seed in self._seeds]
            self._append(arm, self._central, curves)
        else:
            each = [bootstrap.mean(own) for own in self._local]
            self._append(arm, each, [None] * len(self._seeds))

    def document(self, *, finished: bool) -> dict[str, Any]:
        """The content of comparison.json for the arms added so far."""
        first = self._seeds[0]
        positive = int(self._rows.labels.sum())
        study = self._study
        return {
            "kind": "comparison",
            "version": 1,
            "study": study.name,
            "title": study.title,
            "synthetic": study.synthetic,
            "source": study.data.source,
            "outcome": study.data.outcome,
            "seeds": [seed.seed for seed in self._seeds],
            "rounds": study.training.rounds,
            "n_hospitals": len(first.hospitals),
            "hospitals": [hospital.name for hospital in first.hospitals],
            "n_test_rows": len(self._rows.labels),
            "n_test_positive": positive,
            "n_test_patients": self._rows.n_clusters,
            "n_parameters": len(first.yardsticks.centralised.weights),
            "data": rows_by_hospital(self._facts()),
            "model": study.model.kind,
            "device": device_used(study.model, self._device),
            "versions": versions(),
            "command": self._command,
            "bootstrap_draws": self._draws.count,
            "finished": finished,
            "arms": self._arms,
            "equal_to_plain": self._equal_to_plain(),
            "hospitals_alone": self._hospitals_alone(),
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "by_hospital": [
                {"name": h.name, "rows": len(h.outcome), "positive": int(h.outcome.sum())}
                for h in self._seeds[0].hospitals
            ]
        }

    def _add_runs(self, arm: Arm) -> None:
        runs = [read_run(seed.seed, self._out / "arms" / arm.name / f"seed-{seed.seed}") for seed in self._seeds]
        sampled = [
            self._sample(k, modelfile.load(run.path / "model.safetensors").weights) for k, run in enumerate(runs)
        ]
        curves = [list(run.result.auroc_by_round) for run in runs]
        self._append(arm, sampled, curves, runs)

    def _append(
        self,
        arm: Arm,
        sampled: list[Sampled],
        curves: Sequence[list[float | None] | list[float] | None],
        runs: Sequence[Finished] = (),
    ) -> None:
        self._sampled[arm.name] = sampled
        together = self._draws.over_seeds(sampled)
        difference = together - self._draws.over_seeds(self._central)
        opened = verify.open_run(runs[0].path) if runs else None
        known = [curve for curve in curves if curve is not None]
        found: dict[str, Any] = {
            "name": arm.name,
            "label": arm.label,
            "scheme": opened.rules.scheme.name if opened else None,
            "privacy": _privacy(runs),
            "objective": arm.objective,
            "methodology": arm.methodology,
            "primary_contribution": arm.primary_contribution,
            "metrics": {metric: together.interval(metric) for metric in METRICS},
            "difference_to_centralised": None if arm.name == "centralised" else difference.interval("auroc"),
            "seconds_per_round": None,
            "bytes_up_per_hospital_round": None,
            "bytes_down_per_hospital_round": None,
            "rounds_to_convergence": convergence(known) if known else None,
            "who_can_read_one_update": arms.who_can_read(arm, opened),
            "dropouts_tolerated": arms.dropouts_tolerated(opened) if opened else None,
            "warnings": list(dict.fromkeys(said for run in runs for said in run.result.warnings)),
            "seeds": [
                {
                    "seed": seed.seed,
                    **{metric: float(value) for metric, value in zip(METRICS, own.point, strict=True)},
                    "auroc_by_round": curve,
                    "seconds_by_round": runs[k].seconds_by_round if runs else [],
                    "run": runs[k].path.relative_to(self._out).as_posix() if runs else None,
                }
                for k, (seed, own, curve) in enumerate(zip(self._seeds, sampled, curves, strict=True))
            ],
        }
        self._arms.append(found | (costs(runs) if runs else {}))

    def _sample(self, k: int, weights: NDArray[np.float32]) -> Sampled:
        seed = self._seeds[k]
        module = models.build(seed.study.model, seed.scaling.n_features, seed.seed, shape=seed.study.input_shape)
        features = np.concatenate([rows_at(work, seed.scaling, TEST)[0] for work in seed.works])
        return self._draws.sample(k, sgd.scores(module, weights, features, self._device))

    def _equal_to_plain(self) -> dict[str, dict[str, float]]:
        plain = self._sampled.get(arms.UNPROTECTED)
        if plain is None:
            return {}
        return {
            name: {
                "max_auroc_difference_per_seed": max(
                    abs(float(own.point[0] - other.point[0]))
                    for own, other in zip(self._sampled[name], plain, strict=True)
                )
            }
            for name in arms.EXACT[:-1]
            if name in self._sampled
        }

    def _hospitals_alone(self) -> list[dict[str, Any]]:
        """Each hospital's own model against the shared ones, all on the pooled test rows."""
        name = next((name for name in arms.EXACT if name in self._sampled), None)
        if name is None:
            return []
        federated = self._draws.over_seeds(self._sampled[name]).interval("auroc")
        centralised = self._draws.over_seeds(self._central).interval("auroc")
        found = []
        for index, hospital in enumerate(self._seeds[0].hospitals):
            labels = hospital.outcome[hospital.split == TEST]
            own = self._draws.over_seeds([local[index] for local in self._local])
            found.append(
                {
                    "hospital": hospital.name,
                    "n_test": len(labels),
                    "n_test_positive": shown(int(labels.sum()), len(labels)),
                    "local": own.interval("auroc"),
                    "federated": federated,
                    "centralised": centralised,
                }
            )
        return found


def _privacy(runs: Sequence[Finished]) -> dict[str, Any] | None:
    """What was asked for, and the most that any hospital of any seed has spent."""
    found = [run.result.privacy for run in runs if run.result.privacy]
    if not found:
        return None
    spent = max(each.epsilon_spent or 0.0 for each in found)
    promised = found[0].model_dump(include={"unit", "epsilon", "delta", "clipping_norm"})
    return promised | {"epsilon_spent": spent}


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
