"""From finished runs and yardsticks to the content of comparison.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.comparison import arms, bootstrap
from cipherward.comparison.arms import Arm
from cipherward.comparison.bootstrap import METRICS, Draws, Sampled
from cipherward.comparison.document import Finished, convergence, costs, read_run, rows_by_hospital, shown
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.learning import models, sgd
from cipherward.learning.devices import Device, resolve_device
from cipherward.runs import modelfile, verify
from cipherward.simulation.simulate import versions
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, rows_at
from cipherward.tasks.yardsticks import Yardsticks

_AS_PLAIN = ("quorum", "ckks", "masks")
_FOR_HOSPITALS = ("quorum", "ckks", "masks", "plain")


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
            curves = [list(seed.yardsticks.centralised.auroc_by_round) for seed in self._seeds]
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
            "device": str(resolve_device(self._device)),
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
        curves = [list(run.result["auroc_by_round"]) for run in runs]
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
        module = models.build(seed.study.model, seed.scaling.n_features, seed.seed)
        features = np.concatenate([rows_at(work, seed.scaling, TEST)[0] for work in seed.works])
        return self._draws.sample(k, sgd.scores(module, weights, features, self._device))

    def _equal_to_plain(self) -> dict[str, dict[str, float]]:
        if "plain" not in self._sampled:
            return {}
        plain = self._sampled["plain"]
        return {
            name: {
                "max_auroc_difference_per_seed": max(
                    abs(float(own.point[0] - other.point[0]))
                    for own, other in zip(self._sampled[name], plain, strict=True)
                )
            }
            for name in _AS_PLAIN
            if name in self._sampled
        }

    def _hospitals_alone(self) -> list[dict[str, Any]]:
        """Each hospital's own model against the shared ones, all on the pooled test rows."""
        name = next((name for name in _FOR_HOSPITALS if name in self._sampled), None)
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
    found: list[Mapping[str, Any]] = [run.result["privacy"] for run in runs if run.result["privacy"]]
    if not found:
        return None
    spent = max(float(each["epsilon_spent"]) for each in found)
    return {key: found[0][key] for key in ("unit", "epsilon", "delta", "clipping_norm")} | {"epsilon_spent": spent}
