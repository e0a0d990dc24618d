"""`cipherward report`: rebuild the report of a run, a comparison or attacks from its files."""

from __future__ import annotations

from pathlib import Path

import typer


def report(
    path: Path = typer.Argument(
        help="Run directory of a finished run, the directory of a comparison or of attacks, or the folder of a study that has ended in a "
        "coordinator's studies/ or a hospital's models/."
    ),
) -> None:
    """Write report.html again: the run or comparison on one page, verified on the way. Nothing is sent anywhere."""
    from cipherward.attacks import page as attacks_page
    from cipherward.cli.terminal import NOT_VERIFIED
    from cipherward.comparison import page as comparison_page
    from cipherward.consortium.service import auditing
    from cipherward.report import deployed, page, stopped
    from cipherward.simulation import witnessed

    if attacks_page.is_attacks(path):
        attacks_page.write(path)
        typer.echo(f"Report:   {path / page.NAME}")
        return
    if comparison_page.is_comparison(path):
        facts = comparison_page.write(path).detail
    elif stopped.is_unfinished(path):
        facts = stopped.write(path)
        typer.echo("The study was ended before its last sum: the report is of the sums until then, and says so.")
    else:
        facts = deployed.write(path) if deployed.is_deployed(path) else page.write(path)
    if not comparison_page.is_comparison(path):
        witnessed.look(path)
        auditing.report_written(path)
    typer.echo(f"Report:   {path / page.NAME}")
    if facts is not None and not facts.holds:
        bad = sum(not line.holds for line in facts.findings)
        reason = facts.failure or f"{bad} finding(s) do not hold"
        typer.echo(f"NOT verified: {reason}; the report says so", err=True)
        raise typer.Exit(NOT_VERIFIED)
