"""`cipherward passport`: model card, TRIPOD+AI checklist and RO-Crate of a run."""

from __future__ import annotations

from pathlib import Path

import typer


def passport(
    run_dir: Path = typer.Argument(
        help="Run directory, or the folder of a study that has ended in a coordinator's studies/ or a hospital's models/."
    ),
    out: Path = typer.Argument(help="New folder for the passport."),
    license: str = typer.Option(
        "",
        "--license",
        metavar="SPDX",
        help="Terms under which model and crate may be used, as CC-BY-4.0; default: left open.",
    ),
    author: str = typer.Option("", "--author", help="Who answers for it; default: the study's contact."),
) -> None:
    """Write what a model is, what is known of it and what is not, with its files, as an RO-Crate. Needs cipherward[rocrate]."""
    from cipherward.report import passport as made

    found = made.write(run_dir, out, license=license, author=author)
    typer.echo(f"Passport:  {found.path}")
    typer.echo(
        f"  {made.CARD}, {made.CHECKLIST}: {found.answered} items answered, {found.in_part} in part, {found.left} open"
    )
    typer.echo("  open points are marked [ ]; people have to fill them in")
