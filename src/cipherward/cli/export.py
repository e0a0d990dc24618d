"""`cipherward export`: a trained model in a format that other software reads."""

from __future__ import annotations

from pathlib import Path

import typer


def export(
    run_dir: Path = typer.Argument(help="Run directory (or its model.safetensors)."),
    out: Path = typer.Argument(help="The file to write."),
    to: str = typer.Option("xgboost", "--to", metavar="FORMAT", help="xgboost: boosted trees as JSON."),
) -> None:
    """Write a trained model for other software. docs/study.md says what its inputs are."""
    from cipherward.runs.exports import export as exported
    from cipherward.store import files

    files.write(out, exported(run_dir, to))
    typer.echo(f"the model is in {out}")
