"""A hospital's side of a consortium: letters from the coordinator in, letters to it out.

It believes the coordinator's pinned key and nothing else, runs only studies that its own people approved, and keeps
everything in its home, so that it can be stopped at any instant. Synchronous, without a socket or a clock of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from cipherward.consortium.approval import approvals, declaring, own_standing
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service import letters, lost_openings, notices, unusable
from cipherward.consortium.service.auditing import HospitalAudit
from cipherward.consortium.service.boundary import kind_of
from cipherward.consortium.service.brought import logged
from cipherward.consortium.service.hospital_study import HospitalStudy
from cipherward.consortium.service.letters import (
    NO_STUDY,
    Alert,
    Alive,
    Approval,
    Begun,
    Body,
    Declaration,
    Head,
    Letter,
    LogSuccession,
    LostOpening,
    Members,
    ModelWithdrawn,
    Offer,
    Packets,
    Reached,
    Refusal,
    SplitProposal,
    Stopped,
    Withdrawal,
)
from cipherward.consortium.service.resting import Resting
from cipherward.consortium.service.signs_of_life import LastSeen, is_silent
from cipherward.consortium.service.vaults import HomeVault
from cipherward.errors import CipherwardError, OldLedgerError, RefusedError, StorageError
from cipherward.runs import withdrawn
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.store.ledger import Ledger

_NAME, _WORDS = 64, 1_000

_TOLD_OF = 100
"""Of how many studies, the newest, a sign of life says how far they are."""


class HospitalDesk:
    """Made and used in one thread, as the ledger is. `report` writes the report of a finished study's folder;
    `clock` gives Unix seconds, for what people are told only."""

    def __init__(
        self,
        home: HospitalHome,
        report: Callable[[Path], object] | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self.home = home
        self.seen = LastSeen((home.read_status() or {}).get("seen"))
        self._clock = clock
        self._waits: dict[bytes, str] = {}
        self._report = report
        self._reported: set[bytes] = set()
        self._sums: dict[bytes, int] = {}
        self._ledger = _opened_ledger(home)
        self._studies: dict[bytes, HospitalStudy] = {}
        self._told: set[tuple[bytes, str]] = set()
        self._declared: set[Path] = set()
        self._damaged: dict[Path, CipherwardError] = {}
        self._untold: set[Path] = set()
        self._wrong: dict[bytes, str] = {}
        self._resting = Resting()
        self._begun_with: set[bytes] = set()
        self._vault = HomeVault(home)
        self._audit = HospitalAudit(home, clock)

    def close(self) -> None:
        self._vault.close()
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
            facts = {"reason": logged(error), "hint": error.hint}
            self.home.alarm("letter refused", letters.describe(data) | facts)
        except Exception as error:
            self.home.alarm("letter refused", letters.describe(data) | {"reason": kind_of(error)})
        return []

    def poll(self) -> list[bytes]:
        """Letters for what people here decided since: approvals and withdrawals. Each is told once per start."""
        found: list[bytes] = []
        self.home.look_at_settings()
        studies = self._all_studies()
        for study in studies:
            if study.digest not in self._begun_with:
                self._begin_with(study)
        for study, rest in self._resting.due(studies):
            with self._alone(study):
                news = self._news_of(study)
                if not news and study.is_over and study.end.is_erased and not self._has_report_due(study):
                    study.let_go()
                    rest()
                found += news
        found += self._declarations()
        found += [self._refusal(bytes.fromhex(folder.name), "files") for folder in sorted(self._untold)]
        self._untold.clear()
        return found

    def _begin_with(self, study: HospitalStudy) -> None:
        """Of a study that was over before, nothing but its keys has to be looked after at once."""
        with self._alone(study):
            study.erase()
            if study.is_over and not self._has_report_due(study):
                self._resting.later(study.digest)
        self._begun_with.add(study.digest)

    def _has_report_due(self, study: HospitalStudy) -> bool:
        return self._report is not None and study.digest not in self._reported and study.is_unreported

    def _look_at_vault(self, study: HospitalStudy) -> None:
        if study.run.study_digest.exists():
            self._vault.follow(study.run, study.study)
            self._vault.look(study.run, is_over=study.end.has_come and not study.is_unreported)

    def _declarations(self) -> list[bytes]:
        """What people signed outside studies; a wider answer is in the ledger before anybody hears of it."""
        found = []
        for path in declaring.statement_files(self.home):
            if path in self._declared:
                continue
            statement = files.read(path)
            self._declared.add(path)
            try:
                own_standing.apply(self.home, self._ledger, statement)
            except RefusedError as error:
                self.home.alarm("declaration not sent", {"reason": error.message, "hint": error.hint})
                continue
            found.append(self._letter(NO_STUDY, Declaration(statement)))
        return found

    def _news_of(self, study: HospitalStudy) -> list[bytes]:
        self._audit.look(study)
        self._look_at_vault(study)
        study.erase()
        if study.is_over:
            return []
        found: list[bytes] = []
        if (reasons := study.refusal_to_tell()) is not None:
            found.append(self._letter(study.digest, Refusal(reasons)))
        for kind, statement in (("Approval", study.offered.approval), ("Withdrawal", study.offered.withdrawal)):
            if statement and (study.digest, kind) not in self._told:
                self._told.add((study.digest, kind))
                self.home.log(f"{kind.lower()} sent", {"study": study.name, "digest": study.digest.hex()})
                body = Approval(statement) if kind == "Approval" else Withdrawal(statement)
                found.append(self._letter(study.digest, body))
        return found

    @contextlib.contextmanager
    def _alone(self, study: HospitalStudy) -> Iterator[None]:
        """What goes wrong in one study stops nothing else. StorageError passes: the disk is everybody's."""
        try:
            yield
            self._wrong.pop(study.digest, None)
        except StorageError:
            raise
        except Exception as error:
            reason = logged(error) if isinstance(error, CipherwardError) else kind_of(error)
            if self._wrong.get(study.digest) != reason:
                self._wrong[study.digest] = reason
                self.home.alarm("study cannot run", {"study": study.name, "reason": reason})

    def overdue(self) -> bool:
        """Whether something that a study brought has been running for longer than this hospital allows; that study is then
        set aside, and this process has to end, since nothing else stops it. Called from another thread."""
        late = [study for study in self._studies.values() if study.boundary.seconds > self.home.longest_seconds]
        for study in late:
            reason = study.boundary.give_up()
            self.home.alarm("study set aside", {"study": study.name, "reason": reason})
        return bool(late)

    def let_go(self) -> None:
        """The service is being stopped: what is in hand ends with it, and that is nobody's fault."""
        for study in list(self._studies.values()):
            study.boundary.let_go()

    def report(self) -> None:
        """Write the report of a study that has ended, if there is one; takes as long as its training did."""
        for study in self._all_studies():
            if self._report is None or study.digest in self._resting or not self._has_report_due(study):
                continue
            self._reported.add(study.digest)
            try:
                study.keep_own_results()
                with study.boundary.around("writing the report"):
                    self._report(study.run.path)
                self.home.log("report written", {"study": study.name, "folder": study.run.path.name})
            except CipherwardError as error:
                self.home.alarm("report not written", {"study": study.name, "reason": logged(error)})
            except Exception as error:
                self.home.alarm("report not written", {"study": study.name, "reason": kind_of(error)})
            return

    def status(self) -> list[dict[str, Any]]:
        """Every study, oldest first."""
        whole = [s.status() | self._waiting(s) | self._vault.status(s.run) for s in self._all_studies()]
        return whole + [unusable.status_of(folder, error) for folder, error in self._damaged.items()]

    def _waiting(self, study: HospitalStudy) -> dict[str, str]:
        """What the coordinator last said this study waits for, and what people here have to do first."""
        if study.is_over or study.end.is_withdrawn:
            return {"waits": ""}
        if not study.is_approved:
            return {"waits": f"this hospital's own approval: cipherward hospital review {study.name}"}
        now = self._clock()
        if is_silent(self.seen.all().get(COORDINATOR_NAME), now):
            return {"waits": f"the coordinator: {self.seen.words(COORDINATOR_NAME, now)}"}
        return {"waits": self._waits.get(study.digest, "")}

    def sign_of_life(self, now: float) -> bytes:
        """The letter that says that this hospital is there. `now`: Unix seconds."""
        newest = self.home.offered or self.home.confirmed
        body = Alive(int(now), newest.version if newest else 0, reached=self._reached())
        return letters.seal(self.home.identity, COORDINATOR_NAME, NO_STUDY, body, from_coordinator=False)

    def _reached(self) -> tuple[Reached, ...]:
        """The newest studies; what has ended is counted once."""
        found = []
        for study in list(self._studies.values())[-_TOLD_OF:]:
            if not study.offered.approval or study.end.is_withdrawn:
                continue
            if study.digest not in self._sums or not study.is_over:
                self._sums[study.digest] = len(study.run.rounds_with_openings())
            found.append(Reached(study.digest, self._sums[study.digest]))
        return tuple(found)

    def _alive(self, body: Alive) -> None:
        """The coordinator is there, and says what it knows of the others."""
        self.seen.keep({COORDINATOR_NAME, *(other.name for other in body.seen)})
        self.seen.heard(COORDINATOR_NAME, body.sent, self._clock())
        for other in body.seen:
            self.seen.note(other.name[:_NAME], other.at, self._clock())
        self._waits = {waits.study: printable(waits.words) for waits in body.waits}

    # letters

    def _take(self, letter: Letter) -> list[bytes]:
        body = letter.body
        if isinstance(body, Packets):
            study = self._study(letter.study)
            replies = [reply for packet in body.packets for reply in study.handle(bytes(packet))]
            return [self._letter(letter.study, one) for one in letters.bodies(replies)]
        if isinstance(body, Offer):
            return self._offer(letter.study, body)
        if isinstance(body, Head):
            return [self._letter(letter.study, self._audit.cosign(self._study(letter.study), body.text))]
        if isinstance(body, LogSuccession):
            study = self._study(letter.study)
            remembered = self._audit.follow(study, body.statement)
            lost = [LostOpening(*one) for one in lost_openings.after(study.run, body.sums)]
            return [*(self._letter(letter.study, one) for one in lost), self._letter(letter.study, remembered)]
        if isinstance(body, Begun):
            self._study(letter.study).beginning.take(body.inventories)
        elif isinstance(body, Members):
            self.home.receive_members(body.document)
        elif isinstance(body, SplitProposal):
            declaring.keep_proposal(self.home, body.document)
        elif isinstance(body, Alive):
            self._alive(body)
        elif isinstance(body, Alert):
            self._study(letter.study).take_alert(body.hospital, body.receipt)
        elif isinstance(body, Stopped):
            self._study(letter.study).stop(body.reason)
        elif isinstance(body, ModelWithdrawn):
            self._withdrawn(self._study(letter.study), body.statement)
        return []

    def _withdrawn(self, study: HospitalStudy, statement: bytes) -> None:
        """The model of a study is not to be used any more; whoever has none keeps nothing."""
        if study.run.model.exists() and (said := withdrawn.keep(study.run, study.study, statement)):
            self.home.alarm("model withdrawn", {"study": study.name, "reason": printable(said.reason)})

    def _offer(self, digest: bytes, body: Offer) -> list[bytes]:
        if known := self._studies.get(digest):
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
        files.write(StudyFolder(self.home.study_folder(digest)).refusal_told, reason.encode())
        return self._letter(digest, Refusal((reason,)))

    # studies

    def _study(self, digest: bytes) -> HospitalStudy:
        if digest not in self._studies:
            self._all_studies()
        if study := self._studies.get(digest):
            self._resting.wake(digest)
            return study
        raise RefusedError(f"about a study that was never offered here ({digest.hex()[:12]})", hint=notices.UNKNOWN)

    def _all_studies(self) -> list[HospitalStudy]:
        found, damaged = approvals.whole_offers(self.home)
        for folder, error in damaged.items():
            # It stops this study and no other; once its file is restored it goes on.
            self._forget(bytes.fromhex(folder.name))
            before = self._damaged.get(folder)
            if before is None or before.message != error.message:
                self._untold.add(folder)
                unusable.tell(self.home, folder, error)
        self._damaged = damaged
        for offered in found:
            self._open(offered)
        return list(self._studies.values())

    def _forget(self, digest: bytes) -> None:
        self._studies.pop(digest, None)
        self._begun_with.discard(digest)
        self._resting.wake(digest)

    def _open(self, offered: OfferedStudy) -> None:
        if offered.digest not in self._studies:
            study = self._studies[offered.digest] = HospitalStudy(self.home, offered, self._ledger)
            study.on_event = partial(self._audit.hear, study)

    def _letter(self, study: bytes, body: Body) -> bytes:
        return letters.seal(self.home.identity, COORDINATOR_NAME, study, body, from_coordinator=False)


def _opened_ledger(home: HospitalHome) -> Ledger:
    """Raises OldLedgerError, with an alarm: nothing is said from a ledger that has forgotten what was said."""
    try:
        return Ledger(home.ledger_file, home.ledger_counter)
    except OldLedgerError as error:
        home.alarm("ledger too old", {"reason": error.message, "hint": error.hint})
        raise


def printable(text: str) -> str:
    """Words of somebody else that are shown on this hospital's screens."""
    return "".join(character if character.isprintable() else "?" for character in text)[:_WORDS]
