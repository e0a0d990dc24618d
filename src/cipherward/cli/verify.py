"""`cipherward verify`: replay the receipts of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cipherward.runs.verify import Line

_SHOWN = ("sums in the log", "log signed", "earlier log", "model withdrawn")
_NO_SUM = ("model", "search", "vault", "audit", "sums")


def verify(
    path: str = typer.Argument(
        metavar="DIR|FILE|URL",
        help="Run directory, a home (its own audit log), an exported log, or a vault: everything of its studies.",
    ),
    key_file: Path = typer.Option(
        None,
        "--key-file",
        envvar="CIPHERWARD_VAULT_KEY_FILE",
        help="A vault's key; default: as for `cipherward vault`.",
    ),
    head: list[Path] = typer.Option(
        [],
        "--head",
        help="A head of the audit log that somebody else kept, such as a hospital's: the log has to go on from it.",
    ),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="A line per hospital and sum, below the verdict."),
    json: bool = typer.Option(False, "--json", help="Machine-readable output."),
) -> None:
    """Check a run from its files alone: every signature, sum and model, and that everything in it is as its audit log says.
    What does not hold is listed in any case.

    Of a vault every study is checked so, every object, and that each encrypted update is the one that was certified.
    """
    from dataclasses import asdict

    from cipherward.cli.terminal import NOT_VERIFIED, doing, print_json, say

    doing(f"  checking {path}")
    lines = []
    for line in _lines(path, key_file, head):
        lines.append(line)
        doing(f"  checking {path}: {len(lines)} checks done")
    bad, gaps = [line for line in lines if not line.holds], [line for line in lines if line.gap]
    if json:
        print_json({"holds": not bad, "gaps": len(gaps), "lines": [asdict(line) for line in lines]})
    elif bad:
        say(f"NOT verified: {len(bad)} of {len(lines)} checks do not hold", fg="red", bold=True)
    elif gaps:
        say(
            f"verified, with {len(gaps)} gap(s): what is here holds, and not everything is here", fg="yellow", bold=True
        )
    else:
        say(f"verified: {len(lines)} checks, all hold", fg="green", bold=True)
    if not json:
        _say_lines(lines, bad, gaps, verbose)
    if bad:
        raise typer.Exit(NOT_VERIFIED)


def _say_lines(lines: list[Line], bad: list[Line], gaps: list[Line], verbose: bool) -> None:
    """What is below the verdict: how much there is of what, what the audit log says, what does not hold."""
    from cipherward.cli.terminal import say

    sums = len({line.round for line in lines if line.purpose not in _NO_SUM})
    hospitals = len({line.hospital for line in lines if line.hospital not in ("everyone", "coordinator")})
    say(f"  {sums} sum(s), {hospitals} hospital(s)")
    for outcome, count in sorted(Counter(_kind(line.outcome) for line in lines).items()):
        say(f"  {count:>5}  {outcome}")
    for line in lines:
        if line.purpose == "audit" and line.outcome in _SHOWN and not line.gap:
            say(f"  audit log: {line.detail}")
    for line in gaps:
        say(f"GAP {line.purpose}: {line.outcome}: {line.detail}", fg="yellow")
    for line in lines if verbose else bad:
        mark = "GAP" if line.gap else "ok " if line.holds else "BAD"
        text = f"{mark} sum {line.round:>3} {line.purpose:<10} {line.hospital}: {line.outcome} ({line.detail})"
        say(text, fg=None if line.holds else "red")
    if not verbose:
        say("  --verbose lists every check")


def _lines(path: str, key_file: Path | None, heads: list[Path]) -> Iterator[Line]:
    from cipherward.consortium.service.auditing import home_lines, is_home
    from cipherward.errors import StudyError
    from cipherward.runs import audit_export, in_vault
    from cipherward.runs.audit_check import verify_run
    from cipherward.vault.access import Address
    from cipherward.vault.stores import local_path

    folder = local_path(path)
    if folder is not None and folder.is_file():
        return audit_export.verify_export(folder)
    is_run = folder is not None and not in_vault.is_vault(folder)
    if folder is not None and is_home(folder):
        return home_lines(folder)
    if heads and not is_run:
        raise StudyError("--head is about one run", hint="restore the vault first: cipherward vault restore")
    return verify_run(folder, heads) if folder is not None and is_run else in_vault.verify(Address(path, key_file))


def _kind(outcome: str) -> str:
    """An outcome without the hospital it is of, so that alike ones are counted together."""
    return outcome.partition(" for Client ")[0]
