"""What a hospital finds out about a sum, and the line that it prints."""

from __future__ import annotations

from dataclasses import dataclass

from cipherward.disclosure.standing import Agreement, Statement

PRESERVED, AGREED, ABSENT = "preserved", "agreed", "absent"
UNPROTECTED, BREACH, FAILED = "unprotected", "breach", "failed"
VERIFIED = frozenset({PRESERVED, AGREED, ABSENT, UNPROTECTED})
"""What a hospital says of a sum that it has verified."""

BOUND = "its register may not stand in this sum"
"""What the coordinator is told of a hospital that must not contribute; the rest stays in this hospital's log."""

_PHRASES = {
    PRESERVED: "Privacy Preserved for Client {}",
    AGREED: "Sum verified for Client {} (it agreed to be singled out: others may be able to read its update)",
    ABSENT: "Sum verified for Client {} (nothing of it is in this sum)",
    UNPROTECTED: "Model verified for Client {} (scheme plain: nothing was protected)",
    BREACH: "Privacy Breach Detected for Client {}",
    FAILED: "Verification failed for Client {}",
}


def breach_fact(study: bytes) -> str:
    """The name under which a ledger keeps that this hospital found a breach in a study."""
    return f"breach in study {study.hex()}"


def reasons(reason: str, hint: str) -> dict[str, object]:
    """The facts of a log line about something that was refused."""
    return {"reason": reason, "hint": hint} if hint else {"reason": reason}


def of_verified(own: Statement | None, *, is_encrypted: bool) -> str:
    """What a hospital may say of a sum that it has verified: that its privacy is preserved only where it stood in the sum
    with its whole block, and said that it must not be singled out.

    Args:
        own: how it stood in the sum; None: it is not in it.
    """
    if not is_encrypted:
        return UNPROTECTED
    if own is None:
        return ABSENT
    return AGREED if own.agreement is Agreement.YES else PRESERVED


@dataclass(frozen=True)
class Outcome:
    """What a hospital found out about one sum. `phrase` is the line that it prints."""

    round: int
    outcome: str
    client: int
    detail: str

    @property
    def is_verified(self) -> bool:
        """Whether the hospital found the sum to be in order."""
        return self.outcome in VERIFIED

    @property
    def phrase(self) -> str:
        return _PHRASES[self.outcome].format(self.client)
