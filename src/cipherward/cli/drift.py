"""`cipherward drift`: what has moved between two cohort tables, and whether to train anew."""

from __future__ import annotations

from pathlib import Path

import typer


def drift(
    earlier: Path = typer.Argument(
        help='Run of a study with task = "describe" on the rows of then (`cipherward cohort`).'
    ),
    later: Path = typer.Argument(help="The same on the rows of now."),
    watch: float = typer.Option(0.1, "--watch", help="From this index on a column is watched."),
    retrain: float = typer.Option(0.25, "--retrain", help="From this index on a model of it is to be trained anew."),
    csv: Path = typer.Option(None, "--csv", help="Write the table to this file."),
    json: bool = typer.Option(False, "--json", help="Print what was found on standard output as JSON."),
) -> None:
    """Compare two cohort tables column by column by the population stability index of their opened histograms. Both runs are verified."""
    from cipherward.cli.terminal import lined_up, print_json
    from cipherward.runs import drift as found_by
    from cipherward.store import files

    found = found_by.between(earlier, later, watch=watch, retrain=retrain)
    shown = found.table()
    if csv:
        files.write(csv, shown.to_csv().encode())
    if json:
        print_json(found.to_json())
        return
    typer.echo(shown.title)
    for line in lined_up([shown.header, *shown.rows]):
        typer.echo(line)
    if found.unlike:
        typer.echo(f"Not compared (described otherwise, or too few rows): {', '.join(found.unlike)}")
    said = {
        "stable": "Nothing has moved beyond the limits and beyond chance.",
        "watch": "Watch: measure the model on the rows of now before you rely on it.",
        "retrain": "Retrain: the rows of now are others than those that the model was trained on.",
    }
    typer.echo(said[found.verdict])
