"""How a study ends at a hospital, and what is erased then: a model, a stop, a withdrawal, or a breach that was found here."""

from __future__ import annotations

from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.parties.outcomes import breach_fact
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.store.ledger import Ledger

AFTER_THE_END = ("Opening", "VoidRequest", "Notice")
"""Packets that may still be answered when the keys are erased: what was opened is verified, and nothing is opened by a void."""


class StudyEnd:
    """`is_erased`: nothing is left in the ledger with which a sum of this study could be opened."""

    def __init__(self, home: HospitalHome, offered: OfferedStudy, run: RunDirectory, ledger: Ledger) -> None:
        self._home, self._offered, self._run, self._ledger = home, offered, run, ledger
        self._files = StudyFolder(offered.folder)
        self._is_over = self.is_erased = False

    @property
    def is_withdrawn(self) -> bool:
        return bool(self._offered.withdrawal)

    @property
    def stopped(self) -> str:
        """Why the coordinator ended the study; empty while it has not."""
        ended = self._files.ended()
        return ended[1] if ended else ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of it here: there is a model, or the coordinator has ended it."""
        if not self._is_over:
            self._is_over = files.stamp(self._run.result) is not None or bool(self.stopped)
        return self._is_over

    @property
    def breach(self) -> str:
        """What this hospital found wrong; empty where it found nothing."""
        return (self._ledger.fact(breach_fact(self._offered.digest)) or b"").decode("utf-8", "replace")

    @property
    def has_come(self) -> bool:
        """Whether this hospital has no more use for the keys of the study."""
        return self.is_over or self.is_withdrawn or bool(self.breach)

    def stop(self, reason: str) -> None:
        """Note that the coordinator ended the study."""
        if self.stopped:
            return
        self._home.log("study stopped", {"study": self._offered.study.name, "reason": reason[:500]})
        files.write(self._files.stopped, f"{reason}\n".encode())

    def erase(self) -> bool:
        """Erase what could open a sum of a study that has ended; whether anything was there. Asked again it does nothing.

        Raises:
            StorageError: the ledger cannot be written, or its log be emptied; to be called again.
        """
        if self.is_erased or not self.has_come:
            return False
        held = self._ledger.holds_secrets(self._offered.digest)
        self._ledger.erase_study(self._offered.digest)
        self.is_erased = True
        if held:
            self._home.log("keys erased", {"study": self._offered.study.name})
        return held
