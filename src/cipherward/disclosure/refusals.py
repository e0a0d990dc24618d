"""Why something may not be: the rule, the fact, and a way out that gives nothing away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`rule`: its number in docs/security.md, "All sums together"."""

    rule: int
    what: str
    way_out: str

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.what}; {self.way_out}"
