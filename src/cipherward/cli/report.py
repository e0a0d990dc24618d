"""`cipherward report`: rebuild the report of a run or a comparison from its files."""

from __future__ import annotations

from pathlib import Path

import typer


def report(path: Path = typer.Argument(help="Directory of a finished run, or of a comparison.")) -> None:
    """Write report.html again: a run on one page, verified on the way, or a comparison. Nothing is sent anywhere."""
    from cipherward.cli.terminal import NOT_VERIFIED
    from cipherward.report import page

    if (path / "comparison.json").exists():
        from cipherward.report import comparison

        written = comparison.write(path)
        typer.echo(f"Report:   {path / page.NAME}")
        if not written.holds:
            typer.echo("NOT verified: the run shown in detail does not hold; the report says so", err=True)
            raise typer.Exit(NOT_VERIFIED)
        return
    facts = page.write(path)
    typer.echo(f"Report:   {path / page.NAME}")
    if not facts.holds:
        bad = sum(not line.holds for line in facts.findings)
        reason = facts.failure or f"{bad} finding(s) do not hold"
        typer.echo(f"NOT verified: {reason}; the report says so", err=True)
        raise typer.Exit(NOT_VERIFIED)
