"""`cipherward verify`: replay the receipts of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer


def verify(
    path: Path = typer.Argument(help="Run directory."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="A line per hospital and sum, below the verdict."),
    json: bool = typer.Option(False, "--json", help="Machine-readable output."),
) -> None:
    """Check a run from its files alone: every signature, sum and model. What does not hold is listed in any case."""
    from dataclasses import asdict

    from cipherward.cli.terminal import NOT_VERIFIED, print_json, say, say_when_compiling
    from cipherward.runs.verify import verify_run

    say_when_compiling()
    lines = list(verify_run(path))
    bad = [line for line in lines if not line.holds]
    if json:
        print_json({"holds": not bad, "lines": [asdict(line) for line in lines]})
    elif bad:
        say(f"NOT verified: {len(bad)} of {len(lines)} checks do not hold", fg="red", bold=True)
    else:
        say(f"verified: {len(lines)} checks, all hold", fg="green", bold=True)
    if not json:
        sums = len({line.round for line in lines if line.purpose not in ("model", "search")})
        hospitals = len({line.hospital for line in lines if line.hospital != "everyone"})
        say(f"  {sums} sum(s), {hospitals} hospital(s)")
        for outcome, count in sorted(Counter(_kind(line.outcome) for line in lines).items()):
            say(f"  {count:>5}  {outcome}")
        for line in lines if verbose else bad:
            mark = "ok " if line.holds else "BAD"
            text = f"{mark} sum {line.round:>3} {line.purpose:<10} {line.hospital}: {line.outcome} ({line.detail})"
            say(text, fg=None if line.holds else "red")
        if not verbose:
            say("  --verbose lists every check")
    if bad:
        raise typer.Exit(NOT_VERIFIED)


def _kind(outcome: str) -> str:
    """An outcome without the hospital it is of, so that alike ones are counted together."""
    return outcome.partition(" for Client ")[0]
