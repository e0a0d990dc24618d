"""The coordinator's node: runs the study's sums one after the other with whoever is there.

It speaks bytes only: `begin` starts the next sum, `handle` takes one hospital's packet, `expire` says that waiting is
over. Each returns the packets to send. It cannot read an update, and no hospital believes what it cannot check.

What it has accepted and decided is in the journal before it answers; after a restart at any instant `recover` goes on
with the same attempt. A hub that raised StorageError is behind or ahead of its disk: drop it and recover another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.errors import (
    CipherwardError,
    DataError,
    DeclinedError,
    FaultyCoordinatorError,
    FaultyHospitalError,
    ProtocolError,
    QuorumError,
    StorageError,
    SuspectError,
    WireError,
)
from cipherward.learning.state import StudyState
from cipherward.nodes import plan, sumlog
from cipherward.nodes.packets import pack, unpack
from cipherward.nodes.sumlog import Opened, SumLog
from cipherward.protocol import checks
from cipherward.protocol.checks import Check, SetAside
from cipherward.protocol.coordinator import Collection
from cipherward.protocol.messages import (
    Announce,
    Behind,
    Notice,
    Receipt,
    VoidCertificate,
    VoidRequest,
    sign,
    unsign,
)
from cipherward.protocol.party import Member, Rules
from cipherward.store.journal import Journal, Record

Outgoing = tuple[int, bytes]


class Phase(Enum):
    """What the current sum waits for."""

    IDLE = "idle"
    JOIN = "join"
    DEAL = "deal"
    CONSENT = "consent"
    VOID = "void"
    RELEASE = "release"
    VERIFY = "verify"


@dataclass(frozen=True)
class SumReport:
    """One finished sum, for the run's records. Bytes of the opening are on disk, see `Hub.keep_opening`."""

    round: int
    attempt: int
    purpose: str
    contributors: tuple[int, ...]
    opened: bool
    reason: str
    receipts: dict[int, Receipt] = field(repr=False)


