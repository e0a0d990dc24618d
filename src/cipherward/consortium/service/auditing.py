"""Audit logs between hospitals. The coordinator writes a study's log into its folder and has its heads cosigned by hospitals; a
hospital cosigns only what goes on from the head that it cosigned before, and writes a log of its own beside what it verified.

What goes wrong with a log is said once, as an alarm, and stops nothing: the study's sums are proved without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cipherward import study as study_document
from cipherward.audit import entries
from cipherward.audit.reading import LOG, checkpoint_files, read_checkpoint
from cipherward.audit.witness import ForkError, Witness
from cipherward.consortium.homes import home_log
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.home import Home
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service.coordinator_study import CoordinatorStudy
from cipherward.consortium.service.deadlines import LONGEST_PAUSE
from cipherward.consortium.service.following import Followed
from cipherward.consortium.service.hospital_study import HospitalStudy
from cipherward.consortium.service.letters import Head, LogSuccession, Out
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import AuditError, CipherwardError
from cipherward.parties import decisions, roster
from cipherward.runs import earlier_logs, own_heads
from cipherward.runs.audit_trail import IN_HOME, REPORT, Trail, sha256
from cipherward.runs.folder import RunDirectory
from cipherward.runs.log_names import author, witness_name, witnesses
from cipherward.runs.verify import Line
from cipherward.store import files

HEARD = {
    "privacy charge",
    "exact release, not covered by privacy",
    "numbers far out cut off",
    "privacy budget spent",
    "refused",
    "declined",
    "breach",
}
"""Of what a hospital's node says, what comes into the hospital's audit log."""
ASK_AGAIN = 300.0
"""Seconds until a hospital that has not cosigned a head is asked again, at first."""
HEAD_PAUSE = 5.0
"""Seconds between the heads that hospitals are asked to cosign while sums of the study follow each other faster than that; the last
one is not held back."""
_LAST_HEADS = 4
"""After a start: in so many heads it is looked up how much each hospital has cosigned; who is in none is asked."""


@dataclass
class _Logged:
    """A study's log at the coordinator. `seen`: how many entries each hospital has cosigned; `asked`: until when (ticks) no
    other head is sent to it, and the pause after the next one, which grows while it does not answer; `own`: heads of hospitals' own
    logs that are not in it yet; `next_head`: when (ticks) the next head is due."""

    trail: Trail
    seen: dict[int, int] = field(default_factory=dict)
    asked: dict[int, tuple[float, float]] = field(default_factory=dict)
    own: dict[int, str] = field(default_factory=dict)
    next_head: float = float("-inf")


class CoordinatorAudit:
    """Made and used in the desk's thread. `clock` gives Unix seconds, `ticks` seconds that never jump."""

    def __init__(self, home: Home, clock: Callable[[], float], ticks: Callable[[], float]) -> None:
        self._home, self._clock, self._ticks = home, clock, ticks
        self._logs: dict[bytes, _Logged] = {}
        self._said: dict[bytes, str] = {}

    def look(self, study: CoordinatorStudy) -> Out:
        """What the study's folder has got since comes into the log; the requests for cosignatures that are due."""
        with _Complaints(self._home, study.name, study.digest, self._said):
            logged = self._logged(study)
            has_news = logged.trail.look_again(is_over=study.is_over)
            if logged.own and (study.is_over or has_news) and self._keep_own_heads(study, logged):
                logged.trail.look()
            return self._due(study, logged) if study.has_begun or study.is_over else []
        return []

    def take(self, study: CoordinatorStudy, hospital: int, head: Head) -> Out:
        """A hospital's cosignature, which is kept; or how many entries it knows, from which it is asked again; or what it remembers
        of an earlier log.

        Raises:
            AuditError: neither. StorageError: the disk failed.
        """
        logged, answer = self._logged(study), head.text
        if earlier_logs.take(study.run.path, study.study, hospital, answer):
            logged.asked.pop(hospital, None)
            logged.trail.look()
            return self._due(study, logged, only=hospital)
        if answer.endswith("\n") and answer[:-1].isdecimal() and len(answer) < 20:
            logged.seen[hospital] = int(answer)
            logged.asked.pop(hospital, None)
            if logged.seen[hospital] > logged.trail.log.size:
                raise AuditError(
                    f"{study.names[hospital - 1]} has cosigned {answer.strip()} entries of the audit log of {study.name!r}, and "
                    f"there are {logged.trail.log.size} here",
                    hint="this home is older than the log was: bring the newest copy of the study's folder back; if there is none, "
                    f"`cipherward coordinator restored {study.name}` begins a new log that says so",
                )
            return self._due(study, logged, only=hospital)
        logged.seen[hospital] = logged.trail.log.take([(answer, witnesses(study.study)[hospital])])
        logged.asked.pop(hospital, None)
        if head.own:
            logged.own[hospital] = head.own
        return []

    def _keep_own_heads(self, study: CoordinatorStudy, logged: _Logged) -> bool:
        """Of hospitals' own logs, with the next entries that there are anyway, or when the study is over: a head that comes with
        each cosignature must not make another one necessary each time. Whether there was another one."""
        is_new = False
        while logged.own:
            hospital, head = logged.own.popitem()
            try:
                is_new |= own_heads.take(study.run.path, study.study, hospital, head)
            except AuditError as error:
                facts = {"study": study.name, "hospital": study.names[hospital - 1], "reason": error.message}
                self._home.alarm("a hospital's own log went back", facts)
        return is_new

    def _logged(self, study: CoordinatorStudy) -> _Logged:
        if study.digest in self._logs and earlier_logs.is_copy(study.run.path):
            del self._logs[study.digest]
        if study.digest not in self._logs:
            earlier_logs.begin_again(study.run.path, study.study, self._home.identity, self._clock())
            trail = Trail(study.run, study.study, self._home.identity, clock=self._clock)
            logged = self._logs[study.digest] = _Logged(trail)
            for path in reversed(checkpoint_files(study.folder, _LAST_HEADS)):
                head = read_checkpoint(path)
                for hospital in head.signers(witnesses(study.study)):
                    logged.seen.setdefault(hospital, head.checkpoint.size)
        return self._logs[study.digest]

    def _lacking(self, study: CoordinatorStudy, logged: _Logged) -> list[int]:
        """Who has not cosigned the newest head, and can be asked."""
        there = study.statements.approved - study.statements.breached - study.gone
        return [hospital for hospital in sorted(there) if logged.seen.get(hospital, 0) < logged.trail.log.size]

    def _due(self, study: CoordinatorStudy, logged: _Logged, only: int = 0) -> Out:
        log, now, found = logged.trail.log, self._ticks(), Out()
        is_held_back = now < logged.next_head and not study.is_over
        if (is_held_back and not only) or not (lacking := self._lacking(study, logged)):
            return found
        head, answered = log.checkpoint(), earlier_logs.answered(study.run.path)
        for hospital in lacking:
            old = logged.seen.get(hospital, 0)
            until, pause = logged.asked.get(hospital, (float("-inf"), ASK_AGAIN))
            is_waiting = now < until  # one request at a time: the next one begins where its answer ends
            if head is None or is_waiting or old > log.size or (only and hospital != only):
                continue
            logged.asked[hospital] = now + pause, min(2 * pause, LONGEST_PAUSE)
            if answered is not None and hospital not in answered:
                newest = earlier_logs.of(study.run.path, study.study)[-1]
                found.append((hospital, LogSuccession(newest.statement, len(study.run.rounds_with_openings()))))
            else:
                found.append((hospital, Head(log.request(head, old))))
            logged.next_head = now + HEAD_PAUSE
        return found


