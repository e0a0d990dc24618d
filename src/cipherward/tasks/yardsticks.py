"""The centralised and the local-only models of a study and seed: computed in a simulation only, once for all schemes.

They follow from the data, the seed and the training settings alone, so runs that differ only in how sums are protected
share them. `basis` is what they follow from; a run refuses yardsticks with another basis than its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, StudyError
from cipherward.learning import baselines, metrics, sgd
from cipherward.learning.baselines import Rows, Yardstick
from cipherward.learning.devices import Device
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.outcomes import outcome_of
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks import by_hospital, class_weights, own_rows, preparing, rounds
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, TRAIN, VALIDATION, rows_at
from cipherward.tasks.task import Model

FORMAT = "cipherward-yardsticks-1"


@dataclass(frozen=True)
class Yardsticks:
    """`centralised`: one model on all hospitals' rows; `local`: one model per hospital, in roster order."""

    basis: str
    centralised: Yardstick = field(repr=False)
    local: tuple[Yardstick, ...] = field(repr=False)


def basis_of(study: Study, first: NDArray[np.float32], scaling: Inputs, hospitals: Sequence[HospitalData]) -> str:
    """SHA-256 (hex) over everything that decides the yardsticks: settings, seed, first model, scaling, rows."""
    facts = {
        "training": study.training.model_dump(mode="json"),
        "model": study.model.model_dump(mode="json"),
        "seed": study.seed,
        "preprocessor": scaling.to_json(),
    }
    found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + first.astype("<f4").tobytes())
    for hospital in hospitals:
        found.update(hospital.split.tobytes() + hospital.outcome.tobytes())
    return found.hexdigest()


def outcome_at(study: Study, scaling: Inputs) -> Outcome:
    """The study's type of outcome, with the constants that its statistics gave, and what rows count for.

    Raises:
        DataError: the statistics do not say how many rows each class has, and weights follow from them.
    """
    if not isinstance(scaling, Preprocessor):
        return outcome_of(study.data)
    return outcome_of(study.data, scaling.outcome).weighed(class_weights.of(study, scaling))


def compute(
    study: Study,
    module: Module,
    first: NDArray[np.float32],
    scaling: Inputs,
    hospitals: Sequence[HospitalWork],
) -> Yardsticks:
    """Train them.

    Args:
        module: from `models.build`; scratch.
        first: float32[n_parameters], the federated run's first model.
        hospitals: in roster order.

    Raises:
        DataError: as `baselines.centralised`.
    """
    train_rows, test_rows = rows_of_all(hospitals, scaling, TRAIN), rows_of_all(hospitals, scaling, TEST)
    outcome = outcome_at(study, scaling)
    options: dict[str, Any] = {"seed": study.seed, "device": hospitals[0].device, "outcome": outcome}
    settings = rounds.settings(study, scaling)
    options["validation_rows"] = rows_of_all(hospitals, scaling, VALIDATION)
    pooled = baselines.centralised(module, first, train_rows, test_rows, settings, **options)
    alone = baselines.local_only(module, first, train_rows, test_rows, settings, **options)
    return Yardsticks(basis_of(study, first, scaling, [each.data for each in hospitals]), pooled, alone)


def beside(
    study: Study,
    module: Module,
    first: Model,
    last: Model,
    hospitals: Sequence[HospitalWork],
    known: Yardsticks | None,
) -> dict[str, Any]:
    """What a simulation says of a trained model beside the centralised and the local-only ones: JSON values.

    Args:
        module: from `models.build`; scratch.
        first, last: the federated run's models, before and after training.
        hospitals: in roster order.
        known: yardsticks from a run on the same data with the same seed and settings.

    Raises:
        StudyError: `known` belongs to other data, another seed or other settings.
    """
    data, device, outcome = [each.data for each in hospitals], hospitals[0].device, outcome_at(study, last.scaling)
    if known:
        check_basis(known, study, first.weights, last.scaling, data)
    found = known or compute(study, module, first.weights, last.scaling, hospitals)
    test_rows = rows_of_all(hospitals, last.scaling, TEST)
    labels = np.concatenate([labels for _, labels in test_rows])
    shared = {"federated": last.weights, "centralised": found.centralised.weights}
    own = [
        {
            name: sgd.scores(module, weights, features, device, outcome)
            for name, weights in (shared | {"local": alone.weights}).items()
        }
        for (features, _), alone in zip(test_rows, found.local, strict=True)
    ]
    scores = np.concatenate([each["federated"] for each in own])
    return {
        f"{outcome.key}_federated_exact": outcome.exact(scores, labels).headline,
        f"{outcome.key}_centralised": found.centralised.metrics.headline,
        f"{outcome.key}_local": {each.name: y.metrics.headline for each, y in zip(data, found.local, strict=True)},
        f"{outcome.key}_best_possible": best_auroc(data, labels) if outcome.form == "sides" else None,
        f"{outcome.key}_centralised_by_round": list(found.centralised.by_round),
        "centralised": dataclasses.asdict(found.centralised.metrics),
        "by_hospital": by_hospital.facts(data, own, outcome),
    }


