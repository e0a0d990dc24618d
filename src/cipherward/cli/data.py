"""`cipherward data`: the public data sets."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(
    help="Public data sets: list them, fetch them from their publisher.", no_args_is_help=True, rich_markup_mode=None
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
