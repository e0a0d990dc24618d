"""Times that parties sign; the day in a hospital's receipt is what it signs of when it has verified an opening."""

from __future__ import annotations

from datetime import UTC, date, datetime
from time import time

from cipherward.sums.messages import Receipt

LAST_SECOND = 253_402_300_799
"""Of the year 9999, in Unix seconds: no later time can be said."""
_SECONDS = 86_400


def today() -> int:
    """Days since 1970-01-01 UTC."""
    return int(time() // _SECONDS)


def of_receipt(receipt: Receipt) -> date | None:
    """The day (UTC) that a receipt states; None where that is none."""
    try:
        return datetime.fromtimestamp(receipt.day * _SECONDS, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
