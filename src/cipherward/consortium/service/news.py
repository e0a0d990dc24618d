"""What a study at the coordinator has for a hospital: a packet, or news about somebody else's doing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """The study has ended without a final model; hospitals are told why."""

    reason: str


@dataclass(frozen=True)
class Breach:
    """Hospital `hospital` reports a breach; everyone else is shown its signed receipt."""

    hospital: int
    receipt: bytes


Out = list[tuple[int, bytes | Breach | Ended]]
"""What goes to which hospital: a packet, or the news of a breach or of the end."""
