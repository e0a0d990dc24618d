"""What a reader in a child process is told of `FileSettings`: checked before, so that the child need not import what checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReaderSettings:
    """Of `FileSettings` what readers of formats take; the marks of a CSV file are none of it. Values and defaults are told there."""

    encoding: str
    skip_lines: int
    skip_last: int
    sheet: str

    def left_out(self, what: str) -> list[str]:
        """How many lines (`what`: or rows) are no part of the table, in words."""
        counts = ((self.skip_lines, "above the header"), (self.skip_last, "at the end"))
        return [f"{count} {what}(s) {where} left out, as set" for count, where in counts if count]
