"""Who was last heard of when, and what that means for a study that waits: for people, and for nothing that is decided.

A hospital's service says every minute that it is there, and the coordinator's answers with what it knows. Only the time
that the sender wrote counts: a letter may have lain in a mailbox for days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from cipherward.consortium.membership.authority import COORDINATOR_NAME

PERIOD_SECONDS = 60.0
LONGEST_PERIOD_SECONDS = 3600.0
"""A hospital that gets no answer asks ever less often, so that no mailbox fills."""

SILENT_SECONDS = 300.0
"""Without a sign of life for so long a party is taken for gone, in what people are told."""

OVERDUE_SECONDS = 150.0
"""Two signs of life are missing: nobody is called alive any more."""

THE_COORDINATOR = f"the {COORDINATOR_NAME}"
"""Under which name a hospital's `status.json` has what the coordinator says of itself."""

DISK_FULL = "its disk is full, it says: it can store nothing until its people free space. Call them; nothing has to be done here"

SKEW_SECONDS = 300.0
"""More than clocks may differ by."""
_UNEVEN_SECONDS = 10.0

AWAITED = {  # by the step of a sum, `Phase`
    "join": "its word that it takes part in this sum",
    "deal": "its update",
    "consent": "its vote on the list of contributions",
    "void": "its vote to give this attempt up",
    "release": "its share of the opening",
    "verify": "its receipt",
}


class LastSeen:
    """By name, in Unix seconds. Never later than now, by the reader's own clock."""

    def __init__(self, known: Mapping[str, object] | None = None) -> None:
        self._at = {name: float(at) for name, at in (known or {}).items() if isinstance(at, int | float)}
        self._letters: dict[str, tuple[float, float]] = {}
        self._off: dict[str, float] = {}

    def note(self, name: str, sent: float, now: float) -> None:
        self._at[name] = max(self._at.get(name, 0.0), min(sent, now))

    def heard(self, name: str, sent: float, now: float) -> None:
        """A party's own sign of life. Two that came as far apart as they were sent did not wait on their way: then the time
        between sending and coming is how far its clock and this one differ."""
        before_sent, before = self._letters.get(name, (sent, now))
        self._letters[name] = sent, now
        if now - before >= PERIOD_SECONDS / 2 and abs((now - before) - (sent - before_sent)) <= _UNEVEN_SECONDS:
            self._off[name] = now - sent
        self.note(name, sent + self.clocks.get(name, 0.0), now)

    @property
    def clocks(self) -> dict[str, float]:
        """By how many seconds this clock is ahead of another party's, where that is too much."""
        return {name: off for name, off in self._off.items() if abs(off) > SKEW_SECONDS}

    def keep(self, names: Collection[str]) -> None:
        """Forget everybody else: who was revoked is not looked for."""
        self._at = {name: at for name, at in self._at.items() if name in names}

    def all(self) -> dict[str, float]:
        return dict(self._at)

    def of(self, names: Iterable[str]) -> dict[str, float]:
        return {name: self._at[name] for name in names if name in self._at}

    def words(self, name: str, now: float) -> str:
        """`no sign of life since ...`, `alive` or that nothing was heard yet."""
        said = seen_words(self._at.get(name), now)
        return f"{said}; {clock_words(self.clocks[name])}" if name in self.clocks else said


def seen_words(at: float | None, now: float) -> str:
    """What a time of the last sign of life says to people."""
    if at is None:
        return "no sign of life yet"
    if is_silent(at, now):
        return f"no sign of life since {moment(at)}"
    if now - at > OVERDUE_SECONDS:
        return f"its last sign of life was {(now - at) / 60:.0f} minutes ago"
    return "its service is alive"


def ask_silent(names: Collection[str]) -> str:
    """What people do about parties that are silent."""
    if COORDINATOR_NAME in names:
        return "call the coordinator: its service does not run, its disk is full, or it cannot reach its message server"
    return (
        f"call {', '.join(sorted(names))}: there, cipherward hospital status says whether the service runs, "
        "and cipherward hospital doctor where the way to this server ends"
    )


def clock_words(off: float) -> str:
    """How another party's clock differs, `off` seconds being how far this one is ahead."""
    return f"its clock is {abs(off) / 60:.0f} minutes {'behind' if off > 0 else 'ahead of'} this machine's"


def is_silent(at: float | None, now: float) -> bool:
    """Whether a party that was heard of has said nothing for so long that people should be told."""
    return at is not None and now - at > SILENT_SECONDS


def moment(seconds: float) -> str:
    """A time for people, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
