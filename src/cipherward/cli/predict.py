"""`cipherward predict`: local predictions with a trained model."""

from __future__ import annotations

from pathlib import Path

import typer


def predict(
    run_dir: Path = typer.Argument(help="Run directory (or its model.safetensors)."),
    table: Path = typer.Argument(help="CSV or Parquet file with the study's columns."),
    out: Path = typer.Option(None, "--out", help="Write the predictions to this CSV file; default: standard output."),
) -> None:
    """Predict the outcome's probability for each row of TABLE. No network, no other hospital is involved."""
    from cipherward.cli.terminal import say_when_compiling
    from cipherward.runs.prediction import predict as compute
    from cipherward.runs.prediction import to_csv
    from cipherward.store import files

    say_when_compiling()

    text = to_csv(compute(run_dir, table))
    if out is None:
        typer.echo(text, nl=False)
        return
    files.write(out, text.encode())
    typer.echo(f"{text.count(chr(10)) - 1} prediction(s) written to {out}", err=True)
