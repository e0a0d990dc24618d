"""The coordinator's node: runs the study's sums one after the other with whoever is there.

It speaks bytes only: `begin` starts the next sum, `handle` takes one hospital's packet, `expire` says that waiting is
over. Each returns the packets to send. It cannot read an update, and no hospital believes what it cannot check.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.errors import (
    CipherwardError,
    DataError,
    FaultyCoordinatorError,
    ProtocolError,
    QuorumError,
    StorageError,
    SuspectError,
)
from cipherward.learning.state import StudyState
from cipherward.nodes import plan
from cipherward.nodes.packets import pack, unpack
from cipherward.protocol.coordinator import Collection, SetAside
from cipherward.protocol.messages import (
    Announce,
    Behind,
    Receipt,
    VoidCertificate,
    VoidRequest,
    sign,
    unsign,
)
from cipherward.protocol.party import Member, Rules
from cipherward.store.journal import Journal

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
        self._waiting: set[int] = set()
        self._caught_up: set[int] = set()
        self._asked_again: set[int] = set()
        self._receipts: dict[int, Receipt] = {}
        self._breaches: dict[int, str] = {}

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
        raise NotImplementedError

    def recover(self) -> list[Outgoing]:
        """After a restart: take the journal's sum up where it was, and give what is still to be answered.

        Called once, on a fresh hub whose `state` follows from the openings on disk. The same attempt goes on with the
        same list of joins and the same manifest. Nothing to recover: [], and the phase is IDLE; `reports` then holds the
        last sum's report if it had just finished.

        Raises:
            StorageError: the journal is damaged, or is not of this study or state; its hint says the way out.
        """
        raise NotImplementedError

    def outstanding(self, hospital: int = 0) -> list[Outgoing]:
        """The current phase's packets once more, for whoever has not answered (or for one hospital, if it has not)."""
        raise NotImplementedError

    def begin(self) -> list[Outgoing]:
        """Start the next sum."""
        if self.phase is not Phase.IDLE or self.state.purpose is None:
            raise ProtocolError(f"cannot begin a sum: the coordinator is in phase {self.phase.value}")
        self._voids: tuple[VoidCertificate, ...] = ()
        return self._attempt(())

    def handle(self, sender: int, packet: bytes) -> list[Outgoing]:
        """Take one hospital's packet. What cannot be used is set aside with the reason, and nothing else happens.

        Raises:
            StorageError: the coordinator's disk failed.
        """
        kind = "?"
        try:
            kind, data = unpack(packet)
            return self._take(sender, kind, data)
        except StorageError:
            raise  # this machine's disk, not what the hospital sent
        except CipherwardError as error:
            reason = SetAside(sender, kind, error.message)
            self.set_aside.append(reason)
            self.log("set aside", {"hospital": sender, "kind": kind, "reason": error.message})
            return []

    def expire(self) -> list[Outgoing]:
        """Waiting is over: go on with whoever is there.

        Raises:
            QuorumError: too few are there; the study waits for people.
            SuspectError: the sum cannot be opened and cannot be asked again.
            FaultyCoordinatorError: a hospital reported a breach.
        """
        missing = sorted(self._waiting)
        if missing:
            self.log("deadline", {"phase": self.phase.value, "missing": missing})
        self._waiting.clear()
        return self._advance(final=True)

    # messages

    def _take(self, sender: int, kind: str, data: bytes) -> list[Outgoing]:
        if sender not in self._everyone:
            raise ProtocolError("not on the roster")
        if kind == "Behind":
            return self._catch_up(
                sender, unsign(data, Behind, study=self.rules.study, keys=self.rules.keys, sender=sender)
            )
        if kind == "Receipt":
            if not self._receipt(sender, data):
                return []
        elif kind == "Join" and self.phase is Phase.JOIN:
            self._collection.add_join(sender, data)
        elif kind == "Update" and self.phase is Phase.DEAL:
            started = self.clock()
            self._collection.add_update(sender, data)
            self._spend("add", started)
        elif kind == "Vote" and self.phase in (Phase.DEAL, Phase.CONSENT, Phase.VOID):
            self._collection.add_vote(sender, data)
        elif kind == "Complaint" and self.phase is Phase.CONSENT:
            self._collection.add_complaint(sender, data)
        elif kind == "Release" and self.phase is Phase.RELEASE:
            self._collection.add_release(sender, data)
        else:
            raise ProtocolError(f"a {kind} message has no place in phase {self.phase.value!r}")
        self._waiting.discard(sender)
        return []

    def advance(self) -> list[Outgoing]:
        """Go on if everyone has answered. Engines call it after `handle`.

        Raises:
            as `expire`.
        """
        return [] if self._waiting else self._advance(final=False)

    def _advance(self, *, final: bool) -> list[Outgoing]:
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
        return step() if step else []

    # phases

    def _attempt(self, excluded: tuple[int, ...]) -> list[Outgoing]:
        attempt = len(self._voids)
        self._task = plan.task_of(self.rules, self.state, attempt)
        self._collection = Collection(self._me, self._task, plan.base_of(self.state), self.payloads(), excluded)
        self._caught_up.clear()
        asked = self._everyone - set(excluded)
        self._enter(Phase.JOIN, asked)
        return self._send(asked, "Announce", self._sign(self._announce()))

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
        needed = max(self.rules.threshold, self.rules.min_contributors)
        if len(joined) < needed:
            raise self._quorum_error("joined the sum", len(joined), needed, self._everyone - joined)
        message = self._sign(self._collection.close_joins())
        self._enter(Phase.DEAL, joined)
        return self._send(joined, "Joined", message)

    def _close_sum(self) -> list[Outgoing]:
        contributors = self._collection.contributors
        if len(contributors) < self.rules.min_contributors:
            if self._collection.void_voters or self._collection.stale:
                # An earlier coordinator process left this attempt, or dealt it to another list of holders.
                return self._ask_to_leave()
            missing = self._collection.joined - contributors
            raise self._quorum_error("sent a usable update", len(contributors), self.rules.min_contributors, missing)
        requests = self._collection.close()
        self._enter(Phase.CONSENT, frozenset(requests))
        return [(holder, pack("ConsentRequest", wire.encode(request))) for holder, request in requests.items()]

    def _certify(self) -> list[Outgoing]:
        if self._collection.is_certified:
            certificate = wire.encode(self._collection.certificate())
            self._enter(Phase.RELEASE, self._collection.voters)
            return self._send(self._collection.voters, "Certificate", certificate)
        voters = self._collection.voters
        silent = self._collection.joined - voters - self._collection.complainers - self._collection.void_voters
        if len(voters) + len(silent) >= self.rules.threshold:
            # Their consent may still come. A void vote would rule it out for ever.
            raise self._quorum_error("consented to the sum", len(voters), self.rules.threshold, silent)
        return self._ask_to_leave()

    def _ask_to_leave(self) -> list[Outgoing]:
        self._enter(Phase.VOID, self._everyone)
        return self._send(self._everyone, "VoidRequest", self._sign(VoidRequest(self._task.context)))

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
            raise self._quorum_error("released their shares", len(releases), self.rules.threshold, missing)
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
        self.keep_opening(self.state.sums_done, message)
        self._closing = (self.state.purpose or "", sums is not None, reason)
        self.state = following
        self._receipts = {}
        self._asked_again.clear()
        self._enter(Phase.VERIFY, self._everyone)
        return self._send(self._everyone, "Opening", message)

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
        """Note a receipt; whether it answers what the current phase waits for."""
        body = unsign(data, Receipt, study=self.rules.study, keys=self.rules.keys, sender=sender)
        if body.outcome == "breach":
            self._breaches[sender] = body.detail
            return True
        if not body.round < self.state.sums_done + (not body.context):
            raise ProtocolError("a receipt for a sum that has not been opened")
        if body.context:
            self.keep_receipt(body.round, sender, data)
        else:
            self.log("verification failed", {"hospital": sender, "reason": body.detail})
        is_current = self.phase is Phase.VERIFY and body.round == self.state.sums_done - 1
        if is_current and body.context:
            self._receipts[sender] = body
        return is_current

    def _finish(self) -> list[Outgoing]:
        late = self._everyone - set(self._receipts) - self._asked_again
        if late:
            # Once more for whoever could not verify; after that they catch up before the next sum.
            self._asked_again |= late
            self._waiting |= late
            return self._send(late, "Opening", self.load_opening(self.state.sums_done - 1))
        if len(self._receipts) < self.rules.threshold:
            raise self._quorum_error(
                "verified the opened sum",
                len(self._receipts),
                self.rules.threshold,
                self._everyone - set(self._receipts),
            )
        purpose, opened, reason = self._closing
        contributors = tuple(sorted(self._collection.contributors))
        self.reports.append(
            SumReport(self.state.sums_done - 1, len(self._voids), purpose, contributors, opened, reason, self._receipts)
        )
        self._enter(Phase.IDLE, frozenset())
        return []

    def last_call(self) -> list[Outgoing]:
        """The newest opening once more, for whoever has left no receipt.

        After the study's last sum no later one makes the absent catch up, and after a restart receipts may be missing.
        """
        if self.phase is not Phase.IDLE or not self.state.sums_done:
            return []
        late = self._everyone - set(self._receipts)
        return self._send(late, "Opening", self.load_opening(self.state.sums_done - 1))

    # shared

    def _enter(self, phase: Phase, waiting: frozenset[int]) -> None:
        self.phase = phase
        self._waiting = set(waiting)

    def _send(self, to: Any, kind: str, data: bytes) -> list[Outgoing]:
        packet = pack(kind, data)
        return [(hospital, packet) for hospital in sorted(to)]

    def _sign(self, body: Any) -> bytes:
        return sign(self.identity, self.rules.study, COORDINATOR, body)

    def _spend(self, phase: str, started: float) -> None:
        self.spent[phase] = self.spent.get(phase, 0.0) + self.clock() - started

    def _quorum_error(self, what: str, found: int, needed: int, missing: frozenset[int]) -> QuorumError:
        names = ", ".join(self.state.study.hospitals[i - 1].name for i in sorted(missing)) or "see log.jsonl"
        return QuorumError(
            f"sum {self.state.sums_done} ({self.state.purpose}): {found} hospital(s) {what}, {needed} are needed; missing: {names}",
            hint="the study waits: bring the missing hospitals back and resume",
        )
