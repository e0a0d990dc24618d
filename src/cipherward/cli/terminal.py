"""What every command shares: how an error reads, which exit code it gives, and what happens when nobody reads any more."""

from __future__ import annotations

import json
import os
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import Any

import typer

from cipherward.errors import AuditError, CipherwardError, FaultyCoordinatorError, InterruptedRunError

ERROR, BREACH, NOT_VERIFIED, INTERRUPTED = 1, 3, 4, 130


def fail(error: CipherwardError) -> int:
    """Print an error with its hint to standard error; the exit code."""
    say(f"error: {error.message}", err=True, fg="red")
    if error.culprit:
        typer.echo(f"at fault: {error.culprit}", err=True)
    if error.hint:
        typer.echo(f"what to do: {error.hint}", err=True)
    if isinstance(error, FaultyCoordinatorError):
        return BREACH
    if isinstance(error, InterruptedRunError):
        return INTERRUPTED
    return NOT_VERIFIED if isinstance(error, AuditError) else ERROR


def say(text: str = "", *, err: bool = False, fg: str | None = None, bold: bool = False) -> None:
    """One line of text; coloured where a terminal shows it and NO_COLOR (no-color.org) is not set.

    When whoever read standard output is gone (`| head`), the command goes on without it, and says so once.
    """
    plain = bool(os.environ.get("NO_COLOR"))
    try:
        typer.secho(text, err=err, fg=None if plain else fg, bold=None if plain or not bold else True)
    except BrokenPipeError:
        if err:
            raise
        _read_no_more()


def _read_no_more() -> None:
    # The interpreter flushes standard output at its end: into nothing from now on.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    typer.echo("standard output was closed; the command goes on without it", err=True)


def quoted(*words: str | Path) -> str:
    """Words of a command to copy, quoted where a shell needs it."""
    return " ".join(shlex.quote(str(word)) for word in words)


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
