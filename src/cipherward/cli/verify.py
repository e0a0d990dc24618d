"""`cipherward verify`: replay the receipts of a run."""

from __future__ import annotations

from pathlib import Path

import typer


def verify(
    path: Path = typer.Argument(help="Run directory."),
    json: bool = typer.Option(False, "--json", help="Machine-readable output."),
) -> None:
    """Check a run from its files alone: every signature, sum and model, a line per hospital and round."""
    from dataclasses import asdict

    from cipherward.cli.terminal import NOT_VERIFIED, print_json, say_when_compiling
    from cipherward.runs.verify import verify_run

    say_when_compiling()
    lines = []
    for line in verify_run(path):
        lines.append(line)
        if not json:
            mark = "ok " if line.holds else "BAD"
            typer.echo(f"{mark} sum {line.round:>3} {line.purpose:<10} {line.hospital}: {line.outcome} ({line.detail})")
    holds = all(line.holds for line in lines)
    if json:
        print_json({"holds": holds, "lines": [asdict(line) for line in lines]})
    else:
        bad = sum(not line.holds for line in lines)
        typer.echo(
            f"verified: {len(lines)} finding(s), all hold" if holds else f"NOT verified: {bad} finding(s) do not hold"
        )
    if not holds:
        raise typer.Exit(NOT_VERIFIED)
