"""Ctrl-C between two sums: how a long command is stopped so that it can be resumed."""

from __future__ import annotations

import signal

import typer


class StopAfterSum:
    """First Ctrl-C: finish the current sum, then stop. Second: stop at once (the run can be resumed all the same)."""

    def __init__(self, what: str = "sum") -> None:
        self.asked = False
        self._what = what
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._at_once)
        typer.echo(
            f"\nstopping after the current {self._what}; after the last one the result still comes. "
            "Press Ctrl-C again to stop at once.",
            err=True,
        )

    def _at_once(self, *_: object) -> None:
        typer.echo(err=True)
        raise KeyboardInterrupt

    def over(self) -> None:
        """No sum is left to wait for: Ctrl-C stops at once."""
        signal.signal(signal.SIGINT, self._at_once)

    def __call__(self) -> bool:
        return self.asked