class HospitalAudit:
    """Made and used in the desk's thread. `clock` gives Unix seconds."""

    def __init__(self, home: HospitalHome, clock: Callable[[], float]) -> None:
        self._home, self._clock = home, clock
        self._trails: dict[bytes, Trail] = {}
        self._witnesses: dict[bytes, Witness] = {}
        self._said: dict[bytes, str] = {}

    def look(self, study: HospitalStudy) -> None:
        """What this hospital has verified, and what its people decided, comes into its own log of the study."""
        if not study.run.study_digest.exists():
            return
        with _Complaints(self._home, study.name, study.digest, self._said):
            self._trail(study).look_again(is_over=study.is_over)

    def hear(self, study: HospitalStudy, event: str, facts: dict[str, Any]) -> None:
        """Of what the study's parts tell its home's log: what no file shows. Numbers that are not whole become text."""
        if event not in HEARD or not study.run.study_digest.exists():
            return
        with _Complaints(self._home, study.name, study.digest, self._said):
            self._trail(study).note(event, entries.plain(facts))

    def cosign(self, study: HospitalStudy, request: str) -> Head:
        """This hospital's cosignature on a head of the coordinator's log; or the size that it knows.

        Raises:
            ForkError: the coordinator has rewritten its log; the proof is kept. AuditError: not its log's head.
            StorageError: this machine's disk.
        """
        try:
            return Head(self._witness(study).answer(request, int(self._clock())), self._own_head(study))
        except ForkError as error:
            path = Followed(self._home.path, study.study).memory
            evidence = path.with_name(f"{path.name}-rewritten-{sha256(error.request.encode())[:12]}")
            files.write(evidence, error.request.encode())
            raise AuditError(
                f"the coordinator's audit log of {study.name!r} was rewritten: {error.message}",
                hint=f"{path} and {evidence.name} beside it prove it together: show both to the other hospitals",
                culprit="coordinator",
            ) from None

    def follow(self, study: HospitalStudy, statement: bytes) -> Head:
        """The coordinator was restored from a copy and has begun a new log: this hospital cosigns that one from now on, says what it
        remembers of the earlier one, and notes that it was so.

        Raises:
            WireError, ProtocolError: not the coordinator's statement. AuditError: a log that it had given up.
            StorageError: this machine's disk.
        """
        text, said, known = Followed(self._home.path, study.study).follow(statement)
        self._witnesses.pop(study.digest, None)
        if said is not None:
            lost = max(0, known - said.size)
            facts = {"reason": said.reason, "entries": said.size, "cosigned_here": known, "lost": lost}
            self._home.alarm("coordinator's audit log begun again", {"study": study.name} | facts)
            if study.run.study_digest.exists():
                with _Complaints(self._home, study.name, study.digest, self._said):
                    self._trail(study).note("coordinator's audit log begun again", facts)
        return Head(text)

    def _own_head(self, study: HospitalStudy) -> str:
        """The newest head of this hospital's own log; none, where that log cannot be written."""
        if not study.run.study_digest.exists():
            return ""
        with _Complaints(self._home, study.name, study.digest, self._said):
            head = self._trail(study).log.checkpoint()
            return head.text if head else ""
        return ""

    def _trail(self, study: HospitalStudy) -> Trail:
        if study.digest not in self._trails:
            trail = Trail(study.run, study.study, self._home.identity, study.index, self._clock)
            self._trails[study.digest] = trail
            if "approved" not in trail.log.events and study.offered.approval:
                said = decisions.approval_of(study.offered.approval, study.study)[1]
                facts = {"hospital": self._home.name, "person": said.approver, "approved_at": said.at}
                trail.note("approved", facts, {f"{IN_HOME}{decisions.APPROVAL}": sha256(study.offered.approval)})
        return self._trails[study.digest]

    def _witness(self, study: HospitalStudy) -> Witness:
        if study.digest not in self._witnesses:
            followed = Followed(self._home.path, study.study)
            path, log = followed.memory, author(study.study, name=followed.log)
            memory = files.read(path).decode("utf-8", "replace") if path.exists() else ""
            self._witnesses[study.digest] = Witness(
                self._home.identity,
                witness_name(study.index),
                log,
                memory,
                lambda head: files.write(path, head.encode()),
            )
        return self._witnesses[study.digest]


