"""How the audit logs of a study are called, and whose keys sign their heads: all of it follows from the study document."""

from __future__ import annotations

from cipherward.audit import notes
from cipherward.audit.notes import Key
from cipherward.crypto.identity import COORDINATOR
from cipherward.parties import roster
from cipherward.study import Study


def origin(study: bytes, hospital: int = COORDINATOR) -> str:
    """The name of the log of a study (digest): the coordinator's first one, or a hospital's own."""
    return f"cipherward/{study.hex()[:32]}" + (f"/hospital-{hospital}" if hospital else "")


def is_coordinators(name: str, study: bytes) -> bool:
    """Whether a log is one of the coordinator's: its first one, or one that began after a restore (`earlier_logs`)."""
    return name == origin(study) or name.startswith(f"{origin(study)}/after-")


def author(study: Study, hospital: int = COORDINATOR, name: str = "") -> Key:
    """Whose signature the heads of that log have to have. `name`: of the coordinator's log, where it is not the first one."""
    return Key(name or origin(study.digest(), hospital), roster.roster_keys(study)[hospital])


def witness_name(hospital: int) -> str:
    return f"cipherward/hospital-{hospital}"


def witnesses(study: Study) -> dict[int, Key]:
    """The hospitals as witnesses of the coordinator's log."""
    keys = roster.roster_keys(study)
    return {i: Key(witness_name(i), key, notes.WITNESS) for i, key in keys.items() if i != COORDINATOR}
