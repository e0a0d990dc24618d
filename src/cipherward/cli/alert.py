"""`cipherward alert`: new rows, scored locally, with an alert where the risk is high."""

from __future__ import annotations

from pathlib import Path

import typer

SHOWN = 30
"""Patients in the table on the terminal, at most."""


def alert(
    run_dir: Path = typer.Argument(help="Run directory of a finished study."),
    table: Path = typer.Argument(help="Table with the study's columns: the new rows."),
    tenths: int = typer.Option(
        None,
        "--tenths",
        min=1,
        max=9,
        help="Alert where about so many tenths of the study's test rows lie. Default: the study's own threshold, or 1.",
    ),
    id_column: str = typer.Option("", "--id", metavar="COLUMN", help="A column of TABLE that names the patient."),
    day_column: str = typer.Option("", "--day", metavar="COLUMN", help="A column of TABLE that names the day."),
    out: Path = typer.Option(None, "--out", help="Write each row's probability and alert to this CSV file."),
) -> None:
    """Score new rows with a study's model and say where to look first. No network, no other hospital is involved.

    The threshold is the study's (`[evaluation]`: stated, or found on the validation rows of all hospitals); without one it lies between two
    tenths of their test rows, as the study opened them. With --id and --day the alerts of
    each patient are shown day by day. Not for patients: what an alert is worth has to be tried where it is to be used.
    """
    from cipherward.errors import DataError
    from cipherward.runs import alerts
    from cipherward.runs.prediction import carried, predict_rows
    from cipherward.store import files

    if day_column and not id_column:
        raise DataError("--day needs --id: days are those of a patient")
    threshold = alerts.threshold_of(run_dir, tenths)
    found = predict_rows(run_dir, table, id_column=id_column)
    days = carried(table, day_column) if day_column else ()
    count = int((found.scores >= threshold.risk).sum())
    typer.echo(threshold.words)
    if found.caution:
        typer.echo(found.caution)
    typer.echo(f"{count} alert(s) in {len(found.rows)} row(s)")
    if days:
        lines = alerts.by_patient_and_day(found, days, threshold)
        width = max(len(name) for name, _ in lines[:SHOWN])
        for name, marks in lines[:SHOWN]:
            typer.echo(f"  {name:{width}}  {marks}")
        if len(lines) > SHOWN:
            typer.echo(f"  and {len(lines) - SHOWN} more patients")
        typer.echo('One mark for each day: "!" alert, "." none.')
    if out is not None:
        files.write(out, alerts.to_csv(found, days, threshold).encode())
        typer.echo(f"{len(found.rows)} row(s) written to {out}")
