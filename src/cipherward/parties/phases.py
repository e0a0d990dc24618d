"""What the coordinator's sum waits for, and what is noted of it when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from cipherward.sums.messages import Receipt


class Phase(Enum):
    """What the current sum waits for."""

    IDLE = "idle"
    JOIN = "join"
    DEAL = "deal"
    CONSENT = "consent"
    VOID = "void"
    RELEASE = "release"
    CHALLENGE = "challenge"
    SHOW = "show"
    VERIFY = "verify"


@dataclass(frozen=True)
class SumReport:
    """One finished sum, for the run's records. Bytes of the opening are on disk, see `CoordinatorNode.keep_opening`."""

    round: int
    attempt: int
    purpose: str
    contributors: tuple[int, ...]
    opened: bool
    reason: str
    receipts: dict[int, Receipt] = field(repr=False)
