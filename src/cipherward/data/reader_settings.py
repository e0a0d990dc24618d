"""`FileSettings` as a reader in a child process gets them: checked before, so that the child need not import what checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReaderSettings:
    """Fields as those of `FileSettings`."""

    encoding: str = ""
    separator: str = ""
    decimal: str = ""
    thousands: str = ""
    skip_lines: int = 0
    skip_last: int = 0
    sheet: str = ""

    def left_out(self, what: str) -> list[str]:
        """How many lines (`what`: or rows) are no part of the table, in words."""
        counts = ((self.skip_lines, "above the header"), (self.skip_last, "at the end"))
        return [f"{count} {what}(s) {where} left out, as set" for count, where in counts if count]
