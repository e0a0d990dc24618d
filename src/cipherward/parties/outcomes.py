"""What a hospital finds out about a sum, and the line that it prints."""

from __future__ import annotations

from dataclasses import dataclass

from cipherward.disclosure.standing import Agreement, Statement

PRESERVED, AGREED, ABSENT = "preserved", "agreed", "absent"
UNPROTECTED, BREACH, FAILED = "unprotected", "breach", "failed"
VERIFIED = frozenset({PRESERVED, AGREED, ABSENT, UNPROTECTED})
"""What a hospital says of a sum that it has verified."""

_PHRASES = {
    PRESERVED: "Privacy Preserved for Client {}",
    AGREED: "Sum verified for Client {} (it agreed to be singled out: others may be able to read its update)",
    ABSENT: "Sum verified for Client {} (nothing of it is in this sum)",
    UNPROTECTED: "Model verified for Client {} (scheme plain: nothing was protected)",
    BREACH: "Privacy Breach Detected for Client {}",
    FAILED: "Verification failed for Client {}",
}


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
