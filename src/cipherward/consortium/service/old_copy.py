"""What hospitals know and this coordinator's home does not: it was restored from an old backup. Said once, to both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service.letters import Reached, Waits

EVENT = "home is older than a hospital's"
_BRING = "this home was restored from an old backup: bring the current one back"
_WITHDRAW = "ask the hospitals to withdraw from it"
_GO_ON = (
    "`cipherward coordinator restored STUDY --from WHAT` goes on with what hospitals have verified, and its log says so"
)
_CALL = "the coordinator's home is an old copy of itself: call its people; nothing is lost here"


class OldCopy:
    """Compares what a hospital says with `home`. `opened`: how many sums of a study were opened here, by its digest."""

    def __init__(self, home: CoordinatorHome, opened: Callable[[bytes], int | None]) -> None:
        self._home = home
        self._opened = opened
        self._said: set[tuple[str, bytes]] = set()
        self._here: dict[bytes, int] = {}
        self._words: dict[bytes, str] = {}

    def compare_members(self, hospital: str, theirs: int, own: int) -> None:
        """Versions of the members list. Only this home makes new ones."""
        if theirs > own:
            self._say(
                hospital,
                b"",
                f"{hospital} has version {theirs} of the members list, and this home only version {own}",
                f"{_BRING}, or found a new consortium",
            )

    def compare_studies(self, hospital: str, reached: Iterable[Reached]) -> list[Waits]:
        """What this hospital should read about studies that are further there than here, or not known here at all. An
        opening is kept here before any hospital sees it."""
        told = []
        for theirs in reached:
            if theirs.sums <= self._here.get(theirs.study, -1):
                continue
            here = self._opened(theirs.study)
            if here is not None and theirs.sums <= here:
                self._here[theirs.study] = here
                self._words.pop(theirs.study, None)
                continue
            name = theirs.study.hex()[:12]
            reason = (
                f"{hospital} takes part in a study ({name}) that this home does not know"
                if here is None
                else f"{hospital} has verified {theirs.sums} sum(s) of a study ({name}), and {here} were opened in this home"
            )
            end = f"{_WITHDRAW}, and start it under a new name" if here is None else _GO_ON
            hint = f"{_BRING}; where there is none: {end}"
            self._say(hospital, theirs.study, reason, hint)
            self._words[theirs.study] = f"{_BRING}: {reason}"
            told.append(Waits(theirs.study, _CALL))
        return told

    def words(self, study: bytes) -> str:
        """Why a study of this home cannot go on; empty where nothing is wrong."""
        return self._words.get(study, "")

    def _say(self, hospital: str, study: bytes, reason: str, hint: str) -> None:
        if (hospital, study) not in self._said:
            self._said.add((hospital, study))
            self._home.alarm(EVENT, {"hospital": hospital, "reason": reason, "hint": hint})
