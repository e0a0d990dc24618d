"""`cipherward data`: the public data sets."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(
    help="Data: list public data sets, fetch them from their publisher, write a synthetic example.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_sets(json: bool = typer.Option(False, "--json", help="Machine-readable output.")) -> None:
    """List the public data sets with publisher, licence and size."""
    from dataclasses import asdict

    from cipherward.cli.terminal import print_json
    from cipherward.data.public import DATASETS

    if json:
        print_json([asdict(dataset) for dataset in DATASETS.values()])
        return
    for dataset in DATASETS.values():
        typer.echo(f"{dataset.name:14} {dataset.title} ({dataset.publisher}; {dataset.licence})")


@app.command("fetch")
def fetch(name: str = typer.Argument(help="Name from `cipherward data list`.")) -> None:
    """Download a data set from its publisher, check its SHA-256, keep it in the cache."""
    from cipherward.data.public import fetch as download

    path: Path | None = download(name)
    typer.echo(str(path) if path else f"{name} needs no download")


@app.command("example")
def example(
    folder: Path = typer.Argument(metavar="DIR", help="New or empty folder."),
    hospitals: int = typer.Option(4, "--hospitals", min=3, max=50, help="How many hospitals."),
    encounters: int = typer.Option(1_000, "--encounters", min=50, help="Mean number of rows of a hospital's table."),
    seed: int = typer.Option(1, "--seed", min=0, help="Another seed gives other patients."),
) -> None:
    """Write a study and one synthetic table for each hospital: a trial of a consortium without real data."""
    from cipherward.cli.terminal import quoted
    from cipherward.consortium.homes import example as examples

    study, tables = examples.write(folder, n_hospitals=hospitals, encounters=encounters, seed=seed)
    typer.echo("The patients are synthetic: made by a generator, nobody's data.")
    typer.echo(f"Study:   {study}")
    for name, table in tables.items():
        typer.echo(f"Table:   {table}  (for {name})")
    typer.echo(f"Try it on this machine alone:  {quoted('cipherward', 'run', study)}")
