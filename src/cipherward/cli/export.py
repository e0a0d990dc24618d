"""`cipherward export`: a trained model in a format that other software reads."""

from __future__ import annotations

from pathlib import Path

import typer


def export(
    run_dir: Path = typer.Argument(help="Run directory (or its model.safetensors)."),
    out: Path = typer.Argument(help="The file to write."),
    to: str = typer.Option(
        "",
        "--to",
        metavar="FORMAT",
        help="onnx: every kind of model (onnx-float32: numbers as float32); xgboost: boosted trees as JSON. "
        "Default: by the ending of the file, .onnx or .json.",
    ),
) -> None:
    """Write a trained model for other software. docs/export.md says what its inputs are."""
    from cipherward.runs import exports
    from cipherward.store import files

    found = exports.export(run_dir, to or exports.format_of(out))
    files.write(out, found.data)
    typer.echo(f"the model is in {out}")
    for line in found.notes:
        typer.echo(line)
