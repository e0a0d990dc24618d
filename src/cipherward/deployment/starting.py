"""`coordinator start`: a study becomes a frozen offer to members. Everything that speaks against it is said at once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from cipherward.deployment.homes import CoordinatorHome
from cipherward.errors import CipherwardError, StorageError, StudyError
from cipherward.nodes import keyholder, modelfile, roster
from cipherward.nodes.modelfile import ModelFile
from cipherward.nodes.rundir import RunDirectory
from cipherward.privacy import plan as privacy_plan
from cipherward.store import files
from cipherward.study import Study

STARTED = "started.json"
SCHEMES = ("quorum", "ckks")


def start(home: CoordinatorHome, study: Study, now: float, *, begin_after: float | None = None) -> Path:
    """Freeze a study with its members' keys and put it where the service offers it; the study's folder.

    Args:
        now: Unix seconds.
        begin_after: seconds after which the study begins with a quorum; None: it waits for every hospital listed.

    Raises:
        StudyError: `problems` names everything that speaks against it.
        StorageError: the home cannot be written.
    """
    problems = _problems(home, study)
    if problems:
        raise StudyError(
            f"the study {study.name!r} cannot run across machines:\n  - " + "\n  - ".join(problems),
            problems=tuple(problems),
            hint="correct the study, or admit the hospitals first (`cipherward coordinator members`)",
        )
    draft = home.studies / f".draft-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        frozen = _freeze(home, study, RunDirectory(draft))
        facts = {"offered": now, "begin_after": begin_after}
        files.write(draft / STARTED, (json.dumps(facts) + "\n").encode())
        folder = home.study_folder(frozen.digest())
        if folder.exists():
            raise StudyError(
                f"this very study was started before ({folder.name[:12]})", hint="change its name to run it once more"
            )
        draft.rename(folder)
    except OSError as error:
        raise StorageError(f"cannot write {home.studies}: {error.strerror or error}", hint="free space") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    home.log("study started", {"study": frozen.name, "digest": frozen.digest().hex()})
    return folder


def _problems(home: CoordinatorHome, study: Study) -> list[str]:
    problems = []
    if study.is_frozen:
        problems.append("it is frozen already: give the study file that people wrote, not that of a run")
    if study.aggregation.scheme not in SCHEMES:
        problems.append(
            f"aggregation.scheme {study.aggregation.scheme!r} exists for comparison on one machine; "
            f"across machines: {' or '.join(SCHEMES)}"
        )
    if study.data.source != "files":
        problems.append(f'data.source {study.data.source!r}: hospitals have their own tables, which is source "files"')
    if study.data.hospital_column or study.data.path:
        problems.append("data.path and data.hospital_column: leave them out, every hospital has a table of its own")
    if study.model.kind == "custom":
        problems.append("model.kind 'custom': hospitals run only code that they have installed themselves")
    members = home.members
    for hospital in study.hospitals:
        member = members.find(hospital.name)
        if member is None or not member.is_active:
            problems.append(f"hospital {hospital.name!r} is not {'a member' if member is None else 'active any more'}")
    try:
        privacy_plan.check_study(study)
    except CipherwardError as error:
        problems.append(error.message)
    return problems


def _freeze(home: CoordinatorHome, study: Study, run: RunDirectory) -> Study:
    members = home.members
    keys = {h.name: ("", found.public_key) for h in study.hospitals if (found := members.find(h.name))}
    public = keyholder.make(run)[0] if study.aggregation.scheme == "ckks" else b""
    frozen = roster.freeze(study, keys, home.coordinator_key, public)
    first = roster.first_state(frozen)
    modelfile.save(run.initial_model, ModelFile(frozen, first.groups, first.weights, None))
    run.write_study(frozen)
    return frozen
