"""What a hospital finds out about a sum, and the line that it prints."""

from __future__ import annotations

from dataclasses import dataclass

PRESERVED, UNPROTECTED, BREACH, FAILED = "preserved", "unprotected", "breach", "failed"

_PHRASES = {
    PRESERVED: "Privacy Preserved for Client {}",
    UNPROTECTED: "Model verified for Client {} (scheme plain: nothing was protected)",
    BREACH: "Privacy Breach Detected for Client {}",
    FAILED: "Verification failed for Client {}",
}


@dataclass(frozen=True)
class Outcome:
    """What a hospital found out about one sum. `phrase` is the line that it prints."""

    round: int
    outcome: str
    client: int
    detail: str

    @property
    def phrase(self) -> str:
        return _PHRASES[self.outcome].format(self.client)
