"""What the commands of coordinator and hospital share: which home, and how tables and findings read."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cipherward.consortium.homes.health import Finding
    from cipherward.consortium.homes.home import Home
    from cipherward.consortium.membership.members import MembersList

HOME = typer.Option(Path(), "--home", envvar="CIPHERWARD_HOME", help="Home folder; default: the current folder.")
SEEN = typer.Option(False, "--seen", help="Acknowledge them: health is no longer bad because of these.")
JSON = typer.Option(False, "--json", help="Machine-readable output.")


class Answer(StrEnum):
    """To the question of rule 3."""

    no = "no"
    yes = "yes"


def carry(path: Path, text: bytes, what: str, *, private: bool = False) -> None:
    """Write a file that people carry to another party, and say so."""
    from cipherward.store import files

    files.write(path, text, private=private)
    typer.echo(f"{what}: {path}")


def show_alarms(home: Home, *, seen: bool, json: bool) -> None:
    """Print the alarms of a home, newest last; `seen`: and note that people have seen them."""
    from dataclasses import asdict

    from cipherward.cli.terminal import print_json
    from cipherward.consortium.homes.alarm_words import MEANINGS
    from cipherward.consortium.homes.alarms import Alarms

    book = Alarms(home.path)
    found = book.all()
    if json:
        print_json([asdict(alarm) for alarm in found])
    else:
        for alarm in found:
            about = "".join(f", {word} {what}" for word, what in (("by", alarm.who), ("study", alarm.study)) if what)
            span = (
                alarm.first[:19]
                if alarm.times == 1
                else f"{alarm.first[:19]} to {alarm.last[:19]}, {alarm.times} times"
            )
            typer.echo(f"{'seen' if alarm.seen else 'NEW '} {alarm.event}{about}: {span}")
            means = MEANINGS.get(alarm.event, ("", ""))[0]
            for line in (
                means,
                alarm.reason and f"reason: {alarm.reason}",
                f"what to do: {alarm.hint}" if alarm.hint else "",
            ):
                if line:
                    typer.echo(f"    {line}")
        if not found:
            typer.echo("No alarm.")
    if seen:
        typer.echo(f"{book.acknowledge()} alarm(s) acknowledged.", err=json)


def show_members(members: MembersList, own: str = "") -> None:
    """The list with fingerprints to compare by phone."""
    typer.echo(f"Members list, version {members.version}. Fingerprint of the list:  {members.fingerprint}")
    width = max((len(member.name) for member in members.members), default=0)
    for member in members.members:
        note = "  (this hospital)" if member.name == own else ""
        typer.echo(f"  {member.name:<{width}}  {member.status:<7}  {member.fingerprint}{note}")


def members_json(members: MembersList | None) -> dict[str, object] | None:
    """A members list as JSON values."""
    if members is None:
        return None
    return {
        "version": members.version,
        "fingerprint": members.fingerprint,
        "members": [
            {"name": member.name, "status": member.status, "fingerprint": member.fingerprint}
            for member in members.members
        ],
    }


def show_health(findings: Sequence[Finding], *, json: bool) -> None:
    """Print findings; exit code 1 unless all hold."""
    from dataclasses import asdict

    from cipherward.cli.terminal import ERROR, print_json

    healthy = all(finding.holds for finding in findings)
    if json:
        print_json({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'ok ' if finding.holds else 'BAD'} {finding.what}: {finding.detail}")
            if not finding.holds and finding.hint:
                typer.echo(f"    what to do: {finding.hint}")
    if not healthy:
        raise typer.Exit(ERROR)
