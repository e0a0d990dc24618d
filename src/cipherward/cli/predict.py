"""`cipherward predict`: local predictions with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cipherward.runs.prediction import Predictions


def predict(
    run_dir: Path = typer.Argument(help="Run directory (or its model.safetensors)."),
    table: Path = typer.Argument(help="Table with the study's columns (docs/data.md: which files)."),
    out: Path = typer.Option(None, "--out", help="Write the predictions to this CSV file; default: standard output."),
    id_column: str = typer.Option("", "--id", metavar="COLUMN", help="A column of TABLE to carry into the output."),
) -> None:
    """Predict the outcome for each row of TABLE: its probability, class, grade or number. No network, no other hospital is involved.

    Rows have their number in the file: 1 is the first below the header. The column `assumed` says what was taken for
    granted for a row: missing values, values cut to their declared range, categories read as "other".
    """
    from cipherward.runs.prediction import predict_rows

    write(predict_rows(run_dir, table, id_column=id_column), out)


def write(found: Predictions, out: Path | None) -> None:
    """The predictions as CSV, to a file or to standard output; on standard error what people should know of them."""
    from cipherward.store import files

    text = found.to_csv()
    flagged = sum(bool(said) for said in found.assumed)
    if out is None:
        typer.echo(text, nl=False)
    else:
        files.write(out, text.encode())
        typer.echo(f"{len(found.rows)} prediction(s) written to {out}", err=True)
    for note in found.notes:
        typer.echo(f"how the table was read: {note}", err=True)
    if found.caution:
        typer.echo(found.caution, err=True)
    if flagged:
        typer.echo(f"{flagged} of {len(found.rows)} row(s) rest on an assumption: see the column `assumed`", err=True)
