"""`cipherward hospital register` and `withdraw-patients`: which rows of the table studies may read. Counts only."""

from __future__ import annotations

from pathlib import Path

import typer

from cipherward.cli.homes import HOME, JSON


def register(
    name: str = typer.Argument("table", help="The register's name, as studies write it."),
    accept_changes: bool = typer.Option(
        False,
        "--accept-changes",
        help="The table is right although most of its rows have changed or are gone: their batches go out for good.",
    ),
    json: bool = JSON,
    home: Path = HOME,
) -> None:
    """Show a register: its refresh, its batches, how many are out. Which rows wait, a study's review says."""
    from cipherward.cli.terminal import print_json
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.consortium.homes.registers import Registers

    registers = Registers(HospitalHome(home).registers_folder)
    found = registers.load(name)
    if accept_changes and found:
        registers.accept(name)
    facts = None if found is None else registers.facts(found)
    if json:
        print_json({"register": name, "facts": facts, "withdrawn": len(registers.withdrawn)})
    elif facts is None:
        known = ", ".join(registers.names) or "none"
        typer.echo(f"No study has read a register {name!r} here yet; registers: {known}.")
    else:
        typer.echo(
            f"Register {name}, refresh {facts['refresh']}: {facts['rows']:,} rows in {facts['batches']} batches."
        )
        typer.echo(f"Out for good: {facts['batches_out']} batches with {facts['rows_out']:,} rows.")
        typer.echo(f"Patients withdrawn from all registers of this hospital: {len(registers.withdrawn)}.")
        if accept_changes:
            typer.echo("The next study to begin here takes the table as it is then.")


def withdraw_patients(
    file: Path = typer.Option(None, "--file", help="A file with one patient id a line; without, you are asked."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask again."),
    home: Path = HOME,
) -> None:
    """Take patients out of all studies of this hospital for good, with the batches that they are in."""
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.consortium.homes.registers import Registers
    from cipherward.store import files

    own = HospitalHome(home)
    # Never an argument: a shell keeps those.
    text = (
        files.read(file).decode("utf-8", "replace") if file else typer.prompt("Patient id (not shown)", hide_input=True)
    )
    ids = [line.strip() for line in text.splitlines() if line.strip()]
    if not yes:
        typer.echo(
            "Every batch that one of them is in goes out for good: who has exact sums from before and after can work"
        )
        typer.echo("out its total. Running studies go on without this hospital; people start new ones.")
        typer.confirm(f"Withdraw {len(ids)} patient(s)?", abort=True)
    found = Registers(own.registers_folder).withdraw(ids)
    own.log("patients withdrawn", {"patients": found.named, "batches": found.batches})
    typer.echo(f"Withdrawn: {found.named}, of whom registers know {found.known}; batches that go out: {found.batches}.")
