"""After a run on one machine: its model fine-tuned at each hospital, on that hospital's own rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from cipherward import study as study_document
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, StudyError
from cipherward.learning.devices import Device, check_device
from cipherward.learning.model_kind import Module
from cipherward.runs import fingerprint, modelfile, personal_file, withdrawn
from cipherward.runs.folder import RunDirectory, sources_of
from cipherward.tasks.personal import Personalised, personalised
from cipherward.tasks.task import Model


def personalise_run(path: Path, *, module: Module | None = None, device: Device = "auto") -> tuple[Personalised, ...]:
    """Fine-tune a finished run's model at each of its hospitals; write `personalised.json`, and each hospital's model beside
    its other private files.

    Args:
        path: the run directory.
        module: the torch module of a study with model.kind "custom".
        device: "auto", "cpu" or "cuda".

    Raises:
        StudyError: no finished run, or one without a model.
        DataError: the rows or the model cannot be read, or the rows are others than the run's.
        StorageError: a file cannot be read or written.
    """
    run = RunDirectory(path)
    if not run.study.exists():
        raise run.missing()
    if not run.model.exists():
        raise StudyError(f"{path} has no final model", hint="personalise a run that is finished and trains a model")
    check_device(device)
    study = study_document.load(run.study)
    kept = modelfile.load(run.model)
    withdrawn.check(path, kept.study)
    if kept.preprocessor is None:
        raise DataError(f"{run.model} is without preprocessing", hint="use a finished run")
    scratch = kept.module(module)
    data, base = sources_of(run)
    model = Model(kept.groups, kept.weights, kept.preprocessor)
    found = []
    for index, hospital in enumerate(load_hospitals(study, data, base), start=1):
        fingerprint.check(run.hospital(index), hospital)
        made = personalised(study, model, scratch, hospital, index, device)
        own = dataclasses.replace(kept, weights=made.weights)
        modelfile.save(run.hospital(index) / personal_file.MODEL, own)
        found.append(made)
    personal_file.write(path / personal_file.NAME, found)
    return tuple(found)
