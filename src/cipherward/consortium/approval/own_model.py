"""A received model, fine-tuned on this hospital's own rows. Nothing of it leaves the home."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

from cipherward.consortium.approval import modelcode, own_register, policyfile
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.received_models import ReceivedModel
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, StorageError
from cipherward.learning.devices import Device
from cipherward.runs import modelfile, personal_file, withdrawn
from cipherward.tasks.personal import Personalised, personalised
from cipherward.tasks.task import Model


def personalise(home: HospitalHome, chosen: ReceivedModel) -> Personalised:
    """Fine-tune a received model on the table as its study reads it: training rows train, validation rows decide how far, test
    rows only measure. The model and its figures are written beside the shared one.

    Raises:
        DataError, StorageError: the table, the model or a file of the home cannot be read.
        RefusedError, StudyError: the study's own code may not run here.
    """
    kept, policy = modelfile.load(chosen.file), policyfile.load(home.policy_file)
    study = kept.study
    withdrawn.check(chosen.folder, study)
    if kept.preprocessor is None:
        raise DataError(f"{chosen.file} is without preprocessing", hint="use the model of a study that has ended")
    entry = own_register.entry(home, study)
    terms = own_register.terms(home, study, policy.rows_min)
    (data,) = load_hospitals(study, home.source_of(entry.register_name), home.path, only=[home.name], terms=terms)
    module = kept.module(modelcode.module_of(kept, policy))
    model = Model(kept.groups, kept.weights, kept.preprocessor)
    found = personalised(study, model, module, data, study.hospitals.index(entry) + 1, cast(Device, home.device))
    modelfile.save(chosen.folder / personal_file.MODEL, dataclasses.replace(kept, weights=found.weights))
    personal_file.write(chosen.folder / personal_file.NAME, [found])
    home.log("model personalised", {"digest": chosen.digest, "kept_shared": not found.share})
    return found


def file_of(chosen: ReceivedModel) -> Path:
    """The personal model's file.

    Raises:
        StorageError: there is none.
    """
    path = chosen.folder / personal_file.MODEL
    if not path.exists():
        raise StorageError(
            f"{chosen.folder.name} has no personal model",
            hint=f"first: cipherward hospital personalise {chosen.folder.name}",
        )
    return path
