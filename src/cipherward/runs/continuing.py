"""A study that goes on from the last model of an earlier one, instead of from the model that its seed draws.

The study states the earlier study's digest and that of the model's weights. Whoever took part in the earlier study compares the second with
the model that its own verified openings led to; a public rule makes the first model, as ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cipherward.errors import AuditError, StudyError
from cipherward.learning.catalogue import kind_of
from cipherward.learning.model_kind import Factory
from cipherward.runs.modelfile import ModelFile
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model


def digest_of(model: Model | ModelFile) -> str:
    """SHA-256 over the names and sizes of a model's parts and its weights; hexadecimal."""
    groups = json.dumps([list(group) for group in model.groups]).encode()
    weights = np.ascontiguousarray(model.weights, "<f4").tobytes()
    return hashlib.sha256(b"cipherward/v1/model\x00" + groups + b"\x00" + weights).hexdigest()


def last_model(path: Path) -> tuple[str, Model]:
    """The digest of a finished study, and the model that its openings lead to, verified on the way.

    Raises:
        AuditError, StorageError, DataError: as `verify.open_run` and `verify.replay`. StudyError: it made no model, or has not ended.
    """
    from cipherward.runs import verify  # which checks first models by this file

    run = verify.open_run(path)
    last = run.first
    for replayed in verify.replay(run):
        last = replayed.state
    if last.question is not None or last.model is None:
        raise StudyError(
            f"the run {path} has no final model to go on from",
            hint="give a finished run of a study that trains a model",
        )
    return last.study.digest().hex(), Model(last.model.groups, last.model.weights)


def start(study: Study, path: Path) -> tuple[Study, Model]:
    """As `stated`, for a study that can begin at once; its model has to have the same parts. Raises: as `stated` and `check_parts`."""
    found, model = stated(study, path)
    check_parts(found, None, model, {})
    return found, model


def stated(study: Study, path: Path) -> tuple[Study, Model]:
    """The study as it goes on from the model of the run in `path`, and that model.

    Raises:
        StudyError: it names another study. And as `last_model`.
    """
    digest, model = last_model(path)
    if study.training.continues not in ("", digest):
        raise StudyError(
            f"training.continues names the study {study.training.continues[:12]}, and {path} is of {digest[:12]}",
            hint="give the run of that study, or leave training.continues out",
        )
    return study.with_overrides(training={"continues": digest, "first_model": digest_of(model)}), model


def begun(study: Study, factory: Factory | None, first: Model, left_out: Mapping[str, str]) -> StudyState:
    """The state before the first sum, from this first model.

    Raises:
        AuditError: the model is not the one that the study states. StudyError: the study's model has other parts.
    """
    if digest_of(first) != study.training.first_model:
        raise AuditError(
            "the first model is not the one that the study states (training.first_model)",
            hint="use the model of the study that training.continues names, unchanged",
        )
    check_parts(study, factory, first, left_out)
    return begin(study, factory, first, left_out)


def check_parts(study: Study, factory: Factory | None, first: Model, left_out: Mapping[str, str]) -> None:
    """Raises StudyError: a study that goes on from this model has a model with other parts."""
    if kind_of(study.model).is_own_code and factory is None:
        return  # compared where the code is
    drawn = begin(study, factory, left_out=left_out).model
    if drawn is None or drawn.groups != first.groups:
        raise StudyError(
            "the model of the earlier study has other parts than this study's, so that it cannot go on from it",
            hint="describe columns and model as that study does; a column that is left out here was in it, or the other way round",
        )


def refuse(study: Study, what: str) -> None:
    """Raises StudyError: the study goes on from an earlier model, which `what` does not."""
    if study.training.continues:
        raise StudyError(
            f"{what} begins with the model that the seed draws, and the study goes on from an earlier one",
            hint="leave training.continues out of the study",
        )
