"""Whether this hospital knows the model that a study goes on from: by its own verified openings of the earlier study."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import CipherwardError, RefusedError
from cipherward.learning.model_kind import Factory
from cipherward.runs import continuing
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model


def of(home: HospitalHome, study: Study) -> Model | None:
    """That model, recomputed from this hospital's own files; None where the study begins with its seed's.

    Raises:
        RefusedError: this hospital took no part in the earlier study, or has verified another model there than the study states.
    """
    wanted = study.training.continues
    if not wanted:
        return None
    folders = [path for path in home.models.glob(f"*-{wanted[:12]}") if (path / "study.toml").exists()]
    if not folders:
        raise RefusedError(
            f"the study {study.name!r} is refused: it goes on from the model of the study {wanted[:12]}, which this hospital has not "
            "verified (rule 6)",
            hint="take part in a study that begins with its seed's model; or restore the files of that study from a backup",
        )
    try:
        digest, model = continuing.last_model(folders[0])
    except CipherwardError as error:
        raise RefusedError(
            f"the study {study.name!r} is refused: the earlier model cannot be recomputed here: {error.message}",
            hint=error.hint,
        ) from None
    if digest != wanted or continuing.digest_of(model) != study.training.first_model:
        raise RefusedError(
            f"the study {study.name!r} is refused: the model that it goes on from is not the one that this hospital verified in the study "
            f"{wanted[:12]} (rule 6)",
            hint="ask the coordinator for a study that states that model",
        )
    return model


def begun(home: HospitalHome, study: Study, factory: Factory | None, left_out: Mapping[str, str]) -> StudyState:
    """The state before the first sum. Raises: as `of` and `continuing.begun`."""
    model = of(home, study)
    if model is None:
        return begin(study, factory, left_out=left_out)
    return continuing.begun(study, factory, model, left_out)


def words(home: HospitalHome, study: Study) -> tuple[str, ...]:
    """What the study goes on from, for people; () where it begins with its seed's model."""
    wanted = study.training.continues
    if not wanted:
        return ()
    try:
        of(home, study)
        own = "This hospital has verified that model itself."
    except RefusedError as error:
        own = error.message
    return (f"Training goes on from the last model of an earlier study ({wanted[:12]}). {own}",)
