"""`cipherward hospital splits`, `sign-split`, `confirm-successor`, `succeed`, `inherit`, `widen`, `end-register`: blocks and keys."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli.homes import HOME, JSON

if TYPE_CHECKING:
    from cipherward.consortium.homes.hospital_home import HospitalHome

YES = typer.Option(False, "--yes", help="Do not ask: people have read what it means.")
TABLE = typer.Argument("table", help="The table's name in studies (register_name).")


def splits(json: bool = JSON, home: Path = HOME) -> None:
    """Show the splits of this hospital's block that are proposed, and what signing one means."""
    from cipherward.cli.terminal import print_json
    from cipherward.consortium.approval import consequences, declaring

    own = _open(home)
    found, names = declaring.proposals(own), consequences.names_here(own)
    if json:
        print_json(
            [
                {
                    "split": one.digest.hex(),
                    "signed": one.is_signed,
                    "parts": [
                        [names.get(m.hospital, m.hospital.hex()) for m in part.members] for part in one.split.parts
                    ],
                }
                for one in found
            ]
        )
        return
    for one in found:
        typer.echo(f"Split {one.digest.hex()[:12]}: {'signed here' if one.is_signed else 'NOT signed here'}")
        _say(consequences.of_split(one.split, names))
    if not found:
        typer.echo("No split of a block is proposed to this hospital.")


def sign_split(
    split: str = typer.Argument(help="First digits of the split, from `cipherward hospital splits`."),
    yes: bool = YES,
    home: Path = HOME,
) -> None:
    """Sign that this hospital's block may be split so. It takes all its members; blocks never merge again."""
    from cipherward.consortium.approval import consequences, declaring, own_standing

    own = _open(home)
    proposed = declaring.find_proposal(own, split)
    own_standing.check_split(own, proposed)
    _ask(consequences.of_split(proposed.split, consequences.names_here(own)), "Sign this split?", yes=yes)
    declaring.sign_split(own, proposed)
    typer.echo("Signed. The service sends it; the split holds for studies that start once every member has signed.")


def confirm_successor(
    name: str = typer.Argument(help="The hospital that has a new identity key."), yes: bool = YES, home: Path = HOME
) -> None:
    """Confirm, after a call, that a block mate's new key is its own. A false successor exposes its predecessor."""
    from cipherward.consortium.approval import consequences, declaring

    own = _open(home)
    old, new = declaring.successor_of(own, name)
    _ask(
        consequences.of_successor(name, old, new), f"Have you spoken with {name}, and is the new key its own?", yes=yes
    )
    declaring.confirm_successor(own, old, new)
    typer.echo(f"Confirmed. The new key stands for {name} once every block mate has confirmed it.")


def succeed(
    old: Path = typer.Argument(metavar="OLD_HOME", help="The home whose identity and ledger this new one takes over."),
    yes: bool = YES,
    home: Path = HOME,
) -> None:
    """Have the old home's key sign this home's, and take its ledger. For a hospital that still has both."""
    from cipherward.consortium.homes import inheriting
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.crypto.identity import fingerprint

    own, before = _open(home), HospitalHome(old)
    said = [
        f"{fingerprint(own.identity.public_key)} takes the place of {fingerprint(before.identity.public_key)}.",
        "The ledger moves here; the old home says nothing any more, and studies under way that list the old key go on without it.",
        "If somebody else has the old key, it can sign a successor of its own: tell the other hospitals which one is yours.",
    ]
    _ask(said, "Take over the old home's ledger?", yes=yes)
    inheriting.succeed(own, before)
    typer.echo(
        "Signed by the old key, and the ledger is here. The service sends it; a study that lists the new key shows it."
    )


def inherit(
    folders: list[Path] = typer.Argument(
        metavar="FOLDER...", help="Folders of studies that a block mate has: its models/."
    ),
    home: Path = HOME,
) -> None:
    """Rebuild this hospital's ledger for its new key from openings that others have; each is verified first."""
    from cipherward.consortium.homes import inheriting

    found = inheriting.inherit(_open(home), folders)
    for one in found.studies:
        typer.echo(
            f"{one.study} ({one.digest.hex()[:12]}): this hospital stood in {one.sums} opened sum(s), {one.charged} of them count "
            "against its budget"
        )
    typer.echo(
        "Compare these numbers with what block mates see: cipherward exposure. Studies that are missing here are forgotten."
    )
    for name in found.lost:
        _say(
            [
                f"TABLE {name!r} IS NOT READ ANY MORE: the newest copy of registers/{name}.register and registers/key is not in this home.",
                "A register that is dealt anew would put other patients into sums than before, and the difference may be one patient. "
                "Bring registers/ back from a backup that was made after the last study began, and repeat this command.",
                "Where there is none: cipherward hospital widen (the others go on without this hospital, which may then be singled out "
                "in sums that were opened), or end-register (the whole block ends).",
            ]
        )


def widen(table: str = TABLE, yes: bool = YES, home: Path = HOME) -> None:
    """Say yes for a table: this hospital may be singled out by what is opened. Past sums become readable, too. Final."""
    from cipherward.consortium.approval import consequences, declaring

    own = _open(home)
    register, block = declaring.find_register(own, table)
    said = consequences.of_widening(register, block, consequences.names_here(own))
    _ask(said, "May this hospital be singled out, for good?", yes=yes)
    declaring.widen(own, register)
    typer.echo("Signed. The service writes it into the ledger and sends it; new studies need not list this hospital.")


def end_register(table: str = TABLE, yes: bool = YES, home: Path = HOME) -> None:
    """End a table: nothing of it leaves any more, and its whole block ends with it. Final."""
    from cipherward.consortium.approval import consequences, declaring

    own = _open(home)
    register, block = declaring.find_register(own, table)
    said = consequences.of_end(register, block, consequences.names_here(own))
    _ask(said, "End this table, and the block with it?", yes=yes)
    withdrawn = declaring.end_register(own, register)
    for study in withdrawn:
        typer.echo(f"Withdrawn from {study}.")
    typer.echo("Signed. The service sends it; the other hospitals of the block hear it when a study would list them.")


def add_to(app: typer.Typer) -> None:
    """Make these commands of an app."""
    for command in (splits, sign_split, confirm_successor, succeed, inherit, widen, end_register):
        app.command(command.__name__.replace("_", "-"))(command)


def _ask(said: Iterable[str], question: str, *, yes: bool) -> None:
    _say(said)
    if not yes:
        typer.confirm(question, abort=True)


def _say(lines: Iterable[str]) -> None:
    """The whole of each line; names are others' text."""
    import textwrap

    for line in lines:
        shown = "".join(c if c.isprintable() else "?" for c in line)
        typer.echo("\n".join(textwrap.wrap(shown, 100, initial_indent="  ", subsequent_indent="  ")))


def _open(path: Path) -> HospitalHome:
    from cipherward.consortium.homes.hospital_home import HospitalHome

    return HospitalHome(path)
