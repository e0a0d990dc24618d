"""What every command shares: how an error reads, which exit code it gives, and what happens when nobody reads any more."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import typer

from cipherward.cli import screen
from cipherward.errors import AuditError, CipherwardError, FaultyCoordinatorError, InterruptedRunError

T = TypeVar("T")
ERROR, BREACH, NOT_VERIFIED, INTERRUPTED = 1, 3, 4, 130


def fail(error: CipherwardError) -> int:
    """Print an error with its hint to standard error; the exit code."""
    for line in f"error: {error.message}".splitlines():
        say(line, err=True, fg="red")
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
    """One line of text; coloured where a terminal shows it and NO_COLOR (no-color.org) is not set."""
    plain = bool(os.environ.get("NO_COLOR"))
    if plain or not (fg or bold):
        typer.echo(text, err=err)
    else:
        typer.secho(text, err=err, fg=fg, bold=bold)


def terminal_width() -> int:
    """Columns of the terminal that standard output goes to, at least 40; without one, as many as anybody wants."""
    return screen.width() if sys.stdout.isatty() else sys.maxsize


_live: screen.Live | None = None


def take_over() -> None:
    """Give standard output and error what every command relies on."""
    global _live
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        _live = screen.Live(sys.stderr)
        _live.show("  loading", if_slow=True)
    sys.stdout, sys.stderr = Lasting(sys.stdout, "output"), Lasting(sys.stderr, "error")


def doing(what: str) -> None:
    """Say on a terminal what is going on, until the next line of output; elsewhere nothing."""
    if _live:
        _live.show(what)


def settle() -> None:
    """Remove what `doing` says."""
    if _live:
        _live.clear()


class Lasting:
    """Standard output or error that breaks lines between words on a terminal and outlives its reader: after `| head` the
    command goes on, and says so once if it can."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, name
        self._closed: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        settle()
        shown = screen.folded(text, screen.width()) if self._stream.isatty() else text
        self._kept(lambda: self._stream.write(shown), 0)
        return len(text)

    def flush(self) -> None:
        self._kept(self._stream.flush, None)

    def _kept(self, act: Callable[[], T], otherwise: T) -> T:
        if self._closed is not None and time.monotonic() > self._closed + 1.0:
            self._closed = float("inf")  # said once, and only of a command that takes its time
            if self._name == "output":
                typer.echo("standard output was closed; the command goes on without it", err=True)
        try:
            return act()
        except BrokenPipeError:
            # The interpreter flushes it once more at its end: into nothing from now on.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            self._closed = time.monotonic()
            return otherwise


def quoted(*words: str | Path) -> str:
    """Words of a command to copy, quoted where a shell needs it."""
    return " ".join(shlex.quote(str(word)) for word in words)


def print_json(document: Any) -> None:
    """One JSON document on standard output, for scripts."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def lined_up(lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: the first column to the left, the others to the right, as wide as their widest cell."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    found = []
    for line in lines:
        first, *rest = (
            f"{cell:<{width}}" if k == 0 else f"{cell:>{width}}"
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        found.append("  " + "   ".join([first, *rest]).rstrip())
    return found
