"""Ctrl-C between two sums: how a long command is stopped so that it can be resumed."""

from __future__ import annotations

import signal

import typer


class StopAfterSum:
    """First Ctrl-C: finish the current sum, then stop. Second: stop at once (the run can be resumed all the same)."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        typer.echo("\nstopping after the current sum; press Ctrl-C again to stop at once", err=True)

    def __call__(self) -> bool:
        return self.asked
