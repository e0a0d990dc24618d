"""The model as a file: safetensors with everything that a local prediction needs, and no code."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from cipherward import study as study_document
from cipherward.data import inputs
from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import CipherwardError, DataError, VersionError
from cipherward.learning import models
from cipherward.learning.catalogue import kind_of
from cipherward.learning.model_kind import Module
from cipherward.learning.outcomes import outcome_of
from cipherward.store import files
from cipherward.study import Study
from cipherward.study_columns import input_shape
from cipherward.tasks.state import StudyState

FORMAT = "cipherward-model-1"
_MALFORMED = (
    *(safetensors.SafetensorError, CipherwardError, KeyError, ValueError, TypeError),
    *(AttributeError, OverflowError, RecursionError),
)


@dataclass(frozen=True)
class ModelFile:
    """A trained (or initial) model. `weights` is float32[n_parameters] in the order of `groups`."""

    study: Study
    groups: tuple[tuple[str, int], ...]
    weights: NDArray[np.float32] = field(repr=False)
    preprocessor: Inputs | None

    def module(self, custom: Module | None = None) -> Module:
        """A model with these weights.

        Raises:
            DataError: the study used a module of the user's own and `custom` is not given.
            StudyError: its frozen values are not those of the study.
        """
        if kind_of(self.study.model).is_own_code and custom is None:
            raise DataError(
                "this model is a torch module of the user's own, which its file does not contain",
                hint="predict from Python: cipherward.predict(run, table, module=YourModule(...))",
            )
        n_features = self.preprocessor.n_features if self.preprocessor else 0
        columns = self.preprocessor.columns if isinstance(self.preprocessor, Preprocessor) else ()
        outputs = outcome_of(self.study.data).model_outputs
        module = custom or models.build(
            self.study.model, n_features, self.study.seed, outputs=outputs, shape=input_shape(columns)
        )
        models.check_frozen(module, self.study.model)
        models.load(module, self.weights)
        return module


def of(state: StudyState) -> ModelFile | None:
    """The model of a study's state as a file holds it; None where the task makes none."""
    model = state.model
    return ModelFile(state.study, model.groups, model.weights, model.preprocessor) if model else None


def save(path: Path, model: ModelFile) -> None:
    """Write the model durably.

    Raises:
        StorageError: the file cannot be written.
    """
    files.write(path, to_bytes(model))


def to_bytes(model: ModelFile) -> bytes:
    """The file's content."""
    tensors, start = {}, 0
    for name, size in model.groups:
        tensors[name] = model.weights[start : start + size]
        start += size
    facts = {
        "format": FORMAT,
        "study": json.dumps(model.study.model_dump(mode="json")),
        "study_digest": model.study.digest().hex(),
        "groups": json.dumps(model.groups),
        "preprocessor": model.preprocessor.to_json() if model.preprocessor else "",
    }
    return _in_order(safetensors.numpy.save(tensors, metadata=facts))


def _in_order(data: bytes) -> bytes:
    """The file with the names of its header in order, which safetensors shuffles: one model is the same bytes everywhere."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def load(path: Path) -> ModelFile:
    """Read a model file.

    Raises:
        StorageError: missing or unreadable.
        DataError: truncated, altered in its structure, or not written by cipherward.
    """
    data = files.read(path)
    try:
        tensors = safetensors.numpy.load(data)
        with safetensors.safe_open(path, framework="numpy") as opened:
            facts = opened.metadata() or {}
        if facts.get("format") != FORMAT:
            raise ValueError("no cipherward model")
        groups = tuple((str(name), int(size)) for name, size in json.loads(facts["groups"]))
        parts = [np.asarray(tensors[name], dtype=np.float32).reshape(-1) for name, _ in groups]
        if [len(part) for part in parts] != [size for _, size in groups]:
            raise ValueError("tensor sizes differ from the list of groups")
        if set(tensors) != {name for name, _ in groups}:
            raise ValueError("a tensor that no sum gave, such as running statistics of one hospital")
        study = study_document.parse(json.loads(facts["study"]), origin=str(path))
        if facts["study_digest"] != study.digest().hex():
            raise ValueError("the study is not the one whose digest is given")
        preprocessor = inputs.from_json(facts["preprocessor"]) if facts["preprocessor"] else None
        weights = np.concatenate(parts)
    except VersionError:
        raise
    except _MALFORMED as error:
        raise DataError(
            f"{path} is not a complete cipherward model file ({type(error).__name__})",
            hint="copy it again from the run directory; `cipherward verify RUN_DIR` tells whether that one is whole",
        ) from None
    return ModelFile(study, groups, weights, preprocessor)
