"""`coordinator start`: a study becomes a frozen offer to members. Everything that speaks against it is said at once."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cipherward.consortium.approval import modelcode
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.membership.members import MembersList
from cipherward.consortium.service import declared, giving_up, known
from cipherward.crypto import schemes
from cipherward.data import carried_units, temporal, units
from cipherward.data import catalogue as sources
from cipherward.disclosure.blocks import Block
from cipherward.errors import CipherwardError, DataError, StorageError, StudyError
from cipherward.learning.catalogue import kind_of
from cipherward.parties import refreshes, roster
from cipherward.privacy import noise as privacy_plan
from cipherward.runs import carry_over, ckks_key, continuing
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.task import Model


def start(home: CoordinatorHome, study: Study, now: float, *, begin_after: float | None = None) -> Path:
    """Freeze a study with its members' keys and put it where the service offers it; the study's folder.

    Args:
        now: Unix seconds.
        begin_after: seconds after which the study begins with a quorum; None: it waits for every hospital listed.

    Raises:
        StudyError: `problems` names everything that speaks against it.
        StorageError: the home cannot be written.
    """
    if study.is_frozen:
        raise StudyError(
            f"the study {study.name!r} is frozen already", hint="give the file that people wrote, not that of a run"
        )
    if over := study.ended(now):
        raise StudyError(over, hint="set until in the study to its last day, or leave it out")
    privacy_plan.check_study(study)
    draft = home.studies / f".draft-{os.getpid()}"
    try:
        frozen = _freeze(home, study, RunDirectory(draft))
        offered = {"offered": now, "begin_after": begin_after}
        files.write(StudyFolder(draft).started, (json.dumps(offered) + "\n").encode())
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


def freeze(
    study: Study,
    members: MembersList,
    coordinator_key: bytes,
    ckks_public: bytes = b"",
    existing: Iterable[Block] = (),
    names: Mapping[bytes, str] | None = None,
    earlier: refreshes.Known = refreshes.Known(),
) -> Study:
    """The study with the keys of its hospitals, who must be active members, and without any path.

    Args:
        existing: blocks of earlier studies, which stay whole.
        names: of hospitals outside the study, by key.
        earlier: the refreshes of earlier studies.

    Raises:
        StudyError: every reason why it cannot run in a deployment.
    """
    problems = []
    if not sources.source(study.data.source).is_own_tables:
        problems.append(f'data.source is "{study.data.source}"; in a deployment it is "files", every hospital\'s own')
    if study.data.test_from:
        problems.append(temporal.BETWEEN_HOSPITALS)
    if not schemes.facts(study.aggregation.scheme).for_deployments:
        problems.append(f"aggregation.scheme {study.aggregation.scheme!r} is for comparison on one machine")
    if kind_of(study.model).is_own_code != bool(study.model.package):
        problems.append('model.kind "custom" needs model.package, the installed code that makes the model')
    if units.can_be_told():
        problems += carried_units.undeclared(study.columns)
    keys = {}
    for hospital in study.hospitals:
        member = members.find(hospital.name)
        if member is None:
            problems.append(f"hospital {hospital.name!r} is not a member of the consortium")
        elif not member.is_active:
            problems.append(f"hospital {hospital.name!r} is revoked")
        else:
            keys[hospital.name] = ("", member.public_key)
    if problems:
        listed = ", ".join(member.name for member in members.active) or "none"
        raise StudyError(
            f"the study {study.name!r} cannot run in this consortium:\n  - " + "\n  - ".join(problems),
            problems=tuple(problems),
            hint=f"correct the study; active members: {listed}",
        )
    # One document: the paths go at the same moment as the keys come, as neither alone makes a valid study.
    bare = study.model_copy(update={"data": study.data.model_copy(update={"path": "", "hospital_column": ""})})
    return roster.freeze(bare, keys, coordinator_key, ckks_public, existing, names, earlier)


def facts(folder: Path) -> dict[str, Any]:
    """When a study was offered (Unix seconds), and after how many seconds it begins with a quorum, or None.

    Raises:
        DataError: the study's folder does not say.
    """
    started = StudyFolder(folder).started
    try:
        found = files.json_object(files.read(started))
        offered, after = float(found["offered"]), found["begin_after"]
        if not math.isfinite(offered) or not (after is None or 0 <= float(after) < math.inf):
            raise ValueError("no moment")
        return {"offered": offered, "begin_after": after}
    except (ValueError, KeyError, TypeError, OverflowError):
        raise DataError(f"{started} is damaged", hint="restore it from a backup") from None


def find(home: CoordinatorHome, selector: str) -> Path:
    """The folder of the study of that name or digest prefix (at least 4 hex digits).

    Raises:
        StudyError: none, or more than one.
    """
    folders = [path for path in home.study_folders() if not path.name.startswith(".")]
    named = {folder: _name(home, folder) for folder in folders}
    found = [f for f in folders if named[f] == selector or (len(selector) >= 4 and f.name.startswith(selector.lower()))]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{named[f]} ({f.name[:12]})" for f in found or folders) or "none"
    raise StudyError(f"{len(found) or 'no'} study is called {selector!r}", hint=f"studies: {listed}")


def stop(home: CoordinatorHome, selector: str, reason: str) -> Path:
    """Ask for a study's end after its current sum; the service does it and tells the hospitals.

    Raises:
        StudyError: no such study, or it is finished.
        StorageError: the home cannot be written.
    """
    folder = find(home, selector)
    if RunDirectory(folder).result.exists():
        raise StudyError(
            f"the study {_name(home, folder)!r} is finished: there is nothing to stop",
            hint=f"its model can be withdrawn with: cipherward coordinator withdraw-model {_name(home, folder)} --reason TEXT",
        )
    files.write(StudyFolder(folder).stop_asked, f"{reason}\n".encode())
    home.log("stop asked", {"study": folder.name, "reason": reason})
    return folder


def _freeze(home: CoordinatorHome, study: Study, run: RunDirectory) -> Study:
    public = ckks_key.make(run)[0] if schemes.facts(study.aggregation.scheme).has_key_pair else b""
    found = known.of_home(home, study)
    continued, first = _continuing(home, _carrying(home, study))
    shown = continued.with_overrides(top=found.sections)
    frozen = freeze(
        shown, home.members, home.coordinator_key, public, found.blocks, declared.names_of(home), _refreshes(home)
    )
    factory = modelcode.coordinators_factory(frozen)
    begin(frozen, factory)  # whether the model can be made at all
    if first:
        continuing.check_parts(frozen, factory, first, {})
    run.write_study(frozen)
    return frozen


def _refreshes(home: CoordinatorHome) -> refreshes.Known:
    begun = giving_up.studies_begun(home)
    return refreshes.known((study, bool(RunDirectory(folder).rounds_with_openings())) for folder, study in begun)


def _carrying(home: CoordinatorHome, study: Study) -> Study:
    """The study with the constants that it carries over, from this coordinator's own files of the earlier one."""
    if study.carry_over is None:
        return study
    folder = home.study_folder(bytes.fromhex(study.carry_over.study))
    if not StudyFolder(folder).study.exists():
        raise StudyError(
            f"carry_over.study: no study {study.carry_over.study[:12]} was started here",
            hint="give the whole digest of the earlier study; `cipherward coordinator status --json` has it",
        )
    found = carry_over.opened_in(folder)
    carried = {
        "study": study.carry_over.study,
        "opening": found.manifest.hex(),
        "date": str(carry_over.opened_on(RunDirectory(folder), found)),
        "constants": carry_over.for_study(study, found).to_json(),
    }
    return study.with_overrides(top={"carry_over": carried})


def _continuing(home: CoordinatorHome, study: Study) -> tuple[Study, Model | None]:
    """The study with the digest of the model that it goes on from, and that model, from this coordinator's own files of the earlier one."""
    wanted = study.training.continues
    if not wanted:
        return study, None
    folder = home.study_folder(bytes.fromhex(wanted))
    if not StudyFolder(folder).study.exists():
        raise StudyError(
            f"training.continues: no study {wanted[:12]} was started here",
            hint="give the whole digest of the earlier study; `cipherward coordinator status --json` has it",
        )
    return continuing.stated(study, folder)


def _name(home: CoordinatorHome, folder: Path) -> str:
    try:
        return giving_up.document_of(home, folder).name
    except CipherwardError:
        return ""
