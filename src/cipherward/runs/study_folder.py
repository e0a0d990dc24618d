"""The files of a study at a party of a consortium, by name: what people and hospitals decided, beside the run itself.

| who | folder | holds |
|---|---|---|
| coordinator | `studies/<digest>/` | the run directory, and how the study was offered, begun and ended; what hospitals signed |
| hospital | `studies/<digest>/` | the offer, its people's approval or withdrawal, openings that are not verified yet |
| hospital | `models/<name>-<digest>/` | the run directory of what it has verified itself, and its own results |
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cipherward.parties.decisions import APPROVAL, WITHDRAWAL
from cipherward.store import files

STUDY, CKKS_PUBLIC, REPORT = "study.toml", "ckks-public.key", "report.html"
STOPPED, FAILED = "stopped", "failed"
APPROVALS, WITHDRAWALS, BREACHES, REFUSALS = "approvals", "withdrawals", "breaches", "refusals"
VERIFICATION, OWN_RESULTS, OWN_EXAMPLES = "verification.json", "own.json", "own-examples.json"
_ENDINGS = {APPROVALS: "signed", WITHDRAWALS: "signed", BREACHES: "signed", REFUSALS: "json"}


class StudyFolder:
    """Names the files in one such folder; which of them there are depends on whose folder it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.study = path / STUDY
        self.ckks_public = path / CKKS_PUBLIC
        self.report = path / REPORT
        self.stopped = path / STOPPED
        self._folders = {said: path / said for said in _ENDINGS}
        self._said: dict[str, tuple[files.Stamp | None, Mapping[int, Path]]] = {}
        # at the coordinator
        self.started = path / "started.json"
        self.begun = path / "begun"
        self.stop_asked = path / "stop"
        self.failed = path / FAILED
        self.end_told = path / "told"
        self.quarantine = path / "quarantine"
        self.watched = (path, *(path / said for said in (*_ENDINGS, "receipts", "void")))
        # at a hospital
        self.approval = path / APPROVAL
        self.withdrawal = path / WITHDRAWAL
        self.refusal_told = path / "refusal-told"
        self.alerts = path / "alerts"
        # at a hospital, in the folder of the model
        self.verification = path / VERIFICATION
        self.own_results = path / OWN_RESULTS
        self.own_examples = path / OWN_EXAMPLES

    def said(self, what: str, hospital: int) -> Path:
        """What a hospital (roster index) has said: `what` is APPROVALS, WITHDRAWALS, BREACHES or REFUSALS."""
        return self.path / what / f"{hospital}.{_ENDINGS[what]}"

    def who_said(self, what: str) -> Mapping[int, Path]:
        """Every hospital that has said it, by roster index in order."""
        folder = self._folders[what]
        now = files.stamp(folder)
        known = self._said.get(what)
        if known is not None and known[0] == now:
            return known[1]
        # not a copy that somebody has put beside it
        there = (file for file in folder.glob(f"[0-9]*.{_ENDINGS[what]}") if file.stem.isdecimal())
        found = dict(sorted((int(file.stem), file) for file in there))
        if files.is_settled(now):
            self._said[what] = now, found
        return found

    def unverified_opening(self, round: int) -> Path:
        """At a hospital: an opening that is being verified; afterwards it is in the run directory."""
        return self.path / f"opening-{round:04d}.cbor"

    def alert(self, hospital: int) -> Path:
        """At a hospital: another one's signed report of a breach."""
        return self.alerts / f"hospital-{hospital}.cbor"

    def ended(self) -> tuple[str, str] | None:
        """STOPPED or FAILED, and the reason that was given; None while the study goes on, or when it has a model."""
        return ended(self.path)


def ended(folder: Path) -> tuple[str, str] | None:
    """As `StudyFolder.ended`, of the study in a folder."""
    for name in (STOPPED, FAILED):
        if files.stamp(f"{folder}/{name}"):
            return name, words_in(folder / name) or "no reason given"
    return None


def words_in(file: Path) -> str:
    """A file of a few words for people, whoever wrote it.

    Raises:
        StorageError: missing or unreadable.
    """
    return files.read(file).decode("utf-8", "replace").strip()
