"""What every command shares: how an error reads, and which exit code it gives."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import typer

from cipherward.errors import AuditError, CipherwardError, FaultyCoordinatorError, InterruptedRunError

ERROR, BREACH, NOT_VERIFIED, INTERRUPTED = 1, 3, 4, 130


def fail(error: CipherwardError) -> int:
    """Print an error with its hint to standard error; the exit code."""
    typer.secho(f"error: {error.message}", fg="red", err=True)
    if error.culprit:
        typer.echo(f"at fault: {error.culprit}", err=True)
    if error.hint:
        typer.echo(f"what to do: {error.hint}", err=True)
    if isinstance(error, FaultyCoordinatorError):
        return BREACH
    if isinstance(error, InterruptedRunError):
        return INTERRUPTED
    return NOT_VERIFIED if isinstance(error, AuditError) else ERROR


def print_json(document: Any) -> None:
    """One JSON document on standard output, for scripts."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


@cache
def say_when_compiling() -> None:
    """Say on standard error why the first run stands still for a while. Later ones find the kernels in a cache."""
    from cipherward import compiled

    compiled.before_compiling(
        lambda: typer.echo(
            "Compiling numerical kernels for this machine: some seconds, on the first run only.", err=True
        )
    )
