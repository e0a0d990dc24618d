"""Messages that the coordinator does not use: noted with the reason, kept where they are faulty, told to their sender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cipherward.errors import CipherwardError, FaultyHospitalError
from cipherward.sums import checks
from cipherward.sums.checks import SetAside
from cipherward.sums.messages import Notice

MAX_SET_ASIDE = 1_000
"""The newest messages set aside that are remembered; the log has all."""


@dataclass
class TurnedAway:
    """Args: as in `CoordinatorNode`. `items` holds the newest messages set aside."""

    log: Callable[[str, dict[str, object]], None]
    keep_quarantine: Callable[[int, int, bytes, str], None]
    keep_evidence: Callable[[int, int, tuple[bytes, bytes], str], None]
    items: list[SetAside] = field(default_factory=list)

    def note(self, sender: int, kind: str, error: CipherwardError) -> SetAside:
        """The record of a message that was refused with this error."""
        item = checks.set_aside(sender, kind, error)
        self.items.append(item)
        del self.items[:-MAX_SET_ASIDE]
        facts: dict[str, object] = {"hospital": sender, "kind": kind, "reason": item.reason, "check": item.check}
        self.log("set aside", facts | {"verdict": item.verdict})
        return item

    def keep(self, round: int, item: SetAside, packet: bytes, error: CipherwardError) -> None:
        """Keep what proves something against its sender, and what is faulty."""
        if isinstance(error, FaultyHospitalError) and len(error.evidence) == 2:
            self.keep_evidence(round, item.sender, (error.evidence[0], error.evidence[1]), item.reason)
            self.log("evidence", {"hospital": item.sender, "kind": item.kind, "reason": item.reason})
        if item.verdict == "faulty":
            self.keep_quarantine(round, item.sender, packet, item.reason)


def notice(context: bytes, round: int, item: SetAside, *, is_excluded: bool) -> Notice:
    """What the sender is told."""
    numbered = f"check {item.check}: {item.reason}" if item.check else item.reason
    code = "excluded" if is_excluded else item.verdict
    return Notice(context, round, code, f"{item.kind}: {numbered}")
