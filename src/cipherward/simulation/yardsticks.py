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

from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, StudyError
from cipherward.learning import baselines, models, sgd
from cipherward.learning.baselines import Rows, Yardstick
from cipherward.learning.metrics import CalibrationRow, Metrics
from cipherward.parties.roster import n_features_of
from cipherward.simulation.make_parties import ModuleFactory
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks.hospital_work import TEST, TRAIN, LocalWork
from cipherward.tasks.state import StudyState, begin

FORMAT = "cipherward-yardsticks-1"


@dataclass(frozen=True)
class Yardsticks:
    """`centralised`: one model on all hospitals' rows; `local`: one model per hospital, in roster order."""

    basis: str
    centralised: Yardstick = field(repr=False)
    local: tuple[Yardstick, ...] = field(repr=False)


def basis_of(study: Study, first: NDArray[np.float32], state: StudyState, hospitals: Sequence[HospitalData]) -> str:
    """SHA-256 (hex) over everything that decides the yardsticks: settings, seed, first model, scaling, rows."""
    facts = {
        "training": study.training.model_dump(mode="json"),
        "model": study.model.model_dump(mode="json"),
        "seed": study.seed,
        "preprocessor": state.preprocessor.to_json() if state.preprocessor else "",
    }
    found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + first.astype("<f4").tobytes())
    for hospital in hospitals:
        found.update(hospital.split.tobytes() + hospital.outcome.tobytes())
    return found.hexdigest()


def compute(
    study: Study,
    first: NDArray[np.float32],
    state: StudyState,
    hospitals: Sequence[HospitalData],
    works: Sequence[LocalWork],
    device: sgd.Device,
    factory: ModuleFactory | None = None,
) -> Yardsticks:
    """Train them, from a state that knows the preprocessing.

    Args:
        first: float32[n_parameters], the federated run's first model.
        hospitals, works: the same hospitals, in roster order.

    Raises:
        DataError: as `baselines.centralised`.
    """
    train_rows, test_rows = rows_of(works, state, TRAIN), rows_of(works, state, TEST)
    module = models.build(study.model, n_features_of(study), study.seed, factory)
    options: dict[str, Any] = {"seed": study.seed, "device": device}
    pooled = baselines.centralised(module, first, train_rows, test_rows, study.training, **options)
    alone = baselines.local_only(module, first, train_rows, test_rows, study.training, **options)
    return Yardsticks(basis_of(study, first, state, hospitals), pooled, alone)


def prepare(study: Study, hospitals: Sequence[HospitalData], device: sgd.Device) -> tuple[StudyState, list[LocalWork]]:
    """The state after the statistics, added up in the clear: what a run's first sum leads to, without running it.

    Raises:
        DataError: the hospitals together have one class only.
    """
    named = study.with_overrides(top={"privacy": None})
    module = models.build(study.model, n_features_of(study), study.seed)
    state = begin(named, models.groups(module), models.flatten(module))
    works = [LocalWork(index, data, module, device, perf_counter) for index, data in enumerate(hospitals, start=1)]
    each = [work.values(state) for work in works]
    sums: dict[str, NDArray[Any]] = {name: np.stack([values[name] for values in each]).sum(axis=0) for name in each[0]}
    return state.after(sums, len(hospitals)), works


def rows_of(works: Sequence[LocalWork], state: StudyState, split: int) -> list[Rows]:
    """Every hospital's features float32[n, n_features] and labels of one split."""
    return [work.rows(state, split) for work in works]


def save(path: Path, found: Yardsticks) -> None:
    """Write them durably: `path` (.json) with the figures, and the weights beside it (.safetensors).

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
    found: Yardsticks, study: Study, first: NDArray[np.float32], state: StudyState, hospitals: Sequence[HospitalData]
) -> None:
    """Refuse yardsticks of other data, another seed or other settings.

    Raises:
        StudyError: they are.
    """
    if found.basis != basis_of(study, first, state, hospitals):
        raise StudyError(
            "the yardsticks given belong to other data, another seed or other training settings",
            hint="leave them out, and they are computed from this run's own",
        )


def _document(found: Yardstick) -> dict[str, Any]:
    return {"metrics": dataclasses.asdict(found.metrics), "auroc_by_round": list(found.auroc_by_round)}


def _yardstick(document: dict[str, Any], weights: NDArray[np.float32]) -> Yardstick:
    m = dict(document["metrics"])
    m["calibration"] = tuple(CalibrationRow(**row) for row in m["calibration"])
    m["roc"] = tuple((float(x), float(y)) for x, y in m["roc"])
    return Yardstick(Metrics(**m), tuple(document["auroc_by_round"]), weights)
