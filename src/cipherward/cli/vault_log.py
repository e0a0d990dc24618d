"""What a command does with a vault, or with a log, comes into the audit log of the party or the run whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cipherward.consortium.homes.home import Home
    from cipherward.vault.catalogue import Tombstone

OWNER = typer.Option(
    None,
    "--owner",
    help="The run's folder or the home whose vault this is: what is done comes into its audit log. Default: the current folder.",
)


def tell(owner: Path | None, event: str, facts: Mapping[str, object], stones: Iterable[Tombstone] = ()) -> None:
    """Note an event, and what was erased of each study, where it belongs; where that is not known, say that no log has it.

    Raises:
        CipherwardError: the home or the run is damaged.
    """
    from cipherward.runs import erasures
    from cipherward.simulation import witnessed

    folder, found = owner or Path(), tuple(stones)
    if home := home_at(folder):
        home.log(event, facts)
        for study in [*home.path.glob("studies/*/study.digest"), *home.path.glob("models/*/study.digest")]:
            erasures.note(study.parent, found, study.read_text("ascii").strip())
    elif (folder / "study.digest").exists():
        erasures.note(folder, found, (folder / "study.digest").read_text("ascii").strip())
        if not witnessed.look(folder, event, facts):
            typer.echo(f"{folder} has no keys: nobody can write its audit log any more.", err=True)
    else:
        typer.echo("This is in no audit log: --owner names the run's folder, or the home, whose vault it is.", err=True)


def home_at(folder: Path) -> Home | None:
    """The party's home that a folder is, None where it is none."""
    from cipherward.consortium.homes.coordinator_home import CoordinatorHome
    from cipherward.consortium.homes.hospital_home import HospitalHome

    for kind in (CoordinatorHome, HospitalHome):
        if (folder / kind.settings_file).exists():
            return kind(folder)
    return None
