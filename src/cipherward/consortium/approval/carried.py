"""Whether this hospital has itself verified the opening whose constants a study carries over (rule 10)."""

from __future__ import annotations

from datetime import date, timedelta

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import CipherwardError, RefusedError, StudyError
from cipherward.runs import carry_over
from cipherward.runs.folder import RunDirectory
from cipherward.study import CarryOver, Study

_CLOCKS = timedelta(days=1)
"""By how much two parties' dates of one event may differ."""


def verified_here(home: HospitalHome, study: Study) -> bytes:
    """The digest of the opening, worked out again from this hospital's own files; empty where it took no part in it, or the
    study carries nothing over.

    Raises:
        RefusedError: this hospital has verified another opening, other constants, or on another day than the study states.
    """
    run = _run_of(home, study.carry_over) if study.carry_over else None
    return verified_in(run, home.name, home.identity.public_key, study) if run else b""


def verified_in(run: RunDirectory, name: str, key: bytes, study: Study) -> bytes:
    """The same, of a hospital of this name and public key, from what it has kept of the earlier study."""
    wanted = study.carry_over
    if wanted is None:
        return b""
    try:
        found = carry_over.opened_in(run.path)
        own = [h.name for h in found.study.hospitals].index(name) + 1
        if found.study.digest().hex() != wanted.study:
            return b""
        seen = carry_over.verified_on(run, found, own, key)
        if seen is None:
            return b""
        constants = carry_over.for_study(study, found).to_json()
    except StudyError as error:
        raise RefusedError(f"the study {study.name!r} is refused: {error.message} (rule 10)", hint=error.hint) from None
    except (CipherwardError, ValueError):
        return b""  # its files are damaged: nothing can be said
    if (found.manifest.hex(), constants) != (wanted.opening, wanted.constants):
        raise RefusedError(
            f"the study {study.name!r} is refused: the constants that it carries over are not those that this hospital verified in "
            f"the study {found.study.name!r} (rule 10)",
            hint="ask the coordinator for a study with the opening as it was, or one that asks again",
        )
    _check_date(study.name, wanted, seen)
    return found.manifest


def words(home: HospitalHome, study: Study) -> tuple[str, ...]:
    """What the study carries over, for people; () where it carries nothing over."""
    wanted = study.carry_over
    if wanted is None:
        return ()
    needed = study.thresholds.threshold
    said = (
        f"Constants of an earlier study ({wanted.study[:12]}), opened on {wanted.date}, are used again: means, standard deviations, "
        "numbers of rows and merged categories of its training rows. They are not asked again, and cost no privacy budget.",
        f"The study begins only if {needed} of its hospitals say with their approvals that they verified that opening themselves "
        f"({wanted.opening[:12]}).",
    )
    try:
        own = (
            "This hospital has: the constants follow from its own files."
            if verified_here(home, study)
            else "This hospital has not: it relies on those that have."
        )
    except RefusedError as error:
        own = error.message
    return (*said, own)


def _check_date(name: str, wanted: CarryOver, seen: date) -> None:
    """A hospital verifies an opening on the day on which it is opened, or later: never before. `seen`: as its own receipt says."""
    if (wanted.date or date.max) > seen + _CLOCKS:
        raise RefusedError(
            f"the study {name!r} is refused: it says that its constants were opened on {wanted.date}, and this hospital had "
            f"verified them on {seen} (rule 10)",
            hint="ask the coordinator for a study that states the true day",
        )


def _run_of(home: HospitalHome, wanted: CarryOver) -> RunDirectory | None:
    """What this hospital has kept of the earlier study."""
    digest = bytes.fromhex(wanted.study)
    found = [path for path in home.models.glob(f"*-{digest.hex()[:12]}") if (path / "study.toml").exists()]
    return RunDirectory(found[0]) if found else None
