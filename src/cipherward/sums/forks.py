"""Two openings of one sum: whoever has seen one of them notices by the next message of whoever has seen the other."""

from __future__ import annotations

from cipherward.errors import FaultyCoordinatorError, ProtocolError

COMPARE = "compare the openings on both sides, which the coordinator has signed"
"""What people do about it."""


def seen_otherwise(who: str, theirs: bytes, mine: bytes) -> str:
    """Who saw what, in a sentence; empty where both have seen the same openings."""
    if theirs == mine:
        return ""
    return (
        f"{who} names {_short(theirs)} as the last opening, and here it is {_short(mine)}: a sum of this study was opened "
        f"twice, or {who} names an opening that there is not"
    )


def check(who: str, theirs: bytes, mine: bytes, *, signed_by_coordinator: bool = False) -> None:
    """Whether a message names the same last opening as mine.

    Args:
        signed_by_coordinator: it stands in a message in which an honest coordinator lets no other stand.

    Raises:
        FaultyCoordinatorError: it does not, and that is evidence against the coordinator. ProtocolError: it does not.
    """
    if problem := seen_otherwise(who, theirs, mine):
        if signed_by_coordinator:
            raise FaultyCoordinatorError(problem, hint=COMPARE, culprit="coordinator")
        raise ProtocolError(problem, hint=COMPARE)


def _short(opening: bytes) -> str:
    return opening.hex()[:16] if any(opening) else "none"
