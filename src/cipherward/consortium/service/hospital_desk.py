"""A hospital's seat in the consortium: letters from the coordinator in, letters to it out.

It believes the coordinator's pinned key and nothing else, runs only studies that its own people approved, and keeps
everything in its home, so that it can be stopped at any instant. Synchronous, without a socket or a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cipherward.consortium.approval import approvals
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes.homes import HospitalHome
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service import letters
from cipherward.consortium.service.hospital_study import REFUSAL_TOLD, HospitalStudy
from cipherward.consortium.service.letters import (
    Alert,
    Approval,
    Body,
    Letter,
    Members,
    Offer,
    Packet,
    Refusal,
    Stopped,
    Withdrawal,
)
from cipherward.errors import CipherwardError, RefusedError, StorageError
from cipherward.store import files
from cipherward.store.ledger import Ledger


class HospitalDesk:
    """Made and used in one thread, as the ledger is. `report` writes the report of a finished study's folder."""

    def __init__(self, home: HospitalHome, report: Callable[[Path], object] | None = None) -> None:
        self.home = home
        self._report = report
        self._reported: set[bytes] = set()
        self._ledger = Ledger(home.ledger_file)
        self._parts: dict[bytes, HospitalStudy] = {}
        self._told: set[tuple[bytes, str]] = set()
        self._damaged: dict[Path, str] = {}
        self._untold: set[Path] = set()

    def close(self) -> None:
        self._ledger.close()

    def receive(self, data: bytes | memoryview) -> list[bytes]:
        """Take one letter; the letters that answer it. Nothing is answered to what is refused: it is an alarm.

        Raises:
            StorageError: this machine's disk failed; nothing was answered, the letter has to come again.
        """
        try:
            letter = letters.open_letter(data, to=self.home.name, key=self.home.coordinator_key, from_coordinator=True)
            return self._take(letter)
        except StorageError:
            raise
        except CipherwardError as error:
            self.home.alarm("letter refused", letters.describe(data) | {"reason": error.logged})
            return []

    def poll(self) -> list[bytes]:
        """Letters for what people here decided since: approvals and withdrawals. Each is told once per start."""
        found, told = [], set()
        for part in self._participations():
            if (reasons := part.refusal_to_tell()) is not None:
                found.append(self._letter(part.digest, Refusal(reasons)))
            for kind, statement in (("Approval", part.offered.approval), ("Withdrawal", part.offered.withdrawal)):
                if not statement or (part.digest, kind) in self._told or part.run.result.exists():
                    continue
                told.add((part.digest, kind))
                self.home.log(f"{kind.lower()} sent", {"study": part.study.name, "digest": part.digest.hex()})
                body = Approval(statement) if kind == "Approval" else Withdrawal(statement)
                found.append(self._letter(part.digest, body))
        self._told |= told
        found += [self._refusal(bytes.fromhex(folder.name), "files") for folder in sorted(self._untold)]
        self._untold.clear()
        return found

    def report(self) -> None:
        """Write the report of a study that has ended, if there is one; takes as long as its training did."""
        for part in self._participations():
            if self._report is None or part.digest in self._reported or not part.is_unreported:
                continue
            self._reported.add(part.digest)
            try:
                part.keep_own_results()
                self._report(part.run.path)
                self.home.log("report written", {"study": part.study.name, "folder": part.run.path.name})
            except CipherwardError as error:
                self.home.alarm("report not written", {"study": part.study.name, "reason": error.logged})
            return

    def status(self) -> list[dict[str, Any]]:
        """Every study, oldest first."""
        damaged = [
            {"study": "?", "digest": folder.name, "phase": "damaged", "sums_planned": 0, "last_error": message}
            for folder, message in self._damaged.items()
        ]
        return [part.status() for part in self._participations()] + damaged

    # letters

    def _take(self, letter: Letter) -> list[bytes]:
        body = letter.body
        if isinstance(body, Packet):
            part = self._part(letter.study)
            return [self._letter(letter.study, Packet(packet)) for packet in part.handle(bytes(body.packet))]
        if isinstance(body, Offer):
            return self._offer(letter.study, body)
        if isinstance(body, Members):
            self.home.receive_members(body.document)
        elif isinstance(body, Alert):
            self._part(letter.study).take_alert(body.hospital, body.receipt)
        elif isinstance(body, Stopped):
            self._part(letter.study).stop(body.reason)
        return []

    def _offer(self, digest: bytes, body: Offer) -> list[bytes]:
        if known := self._parts.get(digest):
            self._told.discard((digest, "Approval"))  # it asks because it has not got our word
            return [] if not known.offered.approval else self.poll()
        if self.home.study_folder(digest) in self._damaged:
            return [self._refusal(digest, "files")]
        try:
            offered = approvals.keep_offer(self.home, body.document.encode(), body.ckks_public)
        except StorageError:
            raise
        except CipherwardError:
            return [self._refusal(digest, "offer")]  # the alarm says why; the coordinator need not wait for an answer
        if offered.digest != digest:
            raise RefusedError("the study in the offer is not the one that its letter names")
        self._open(offered)
        return self.poll()

    def _refusal(self, digest: bytes, reason: str) -> bytes:
        """Tell that there is no study to look at here, and note it: once there is one, that is told, too."""
        files.write(self.home.study_folder(digest) / REFUSAL_TOLD, reason.encode())
        return self._letter(digest, Refusal((reason,)))

    # studies

    def _part(self, digest: bytes) -> HospitalStudy:
        if digest not in self._parts:
            self._participations()
        if part := self._parts.get(digest):
            return part
        raise RefusedError(f"about a study that was never offered here ({digest.hex()[:12]})")

    def _participations(self) -> list[HospitalStudy]:
        found, damaged = approvals.whole_offers(self.home)
        for folder, error in damaged.items():
            # It stops this study and no other; once its file is restored it goes on.
            self._parts.pop(bytes.fromhex(folder.name), None)
            if self._damaged.get(folder) != error.message:
                self._untold.add(folder)
                self.home.alarm(
                    "study cannot run", {"digest": folder.name, "reason": error.message, "hint": error.hint}
                )
        self._damaged = {folder: error.message for folder, error in damaged.items()}
        for offered in found:
            self._open(offered)
        return list(self._parts.values())

    def _open(self, offered: OfferedStudy) -> None:
        if offered.digest not in self._parts:
            self._parts[offered.digest] = HospitalStudy(self.home, offered, self._ledger)

    def _letter(self, study: bytes, body: Body) -> bytes:
        return letters.seal(self.home.identity, COORDINATOR_NAME, study, body, from_coordinator=False)
