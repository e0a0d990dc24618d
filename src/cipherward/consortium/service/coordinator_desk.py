"""The coordinator's side of a consortium: letters from hospitals in, letters to them out, for every study at once.

Synchronous, with files for a memory and a clock from outside. Commands such as start, stop, admit and revoke act through
the home's files, which `tick` looks at, so they work whether or not this runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cipherward.consortium.approval import foundings
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.membership.members import MembersList
from cipherward.consortium.service import declared, known, letters, unusable, waiting
from cipherward.consortium.service.auditing import CoordinatorAudit
from cipherward.consortium.service.boundary import said_of
from cipherward.consortium.service.coordinator_study import CoordinatorStudy
from cipherward.consortium.service.letters import (
    NO_STUDY,
    Alive,
    Approval,
    Body,
    Declaration,
    Head,
    Letter,
    LostOpening,
    Members,
    ModelWithdrawn,
    Out,
    Packets,
    Refusal,
    Seen,
    SplitProposal,
    Waits,
)
from cipherward.consortium.service.old_copy import OldCopy
from cipherward.consortium.service.resting import Resting
from cipherward.consortium.service.signs_of_life import LastSeen
from cipherward.consortium.service.vaults import HomeVault
from cipherward.errors import ProtocolError, StorageError
from cipherward.runs import withdrawn
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files

DAMAGED_PAUSE = 60.0
"""Seconds until a study whose files could not be read is tried again."""

_WORDS = 1_000

Letters = list[tuple[str, bytes]]
"""To whom, and the sealed letter."""


class CoordinatorDesk:
    """Made and used in one thread.

    Args:
        clock: Unix seconds.
        report: writes the report of a finished study.
        ticks: seconds that never jump, by which deadlines count; where there is none, `clock`.
    """

    def __init__(
        self,
        home: CoordinatorHome,
        clock: Callable[[], float],
        report: Callable[[Path], object] | None = None,
        ticks: Callable[[], float] | None = None,
    ) -> None:
        self.home = home
        self._report = report
        self._reported: set[str] = set()
        self._clock = clock
        self._ticks = ticks or clock
        self._studies: dict[str, CoordinatorStudy] = {}
        self._members: MembersList = home.members
        self._told: dict[str, int] = {}
        self._proposed: set[tuple[str, bytes]] = set()
        self._old = OldCopy(home, self._opened)
        self._seen = LastSeen((home.read_status() or {}).get("seen"))
        self._damaged: dict[str, tuple[float, BaseException | None]] = {}
        self._wrong: dict[str, tuple[float, str]] = {}
        self.vault = HomeVault(home)
        self._withdrawn: set[bytes] = set()
        self._audit = CoordinatorAudit(home, clock, self._ticks)
        self._resting = Resting()

    def start(self) -> Letters:
        """Take every study up where it was; what may not have been sent before is sent again."""
        return self.tick()

    def receive(self, member: str, data: bytes | memoryview) -> Letters:
        """One letter from a member's mailbox; the letters that follow from it.

        Raises:
            StorageError: this machine's disk failed; the letter has to come again.
        """
        try:
            known = self._members.find(member)
            if known is None or not known.is_active:
                raise ProtocolError(f"{member!r} is not an active member")
            letter = letters.open_letter(data, to=COORDINATOR_NAME, key=known.public_key, from_coordinator=False)
            if isinstance(letter.body, Alive):
                return self._alive(member, letter.body)
            if isinstance(letter.body, Declaration):
                declared.take(self.home, known, letter.body.statement)
                return []
            return self._take(member, letter)
        except StorageError:
            raise
        except Exception as error:
            said = {"hospital": member, "reason": said_of(error), "hint": getattr(error, "hint", "")}
            facts = letters.describe(data) | said
            self.home.alarm("letter refused", facts)
            return []

    def tick(self) -> Letters:
        """What time and people bring; call it at least every second."""
        out = self._news_of_members() + self._splits()
        for folder in self.home.study_folders():
            if folder.name not in self._studies and not folder.name.startswith("."):
                out += self._try_to_open(folder.name)
        waiting_for_people = self._contested()
        for study, rest in self._resting.due(self._studies.values()):
            study.contested = waiting_for_people.get(study.digest, "")
            self._note_who_is_gone(study)
            found = self._tick_alone(study)
            if not found and study.is_over and study.folder.name not in self._wrong and not self._has_report_due(study):
                study.let_go()
                rest()
            out += found
        return out

    def _note_who_is_gone(self, study: CoordinatorStudy) -> None:
        active = {member.name for member in self._members.active}
        study.gone = frozenset(i for i, name in enumerate(study.names, start=1) if name not in active)

    def _has_report_due(self, study: CoordinatorStudy) -> bool:
        return self._report is not None and study.folder.name not in self._reported and study.is_unreported

    def _contested(self) -> dict[bytes, str]:
        """Studies whose foundings exclude each other, while none of their sums has been opened."""
        going = [s for s in self._studies.values() if s.digest not in self._resting and not s.is_over]
        new = [study for study in going if not study.run.rounds_with_openings()] if len(going) > 1 else []
        return foundings.conflicts(one for study in new for one in study.foundings) if len(new) > 1 else {}

    def _tick_alone(self, study: CoordinatorStudy) -> Letters:
        """What goes wrong in one study keeps no other from running; it is tried again, and said once."""
        name = study.folder.name
        if self._ticks() < self._wrong.get(name, (float("-inf"), ""))[0]:
            return []
        try:
            out = self._offers(study) + self._sealed(study, study.tick())
            ended = study.files.ended()
            out += self._sealed(study, self._audit.look(study))
            out += self._withdrawals(study)
            is_over = ended is not None or (study.is_over and not study.is_unreported)
            erase = f"{ended[0]}: {ended[1]}" if ended else ""
            self.vault.look(study.run, is_over=is_over, erase=erase, left=study.statements.who_left)
            self._wrong.pop(name, None)
            return out
        except StorageError:
            raise
        except Exception as error:
            reason = said_of(error)
            known = self._wrong.get(name)
            self._wrong[name] = self._ticks() + DAMAGED_PAUSE, reason
            study.last_error = reason
            if known is None or known[1] != reason:
                self.home.alarm("study cannot run", {"study": study.name, "digest": name, "reason": reason})
            return []

    def report(self) -> None:
        """Write the report of a study that has finished, if there is one; takes as long as verifying it."""
        for name, study in self._studies.items():
            if self._report is None or study.digest in self._resting or not self._has_report_due(study):
                continue
            self._reported.add(name)
            try:
                self._report(study.folder)
                self.home.log("report written", {"study": study.name, "digest": name})
            except Exception as error:
                self.home.alarm("report not written", {"study": study.name, "reason": said_of(error)})
            return

    def remind(self, member: str) -> Letters:
        """Letters to this member were dropped: tell it again where every study is, so that it can catch up."""
        self._told.pop(member, None)
        self._proposed = {told for told in self._proposed if told[0] != member}
        out = self._news_of_members() + self._splits()
        for study in self._studies.values():
            if member not in study.names:
                continue
            hospital = study.names.index(member) + 1
            if hospital in study.offered_to():
                out.append(self._letter(study, hospital, study.offer))
            out += self._sealed(study, study.remind(hospital))
        return out

    def status(self) -> list[dict[str, Any]]:
        """Every study, oldest first."""
        damaged = [
            unusable.status_of(self.home.studies / name, error) for name, (_, error) in self._damaged.items() if error
        ]
        return [self._status_of(study) | self.vault.status(study.run) for study in self._studies.values()] + damaged

    def _status_of(self, study: CoordinatorStudy) -> dict[str, Any]:
        """Once a study is over it is read again only when its files change, or somebody is back."""
        waits = self._old.words(study.digest)
        if study.digest not in self._resting and not study.is_over:
            waits = waits or waiting.in_words(study, self._seen, self._clock())
            return study.status() | {"waits": waits, "if_missing": waiting.if_one_is_missing(study)}
        key = ("status", study.digest, study.last_error, tuple(study.patience.away))
        known = self.home.remembered.get(key, study.files.watched, study.status)
        return known | {"waits": waits, "if_missing": []}

    def blocks(self) -> list[str]:
        """Splits, new keys and wider answers that are under way, in words."""
        return known.words(self.home)

    def seen(self) -> dict[str, float]:
        """When each hospital last gave a sign of life, Unix seconds."""
        return self._seen.of(member.name for member in self._members.active)

    def clocks(self) -> dict[str, float]:
        """As `LastSeen.clocks`, of each hospital."""
        return self._seen.clocks

    # letters

    def _alive(self, member: str, body: Alive) -> Letters:
        """A hospital is there: it hears that we are, and what its studies wait for."""
        now = self._clock()
        self._seen.heard(member, body.sent, now)
        seen = tuple(Seen(name, int(at)) for name, at in sorted(self.seen().items()) if name != member)
        waits = tuple(
            Waits(study.digest, words[:_WORDS])
            for study in self._studies.values()
            if study.digest not in self._resting
            and member in study.names
            and not study.is_over
            and (words := waiting.in_words(study, self._seen, now))
        )
        self._old.compare_members(member, body.members, self._members.version)
        behind = tuple(self._old.compare_studies(member, body.reached))
        waits = (*(each for each in waits if each.study not in {one.study for one in behind}), *behind)
        answer = Alive(int(now), self._members.version, seen, waits)
        return [(member, letters.seal(self.home.identity, member, NO_STUDY, answer, from_coordinator=True))]

    def _opened(self, digest: bytes) -> int | None:
        """How many sums of a study were opened; None where this home has no such study."""
        folder = self.home.studies / digest.hex()
        return len(RunDirectory(folder).rounds_with_openings()) if folder.exists() else None

    def _take(self, member: str, letter: Letter) -> Letters:
        opened = self._open_now(letter.study.hex())
        study = self._studies.get(letter.study.hex())
        if study is None:
            raise ProtocolError("about a study that does not exist here")
        if member not in study.names:
            raise ProtocolError(f"{member!r} is not on the roster of {study.name!r}")
        if study.digest in self._resting:
            self._note_who_is_gone(study)
        self._resting.wake(study.digest)
        hospital = study.names.index(member) + 1
        if isinstance(letter.body, Packets):
            return opened + self._sealed(study, study.handle(hospital, letter.body.packets))
        if isinstance(letter.body, Approval):
            return opened + self._sealed(study, study.take_approval(hospital, letter.body.statement))
        if isinstance(letter.body, Refusal):
            return opened + self._sealed(study, study.take_refusal(hospital, letter.body.reasons))
        if isinstance(letter.body, Head):
            return opened + self._sealed(study, self._audit.take(study, hospital, letter.body))
        if isinstance(letter.body, LostOpening):
            study.bring(letter.body.round, letter.body.opening)
            return opened
        study.statements.take_withdrawal(hospital, letter.body.statement)
        return opened

    def _open_now(self, name: str) -> Letters:
        """After a start, the first letter may come before the first look at the folders."""
        if name in self._studies or not StudyFolder(self.home.studies / name).study.exists():
            return []
        return self._try_to_open(name)

    def _try_to_open(self, name: str) -> Letters:
        """A study whose files are damaged does not keep the others from running."""
        since, before = self._damaged.get(name, (float("-inf"), None))
        if self._ticks() < since + DAMAGED_PAUSE:
            return []
        try:
            out = self._open(name)
            self._damaged.pop(name, None)
            return out
        except Exception as error:
            self._studies.pop(name, None)
            self._damaged[name] = (self._ticks(), error)
            if before is None or said_of(before) != said_of(error):
                unusable.tell(self.home, self.home.studies / name, error)
            return []

    def _open(self, name: str) -> Letters:
        study = CoordinatorStudy(self.home, self.home.studies / name, self._clock, self._ticks)
        self.vault.follow(study.run, study.study)
        study.on_sum = partial(self.vault.sum_done, study.run)
        self._studies[name] = study
        out = self._sealed(study, study.resume())
        if not out and study.is_over and not self._has_report_due(study):
            self._resting.later(study.digest)
        return out

    def _offers(self, study: CoordinatorStudy) -> Letters:
        due = sorted(study.offer_due())
        offer = study.offer if due else None
        return [self._letter(study, hospital, offer) for hospital in due] if offer else []

    def _news_of_members(self) -> Letters:
        """The signed list for every member that has not been sent this version since the start."""
        self._members = self.home.members
        version = self._members.version
        due = [member.name for member in self._members.active if self._told.get(member.name) != version]
        if not due:
            return []
        body = Members(self.home.chain())
        self._told |= dict.fromkeys(due, version)
        return [(name, letters.seal(self.home.identity, name, NO_STUDY, body, from_coordinator=True)) for name in due]

    def _splits(self) -> Letters:
        """Proposed splits for the members that have not signed them, once per start."""
        found = []
        for document, split in declared.proposals(self.home):
            first = declared.first_keys(self.home)
            missing = {m.hospital for m in split.whole.members} - split.signers
            for member in self._members.active:
                key, told = first.get(member.public_key, member.public_key), (member.name, document)
                if key in missing and told not in self._proposed:
                    self._proposed.add(told)
                    body = SplitProposal(document)
                    letter = letters.seal(self.home.identity, member.name, NO_STUDY, body, from_coordinator=True)
                    found.append((member.name, letter))
        return found

    def _withdrawals(self, study: CoordinatorStudy) -> Letters:
        """A withdrawn model is told of once per start: a hospital that knows it already does nothing."""
        path = study.folder / withdrawn.FILE
        if not study.is_over or study.digest in self._withdrawn or not path.exists():
            return []
        self._withdrawn.add(study.digest)
        body, there = ModelWithdrawn(files.read(path)), study.statements.approved - study.gone
        return [self._letter(study, hospital, body) for hospital in sorted(there)]

    def _sealed(self, study: CoordinatorStudy, out: Out) -> Letters:
        """Each hospital's letters in the order of `out`."""
        found: list[tuple[str, bytes]] = []
        for hospital in dict.fromkeys(hospital for hospital, _ in out):
            own = letters.bodies(what for each, what in out if each == hospital)
            found += (self._letter(study, hospital, body) for body in own)
        return found

    def _letter(self, study: CoordinatorStudy, hospital: int, body: Body) -> tuple[str, bytes]:
        name = study.names[hospital - 1]
        return name, letters.seal(self.home.identity, name, study.digest, body, from_coordinator=True)