@dataclass
class Hub:
    """The coordinator.

    Args:
        payloads: makes the store in which one attempt's payloads wait for their fingerprints.
        keep_opening: called with (round, bytes) before an opening is sent.
        load_opening: gives those bytes back, for hospitals that were away.
        keep_receipt: called with (round, hospital, bytes) for every signed receipt.
        journal: where the current sum is made durable; None: a restart asks for the sum from its beginning.
        on_breach: "stop" ends the study when a hospital reports a breach; "exclude" goes on without that hospital.
        keep_breach: called with (hospital, signed receipt) for every reported breach, before anything follows from it.
        keep_quarantine: called with (round, hospital, packet, reason) for every faulty message.
        keep_evidence: called with (round, hospital, two signed messages, reason) when a hospital contradicts itself.
        excluded: hospitals that take no further part, from earlier breaches.
    """

    rules: Rules
    identity: Identity = field(repr=False)
    state: StudyState
    payloads: Callable[[], MutableMapping[int, bytes]]
    keep_opening: Callable[[int, bytes], None]
    load_opening: Callable[[int], bytes]
    keep_receipt: Callable[[int, int, bytes], None]
    log: Callable[[str, dict[str, object]], None]
    clock: Callable[[], float]
    journal: Journal | None = None
    on_breach: Literal["stop", "exclude"] = "stop"
    keep_breach: Callable[[int, bytes], None] = lambda hospital, receipt: None
    keep_quarantine: Callable[[int, int, bytes, str], None] = lambda round, hospital, packet, reason: None
    keep_evidence: Callable[[int, int, tuple[bytes, bytes], str], None] = lambda round, hospital, messages, reason: None
    excluded: set[int] = field(default_factory=set)
    spent: dict[str, float] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    reports: list[SumReport] = field(default_factory=list)
    phase: Phase = Phase.IDLE

    def __post_init__(self) -> None:
        self._me = Member(self.rules, COORDINATOR, self.identity)
        self._everyone = frozenset(range(1, self.rules.n_hospitals + 1))
        self._log = SumLog(self.journal, self.rules.study)
        self._noted_total = b""
        self._closed: deque[bytes] = deque(maxlen=64)
        self._packets: dict[int, bytes] = {}
        self._waiting: set[int] = set()
        self._caught_up: set[int] = set()
        self._asked_again: set[int] = set()
        self._receipts: dict[int, Receipt] = {}
        self._breaches: dict[int, str] = {}
        self._broken = ""

    @property
    def deadline_seconds(self) -> float:
        """How long an engine waits for the rest of a phase once there are `enough`."""
        return self.state.study.aggregation.deadline_seconds

    @property
    def finished(self) -> bool:
        """Whether the study's last sum has been opened and its receipts are in."""
        return self.state.purpose is None and self.phase is Phase.IDLE

    @property
    def waiting(self) -> frozenset[int]:
        """Hospitals whose answer the current phase still waits for."""
        return frozenset(self._waiting)

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Names of the hospitals in `waiting`."""
        return tuple(self.state.study.hospitals[i - 1].name for i in sorted(self._waiting))

    @property
    def enough(self) -> bool:
        """Whether `expire` would take the current phase to its end with the answers that are there."""
        if self.phase is Phase.IDLE:
            return False
        if self.phase is Phase.VERIFY:
            return len(self._receipts) >= self.rules.threshold
        found = self._collection
        if self.phase is Phase.JOIN:
            return len(found.joined) >= self._holders_needed
        if self.phase is Phase.DEAL:
            has_left = bool(found.void_voters or found.stale)
            return len(found.contributors) >= self.rules.min_contributors or has_left
        if self.phase is Phase.CONSENT:
            return found.is_certified or not self._consent_may_come
        if self.phase is Phase.VOID:
            return found.is_certified or found.void_certificate() is not None
        return found.can_open

    def recover(self) -> list[Outgoing]:
        """After a restart: take the journal's sum up where it was, and give what is still to be answered.

        Called once, on a fresh hub whose `state` follows from the openings on disk. The same attempt goes on with the
        same list of joins and the same manifest. Nothing to recover: [], and the phase is IDLE; `reports` then holds the
        last sum's report if it had just finished.

        Raises:
            StorageError: the journal is damaged, or is not of this study or state; its hint says the way out.
        """
        if self.phase is not Phase.IDLE or self.reports:
            raise ProtocolError("only a coordinator that has done nothing yet can recover")
        self.excluded -= self._log.excluded()
        self._log.replaying = True
        try:
            for record in self._log.to_replay(self.state.sums_done):
                self._replay(record)
        except StorageError:
            raise
        except CipherwardError as error:
            raise self._does_not_fit(error.message) from None
        finally:
            self._log.replaying, self._noted_total = False, b""
        if self.phase is not Phase.IDLE:
            facts = {"sum": self.round, "phase": self.phase.value, "waiting": sorted(self._waiting)}
            self.log("sum recovered", facts)
        return self.outstanding()

    def outstanding(self, hospital: int = 0) -> list[Outgoing]:
        """The current phase's packets once more, for whoever has not answered (or for one hospital, if it has not)."""
        asked = self._waiting & ({hospital} if hospital else self._everyone)
        return [(i, self._packets[i]) for i in sorted(asked) if i in self._packets]

    @property
    def round(self) -> int:
        """Number of the current sum; of the next one between two sums."""
        return self.state.sums_done - (self.phase is Phase.VERIFY)

    def begin(self) -> list[Outgoing]:
        """Start the next sum."""
        if self.phase is not Phase.IDLE or self.state.purpose is None:
            raise ProtocolError(f"cannot begin a sum: the coordinator is in phase {self.phase.value}")
        with self._durable():
            self._log.begin(self.state.sums_done)
        self._voids: tuple[VoidCertificate, ...] = ()
        return self._attempt(())

    def handle(self, sender: int, packet: bytes) -> list[Outgoing]:
        """Take one hospital's packet. What cannot be used is set aside with the reason, and nothing else happens.

        What is faulty is kept in quarantine. Who sends something faulty, or joins or contributes too late, is told.

        Raises:
            StorageError: the coordinator's disk failed.
        """
        kind = "?"
        with self._durable():
            try:
                with checks.check(Check.SIZE):
                    if self.phase not in (Phase.IDLE, Phase.VERIFY) and len(packet) > self._limit:
                        raise WireError(f"a packet of {len(packet)} bytes, more than this sum can need")
                with checks.check(Check.ENCODING):
                    kind, data = unpack(packet)
                return self._take(sender, kind, data)
            except StorageError:
                raise  # this machine's disk, not what the hospital sent
            except CipherwardError as error:
                return self._put_aside(sender, kind, packet, error)

    def expire(self) -> list[Outgoing]:
        """Waiting is over: go on with whoever is there.

        After a QuorumError the phase is the same, waits for the hospitals without which it cannot end (`waiting_for`),
        and goes on when they answer.

        Raises:
            QuorumError: too few are there; the study waits for people. DeclinedError: too few can contribute.
            SuspectError: the sum cannot be opened and cannot be asked again.
            FaultyCoordinatorError: a hospital reported a breach, and `on_breach` is "stop".
            StorageError: the coordinator's disk failed.
        """
        missing = sorted(self._waiting)
        if missing:
            self.log("deadline", {"phase": self.phase.value, "missing": missing})
        self._waiting.clear()
        return self._advance()

    # messages

    def _take(self, sender: int, kind: str, data: bytes) -> list[Outgoing]:
        with checks.check(Check.ROSTER):
            if sender not in self._everyone:
                raise ProtocolError("not on the roster")
            if sender in self.excluded:
                raise ProtocolError("takes no further part: it reported a breach")
        if kind == "Behind":
            return self._catch_up(
                sender, unsign(data, Behind, study=self.rules.study, keys=self.rules.keys, sender=sender)
            )
        answers: list[Outgoing] = []
        if kind == "Receipt":
            is_new = self._receipt(sender, data)
            if not is_new:
                return []
        elif kind == "Join" and self.phase is Phase.JOIN:
            is_new = self._collection.add_join(sender, data)
        elif kind == "Update" and self.phase is Phase.DEAL:
            started = self.clock()
            self._collection.add_update(sender, data)
            self._spend("add", started)
            is_new = True
        elif kind == "Declined" and self.phase is Phase.DEAL:
            is_new = self._collection.add_declined(sender, data)
            if is_new:
                self.log("declined", {"hospital": sender, "reason": self._collection.declined[sender]})
        elif kind == "Vote" and self.phase in (Phase.DEAL, Phase.CONSENT, Phase.VOID):
            is_new = self._collection.add_vote(sender, data)
        elif kind == "Vote" and self.phase is Phase.RELEASE:
            is_new = self._collection.add_vote(sender, data)
            answers = self._late_consent(sender) if is_new else []
        elif kind == "Complaint" and self.phase is Phase.CONSENT:
            is_new = self._collection.add_complaint(sender, data)
        elif kind == "Release" and self.phase is Phase.RELEASE:
            is_new = self._collection.add_release(sender, data)
        else:
            raise checks.late(f"a {kind} message has no place in phase {self.phase.value!r}")
        if is_new:
            self._log.write(sumlog.PACKET, sender, pack(kind, data))
        if not answers:
            self._waiting.discard(sender)
        return answers

    def _late_consent(self, sender: int) -> list[Outgoing]:
        """The sum is certified, and one more hospital may release: perhaps in the place of one that is gone."""
        if sender not in self._collection.voters:
            return []
        self._packets[sender] = pack("Certificate", self._certificate)
        self._waiting.add(sender)
        return [(sender, self._packets[sender])]

    def _put_aside(self, sender: int, kind: str, packet: bytes, error: CipherwardError) -> list[Outgoing]:
        """Note a message that is not used, keep it where it is faulty, and tell its sender what it needs to know."""
        item = checks.set_aside(sender, kind, error)
        self.set_aside.append(item)
        facts: dict[str, object] = {"hospital": sender, "kind": kind, "reason": item.reason, "check": item.check}
        self.log("set aside", facts | {"verdict": item.verdict})
        if sender not in self._everyone:
            return []
        if isinstance(error, FaultyHospitalError) and len(error.evidence) == 2:
            self.keep_evidence(self.round, sender, (error.evidence[0], error.evidence[1]), item.reason)
            self.log("evidence", {"hospital": sender, "kind": kind, "reason": item.reason})
        if item.verdict == "faulty":
            self.keep_quarantine(self.round, sender, packet, item.reason)
        if self.phase is Phase.DEAL and kind == "Update" and item.check >= Check.HOLDERS:
            # Signed by this hospital for this sum: nothing better will come from it.
            self._waiting.discard(sender)
            if sender in self._collection.stale:
                self._log.write(sumlog.STALE, sender)
        if item.verdict == "faulty" or (item.verdict == "late" and kind in ("Join", "Update")):
            return self._notice(sender, item)
        return []

    def _notice(self, sender: int, item: SetAside) -> list[Outgoing]:
        is_sum = self.phase is not Phase.IDLE and self.phase is not Phase.VERIFY
        context = self._task.context if is_sum else b""
        numbered = f"check {item.check}: {item.reason}" if item.check else item.reason
        code = "excluded" if sender in self.excluded else item.verdict
        return self._send({sender}, "Notice", self._sign(Notice(context, self.round, code, f"{item.kind}: {numbered}")))

    def advance(self) -> list[Outgoing]:
        """Go on if everyone has answered. Engines call it after `handle`.

        Raises:
            as `expire`.
        """
        return [] if self._waiting else self._advance()

    def _advance(self) -> list[Outgoing]:
        if self._breaches:
            client, reason = min(self._breaches.items())
            raise FaultyCoordinatorError(
                f"Privacy Breach Detected for Client {client}: {reason}",
                hint="the study stops here; compare the evidence in the log with the coordinator's operator",
                culprit="coordinator",
            )
        step = {
            Phase.JOIN: self._close_joins,
            Phase.DEAL: self._close_sum,
            Phase.CONSENT: self._certify,
            Phase.VOID: self._next_attempt,
            Phase.RELEASE: self._open,
            Phase.VERIFY: self._finish,
        }.get(self.phase)
        if step is None:
            return []
        before = self.phase
        with self._durable():
            outgoing = step()
            self._log.write(sumlog.ADVANCE, 0, f"{before.value} {self.phase.value}".encode())
        return outgoing

    # phases

    def _attempt(self, excluded: tuple[int, ...]) -> list[Outgoing]:
        attempt = len(self._voids)
        self._task = plan.task_of(self.rules, self.state, attempt)
        self._limit = checks.packet_limit(self.rules, self._task)
        base, payloads = plan.base_of(self.state), self.payloads()
        self._collection = Collection(self._me, self._task, base, payloads, excluded, self._closed)
        self._caught_up.clear()
        asked = self._taking_part - set(excluded)
        return self._enter(Phase.JOIN, self._send(asked, "Announce", self._sign(self._announce())))

    def _announce(self) -> Announce:
        return Announce(self._task.context, self.state.sums_done, len(self._voids), self._voids)

    def _catch_up(self, sender: int, body: Behind) -> list[Outgoing]:
        if sender in self._caught_up or not body.round < self.state.sums_done:
            raise ProtocolError("says that it is behind, and is not")
        self._caught_up.add(sender)
        self.log("catching up", {"hospital": sender, "from": body.round, "to": self.state.sums_done})
        missed = [(sender, pack("Opening", self.load_opening(r))) for r in range(body.round, self.state.sums_done)]
        if self.phase is Phase.JOIN:
            missed += self._send({sender}, "Announce", self._sign(self._announce()))
        return missed

    def _close_joins(self) -> list[Outgoing]:
        joined = self._collection.joined
        if len(joined) < self._holders_needed:
            raise self._quorum_error("joined the sum", len(joined), self._holders_needed, self._everyone - joined)
        message = self._sign(self._collection.close_joins())
        return self._enter(Phase.DEAL, self._send(joined, "Joined", message))

    def _close_sum(self) -> list[Outgoing]:
        found, needed = self._collection, self.rules.min_contributors
        if len(found.contributors) < needed:
            if found.void_voters or found.stale:
                # An earlier coordinator process left this attempt, or dealt it to another list of holders.
                return self._ask_to_leave()
            missing = found.joined - found.contributors
            if len(found.contributors) + len(missing - set(found.declined)) < needed:
                raise self._declined_error(missing)
            raise self._quorum_error("sent a usable update", len(found.contributors), needed, missing)
        requests = found.close(self._noted_total)
        self._log.write(sumlog.TOTAL, 0, found.total)
        self._noted_total = b""
        self._requests = {i: pack("ConsentRequest", wire.encode(request)) for i, request in requests.items()}
        return self._enter(Phase.CONSENT, list(self._requests.items()))

    def _certify(self) -> list[Outgoing]:
        found = self._collection
        if found.is_certified:
            self._certificate = wire.encode(found.certificate())
            return self._enter(Phase.RELEASE, self._send(found.voters, "Certificate", self._certificate))
        if self._consent_may_come:
            # A void vote would rule it out for ever.
            raise self._quorum_error("consented to the sum", len(found.voters), self.rules.threshold, self._silent)
        return self._ask_to_leave()

    @property
    def _silent(self) -> frozenset[int]:
        """Holders who have neither voted nor complained."""
        found = self._collection
        return found.joined - found.voters - found.complainers - found.void_voters - self.excluded

    @property
    def _consent_may_come(self) -> bool:
        return len(self._collection.voters) + len(self._silent) >= self.rules.threshold

    def _ask_to_leave(self) -> list[Outgoing]:
        request = self._sign(VoidRequest(self._task.context))
        return self._enter(Phase.VOID, self._send(self._taking_part, "VoidRequest", request))

    def _next_attempt(self) -> list[Outgoing]:
        if self._collection.is_certified:
            return self._certify()
        certificate = self._collection.void_certificate()
        if certificate is None:
            agreed = max(self._collection.voters, self._collection.void_voters, key=len)
            silent = self._everyone - self._collection.voters - self._collection.void_voters
            raise self._quorum_error("agreed on the sum, or on leaving it", len(agreed), self.rules.threshold, silent)
        if len(self._voids) + 1 >= self.state.study.aggregation.max_attempts:
            raise SuspectError(
                f"no attempt at the {self.state.purpose} sum found {self.rules.threshold} hospitals that consent",
                hint=f"complaints name dealers {sorted(self._collection.complaints)}; see log.jsonl",
                culprit="the dealers named, or those who complain",
            )
        excluded = self._faulty_dealers()
        self.log("attempt void", {"attempt": len(self._voids), "dealers complained about": list(excluded)})
        self._voids = (*self._voids, certificate)
        self._closed.append(self._task.context)
        return self._attempt(excluded)

    def _faulty_dealers(self) -> tuple[int, ...]:
        """Dealers that more hospitals complain about than can be lying; where there is none, all complained about."""
        complaints = self._collection.complaints
        corrupt = self.state.study.thresholds.corrupt
        sure = sorted(dealer for dealer, complainers in complaints.items() if len(complainers) > corrupt)
        return tuple(sure or sorted(complaints))

    def _open(self) -> list[Outgoing]:
        releases = self._collection.releases
        if not self._collection.can_open:
            missing = self._collection.voters - releases
            error = self._quorum_error("released their shares", len(releases), self.rules.threshold, missing)
            # Whoever has not consented yet can stand in for one that is gone.
            self._packets |= {i: self._requests[i] for i in self._silent}
            self._waiting |= self._silent
            raise error
        started = self.clock()
        witness, sums, reason = self._witness()
        if sums is not None:
            try:
                following = plan.following(self.rules.scheme, self.state, sums, len(self._collection.contributors))
            except SuspectError as error:
                sums, reason = None, error.message
        if sums is None:
            self.log("sum does not open", {"round": self.state.sums_done, "reason": reason})
            following = self._after_failed(reason)
        opening = self._collection.opening(self.state.sums_done, len(self._voids), witness, following.digest())
        message = self._sign(opening)
        self._spend("open", started)
        contributors = tuple(sorted(self._collection.contributors))
        purpose, attempt = self.state.purpose or "", len(self._voids)
        facts = Opened(self.state.sums_done, attempt, purpose, contributors, int(sums is not None), reason)
        self._log.write(sumlog.OPENED, 0, wire.encode(facts))
        self.keep_opening(self.state.sums_done, message)
        self._closed.append(self._task.context)
        self.state = following
        outgoing = self._publish(facts, message)
        self._log.drop_large()
        return outgoing

    def _publish(self, opened: Opened, message: bytes) -> list[Outgoing]:
        self._opened = opened
        self._receipts = {}
        self._asked_again.clear()
        return self._enter(Phase.VERIFY, self._send(self._taking_part, "Opening", message))

    def _witness(self) -> tuple[bytes, NDArray[Any] | None, str]:
        """What the releases open, without the one that contradicts the others where that can be told."""
        try:
            return self._collection.open()
        except SuspectError as error:
            released = self._collection.releases
            self.log("releases contradict each other", {"reason": error.message, "holders": sorted(released)})
            for holder in sorted(released) if len(released) > self.rules.threshold else ():
                with suppress(SuspectError):
                    found = self._collection.open(released - {holder})
                    if found[1] is not None:
                        self.log("opened without a holder", {"hospital": holder})
                        return found
            # Any quorum's witness will do to show everybody that this sum does not open.
            return self._collection.open(frozenset(sorted(released)[: self.rules.threshold]))

    def _after_failed(self, reason: str) -> StudyState:
        try:
            return self.state.after_failed()
        except DataError as error:
            raise SuspectError(
                f"{error.message} ({reason})", hint=error.hint, culprit="a holder or a contributor"
            ) from None

    def _receipt(self, sender: int, data: bytes) -> bool:
        """Note a receipt; whether it is new and answers what the current phase waits for."""
        body = unsign(data, Receipt, study=self.rules.study, keys=self.rules.keys, sender=sender)
        if body.outcome == "breach":
            self._breach(sender, body.detail, data)
            return False
        if not body.round < self.state.sums_done + (not body.context):
            raise ProtocolError("a receipt for a sum that has not been opened")
        if body.context:
            self.keep_receipt(body.round, sender, data)
        else:
            self.log("verification failed", {"hospital": sender, "reason": body.detail})
        if self.phase is not Phase.VERIFY or body.round != self.round:
            return False
        if not body.context:
            self._waiting.discard(sender)
            return False
        is_new = sender not in self._receipts
        self._receipts[sender] = body
        self._waiting.discard(sender)
        return is_new

    def _breach(self, sender: int, reason: str, receipt: bytes) -> None:
        self.keep_breach(sender, receipt)
        self.log("breach reported", {"hospital": sender, "reason": reason})
        if self.on_breach == "stop":
            self._breaches[sender] = reason
            self._waiting.discard(sender)
        else:
            self._log.write(sumlog.EXCLUDE, sender)
            self._exclude(sender)

    def _exclude(self, hospital: int) -> None:
        self.excluded.add(hospital)
        self._waiting.discard(hospital)

    def _finish(self) -> list[Outgoing]:
        late = self._taking_part - set(self._receipts) - self._asked_again
        if late:
            # Once more for whoever could not verify; after that they catch up before the next sum.
            self._asked_again |= late
            return self._enter(Phase.VERIFY, self._send(late, "Opening", self.load_opening(self.round)))
        if len(self._receipts) < self.rules.threshold:
            missing = self._everyone - set(self._receipts)
            raise self._quorum_error("verified the opened sum", len(self._receipts), self.rules.threshold, missing)
        facts = self._opened
        report = SumReport(
            facts.round,
            facts.attempt,
            facts.purpose,
            facts.contributors,
            bool(facts.opened),
            facts.reason,
            self._receipts,
        )
        self.reports.append(report)
        return self._enter(Phase.IDLE, [])

    def last_call(self) -> list[Outgoing]:
        """The newest opening once more, for whoever has left no receipt.

        After the study's last sum no later one makes the absent catch up, and after a restart receipts may be missing.
        """
        if self.phase is not Phase.IDLE or not self.state.sums_done:
            return []
        late = self._taking_part - set(self._receipts)
        return self._send(late, "Opening", self.load_opening(self.state.sums_done - 1))

    # shared

    @property
    def _taking_part(self) -> frozenset[int]:
        return self._everyone - self.excluded

    @property
    def _holders_needed(self) -> int:
        return max(self.rules.threshold, self.rules.min_contributors)

    def _enter(self, phase: Phase, outgoing: list[Outgoing]) -> list[Outgoing]:
        """Go to a phase that waits for the answers to these packets."""
        self.phase = phase
        self._packets = self._packets | dict(outgoing) if phase is Phase.VERIFY else dict(outgoing)
        self._waiting = {hospital for hospital, _ in outgoing} - self.excluded
        return outgoing

    def _send(self, to: Any, kind: str, data: bytes) -> list[Outgoing]:
        packet = pack(kind, data)
        return [(hospital, packet) for hospital in sorted(to)]

    def _sign(self, body: Any) -> bytes:
        return sign(self.identity, self.rules.study, COORDINATOR, body)

    def _spend(self, phase: str, started: float) -> None:
        self.spent[phase] = self.spent.get(phase, 0.0) + self.clock() - started

    def _quorum_error(self, what: str, found: int, needed: int, missing: frozenset[int]) -> QuorumError:
        self._waiting = (set(missing) & set(self._packets)) - self.excluded
        gone = f"; excluded after a breach: {self._names(self.excluded)}" if self.excluded else ""
        names = self._names(missing - self.excluded) or "see log.jsonl"
        return QuorumError(
            f"{self._sum_name}: {found} hospital(s) {what}, {needed} are needed{gone}; missing: {names}",
            hint="the study waits: bring the missing hospitals back and resume",
        )

    def _declined_error(self, missing: frozenset[int]) -> DeclinedError:
        self._waiting = set(missing) - self.excluded
        declined = self._collection.declined
        reasons = "; ".join(f"{self._names({i})}: {declined[i]}" for i in sorted(declined))
        return DeclinedError(
            f"{self._sum_name}: {len(declined)} hospital(s) cannot contribute, and without them fewer than "
            f"{self.rules.min_contributors} are left ({reasons})",
            hint="each hospital's own log says more; where training diverged, lower training.learning_rate "
            "and start a new study",
        )

    @property
    def _sum_name(self) -> str:
        return f"sum {self.round} ({self._opened.purpose if self.phase is Phase.VERIFY else self.state.purpose})"

    def _names(self, hospitals: AbstractSet[int]) -> str:
        return ", ".join(self.state.study.hospitals[i - 1].name for i in sorted(hospitals))

    # the journal

    @contextmanager
    def _durable(self) -> Iterator[None]:
        """After a failed write, memory and disk differ: this object is of no more use."""
        if self._broken:
            raise StorageError(self._broken, hint="start the coordinator again: the sum goes on where it was")
        try:
            yield
        except StorageError as error:
            self._broken = error.message
            raise

    def _replay(self, record: Record) -> None:
        if record.kind == sumlog.BEGIN:
            self._voids = ()
            self._attempt(())
        elif record.kind == sumlog.PACKET:
            self._take(record.hospital, *unpack(record.data))
        elif record.kind == sumlog.STALE:
            self._collection.stale.add(record.hospital)
            self._waiting.discard(record.hospital)
        elif record.kind == sumlog.EXCLUDE:
            self._exclude(record.hospital)
        elif record.kind == sumlog.TOTAL:
            self._noted_total = record.data
        elif record.kind == sumlog.OPENED and self.phase is Phase.IDLE:
            opened = sumlog.read_opened(record)
            self._publish(opened, self.load_opening(opened.round))
        elif record.kind == sumlog.ADVANCE:
            self._replay_advance(*record.data.decode(errors="replace").split(" ", 1))

    def _replay_advance(self, before: str, after: str) -> None:
        if (before, self.phase) == (Phase.RELEASE.value, Phase.VERIFY):
            return  # the opening is on disk, and `state` follows from it
        if before != self.phase.value:
            raise self._does_not_fit(f"phase {self.phase.value} where {before} ended")
        self._advance()
        if after != self.phase.value:
            raise self._does_not_fit(f"phase {before} ended in {self.phase.value}, not {after}")

    def _does_not_fit(self, what: str) -> StorageError:
        return StorageError(
            f"the coordinator's journal does not fit what is on disk: {what}",
            hint="move the journal's folder away: the sum is then asked for from its beginning, "
            "and hospitals answer with what they sent before",
        )