class _Complaints:
    """What goes wrong with a log inside is an alarm, once, until it goes well again."""

    def __init__(self, home: Home, name: str, study: bytes, said: dict[bytes, str]) -> None:
        self._home, self._name, self._study, self._said = home, name, study, said

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, CipherwardError):
            if error is None:
                self._said.pop(self._study, None)
            return False
        if self._said.get(self._study) != error.message:
            self._said[self._study] = error.message
            self._home.alarm(
                "audit log cannot be written", {"study": self._name, "reason": error.message, "hint": error.hint}
            )
        return True


def report_written(path: Path) -> None:
    """A command has written the report of a study's folder anew: that comes into its log, where the folder is in its home.

    Raises:
        CipherwardError: the home, the study or its log cannot be used.
    """
    home, own = path.resolve().parent.parent, (path / "started.json").exists()
    settings = CoordinatorHome.settings_file if own else HospitalHome.settings_file
    if not (home / settings).exists():
        return
    study, run = study_document.load(path / "study.toml"), RunDirectory(path)
    party = CoordinatorHome(home) if own else HospitalHome(home)
    index = COORDINATOR
    if not own:
        index = next(i for i, key in roster.roster_keys(study).items() if key == party.identity.public_key)
    Trail(run, study, party.identity, index).written_anew(REPORT)


def is_home(path: Path) -> bool:
    """Whether a folder is a party's home."""
    return any((path / kind.settings_file).exists() for kind in (CoordinatorHome, HospitalHome))


def home_lines(path: Path) -> Iterator[Line]:
    """Whether a home's own audit log is whole, and its settings are as the log says. Its studies are verified one by one.

    Raises:
        StorageError: the home's identity or its log cannot be read.
    """
    kind = CoordinatorHome if (path / CoordinatorHome.settings_file).exists() else HospitalHome
    home = kind(path)
    if not (path / home_log.FOLDER / LOG).exists():
        yield Line(0, "audit", "everyone", "no audit log", False, "this home has none yet")
        return
    found, covered = home_log.read(path, home.identity.public_key)
    for problem in found.problems:
        yield Line(0, "audit", "everyone", "log was altered", False, problem)
    for name, digest in covered.items():
        is_same = sha256(files.read(path / name)) == digest if (path / name).exists() else not digest
        what = (
            "is as the log says" if is_same else "was changed since; a running service, or the next command, notes it"
        )
        yield Line(0, "audit", "everyone", "settings", is_same, f"{name} {what}")
    if not found.problems:
        said = f"{found.signed()} of {found.size} entries are signed by this home's own key; nobody cosigns them"
        yield Line(0, "audit", "everyone", "log signed", found.signed() == found.size, said)
