"""Through which mapping file, other extract or query a hospital's people approved a study: its digest is kept beside
the approval, and the study runs with no other.

It is this hospital's own record: the signed approval that others see says nothing about it.
"""

from __future__ import annotations

from pathlib import Path

from cipherward.consortium.approval.own_register import entry
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.data import catalogue as sources
from cipherward.data import extract_chain
from cipherward.errors import TableError
from cipherward.store import files
from cipherward.study import Study

NAME = "mapping.digest"
NONE = "a table itself"
_BEFORE = "none"
"""What was kept for a table itself, and for a query in hospital.toml, before queries had a digest."""


def digest(home: HospitalHome, study: Study) -> str:
    """Of the mapping file, other extracts or query through which this hospital's table is read for the study, hex;
    `NONE` where there is none of them."""
    if not sources.source(study.data.source).is_own_tables:
        return NONE
    source = home.source_of(entry(home, study).register_name)
    found = extract_chain.digest(source) if isinstance(source, Path) else source.digest()
    return found.hex() if found else NONE


def keep(home: HospitalHome, study: Study, folder: Path) -> str:
    """Write the digest into the study's folder, before the approval; returns it."""
    found = digest(home, study)
    files.write(folder / NAME, found.encode())
    return found


def check(home: HospitalHome, study: Study, folder: Path) -> None:
    """Whether the table is read as when the study was approved; an approval from before digests were kept says nothing.

    Raises:
        TableError: through another mapping file, extract or query, or with or without one.
    """
    approved = files.content(f"{folder}/{NAME}").decode("ascii", "replace").strip()
    now = digest(home, study)
    if not approved or now == approved:
        return
    if approved == _BEFORE and (now == NONE or _is_query(home, study)):
        return
    said = "the mapping file, extract or query is not the one that the study was approved with"
    raise TableError(
        f"{said} (digest {now[:16]}, approved: {approved[:16]})",
        logged=said,
        hint="bring that file back, or that query in hospital.toml; a changed one is for a study that is approved with it, or withdraw "
        "from this one",
    )


def _is_query(home: HospitalHome, study: Study) -> bool:
    return not isinstance(home.source_of(entry(home, study).register_name), Path)