def best_auroc(data: Sequence[HospitalData], labels: NDArray[Any]) -> float | None:
    """Of the true probabilities, where the data are synthetic and they are known."""
    best = [each.best_score[each.split == TEST] for each in data if each.best_score is not None]
    return metrics.exact(np.concatenate(best), labels).auroc if len(best) == len(data) else None


def prepare(study: Study, hospitals: Sequence[HospitalData], device: Device) -> tuple[Preprocessor, list[HospitalWork]]:
    """The scaling that a run's first sums lead to, added up in the clear without running it, and the hospitals' work.

    Raises:
        DataError: the hospitals together have one class only.
    """
    works = [HospitalWork(index, data, device, perf_counter) for index, data in enumerate(hospitals, start=1)]
    return preparing.pooled(study, works), works


def rows_of_all(hospitals: Sequence[HospitalWork], scaling: Inputs, split: int) -> list[Rows]:
    """Every hospital's features float32[n, n_features] and labels of one split."""
    return [rows_at(each, scaling, split) for each in hospitals]


def own(study: Study, module: Module, first: Model, last: Model, at: HospitalWork) -> dict[str, Any]:
    """What a hospital finds out for itself: the model on its own test rows, beside one that it trains alone, as long as the study did.

    Args:
        module: from `models.build`; scratch.
        first, last: the study's models, before and after training.
    """
    at.cuts = ()  # these were of the study's sums
    outcome = outcome_at(study, last.scaling)
    features, labels = rows_at(at, last.scaling, TEST)

    def alone() -> NDArray[np.float64]:
        rows = [rows_at(at, last.scaling, TRAIN)], [(features, labels)]
        options: dict[str, Any] = {"seed": study.seed, "device": at.device, "outcome": outcome}
        options["validation_rows"] = [rows_at(at, last.scaling, VALIDATION)]
        (found,) = baselines.local_only(module, first.weights, *rows, rounds.settings(study, last.scaling), **options)
        return sgd.scores(module, found.weights, features, at.device, outcome)

    return own_rows.figures(
        at.data, lambda: sgd.scores(module, last.weights, features, at.device, outcome), alone, outcome
    )


def save(path: Path, found: Yardsticks) -> None:
    """Write those of a binary outcome durably: `path` (.json) with the figures, and the weights beside it (.safetensors).

    Raises:
        StorageError: a file cannot be written.
    """
    tensors = {"centralised": found.centralised.weights}
    tensors |= {f"local-{index}": each.weights for index, each in enumerate(found.local, start=1)}
    files.write(path.with_suffix(".safetensors"), safetensors.numpy.save(tensors))
    document = {
        "format": FORMAT,
        "basis": found.basis,
        "centralised": _document(found.centralised),
        "local": [_document(each) for each in found.local],
    }
    files.write(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def load(path: Path) -> Yardsticks:
    """What `save` wrote.

    Raises:
        StorageError: a file is missing or unreadable.
        DataError: another file, or a damaged one.
    """
    try:
        document = files.json_object(files.read(path))
        tensors = safetensors.numpy.load(files.read(path.with_suffix(".safetensors")))
        if document["format"] != FORMAT:
            raise ValueError("another format")
        json.dumps(document, allow_nan=False)
        local = [_yardstick(each, tensors[f"local-{k}"]) for k, each in enumerate(document["local"], start=1)]
        return Yardsticks(document["basis"], _yardstick(document["centralised"], tensors["centralised"]), tuple(local))
    except (ValueError, KeyError, TypeError, OverflowError, safetensors.SafetensorError) as error:
        raise DataError(
            f"{path} holds no yardsticks ({type(error).__name__})", hint="delete it; it is computed again"
        ) from None


def check_basis(
    found: Yardsticks,
    study: Study,
    first: NDArray[np.float32],
    scaling: Inputs,
    hospitals: Sequence[HospitalData],
) -> None:
    """Refuse yardsticks of other data, another seed or other settings.

    Raises:
        StudyError: they are.
    """
    if found.basis != basis_of(study, first, scaling, hospitals):
        raise StudyError(
            "the yardsticks given belong to other data, another seed or other training settings",
            hint="leave them out, and they are computed from this run's own",
        )


def _document(found: Yardstick) -> dict[str, Any]:
    return {"metrics": dataclasses.asdict(found.metrics), "auroc_by_round": list(found.by_round)}


def _yardstick(document: dict[str, Any], weights: NDArray[np.float32]) -> Yardstick:
    return Yardstick(BINARY.read(document["metrics"]), tuple(document["auroc_by_round"]), weights)
