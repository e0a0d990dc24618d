"""A hospital's node: approves the study, answers the coordinator's messages, never sends what its rules forbid.

It speaks bytes only. Whatever it says about a sum is in its ledger before it is returned, and asked again it returns
the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.errors import (
    AlreadyReleasedError,
    BudgetExceededError,
    CipherwardError,
    DataError,
    FaultyCoordinatorError,
    ProtocolError,
    RefusedError,
    StudyError,
    SuspectError,
    UnfitUpdateError,
    WireError,
)
from cipherward.learning.local import LocalWork
from cipherward.learning.state import StudyState
from cipherward.nodes import plan
from cipherward.nodes.packets import pack, unpack
from cipherward.nodes.policy import Policy
from cipherward.privacy import ledger as privacy_ledger
from cipherward.privacy import plan as privacy_plan
from cipherward.protocol import hospital
from cipherward.protocol.hospital import Consent, Dealt
from cipherward.protocol.messages import (
    CONSENT,
    Announce,
    Behind,
    Certificate,
    Complaint,
    ConsentRequest,
    Declined,
    Header,
    Joined,
    Manifest,
    Notice,
    Opening,
    Receipt,
    Update,
    VoidRequest,
    sign,
    unsign,
)
from cipherward.protocol.party import Member, Rules, check_void, signed_vote
from cipherward.store.ledger import Ledger, SumRecord

PRESERVED, UNPROTECTED, BREACH, FAILED = "preserved", "unprotected", "breach", "failed"

_PHRASES = {
    PRESERVED: "Privacy Preserved for Client {}",
    UNPROTECTED: "Model verified for Client {} (scheme plain: nothing was protected)",
    BREACH: "Privacy Breach Detected for Client {}",
    FAILED: "Verification failed for Client {}",
}

_MAX_NOTICES = 100
_MAX_OUTCOMES = 1_000

Log = Callable[[str, dict[str, object]], None]


@dataclass(frozen=True)
class Outcome:
    """What a hospital found out about one sum. `phrase` is the line that it prints."""

    round: int
    outcome: str
    client: int
    detail: str

    @property
    def phrase(self) -> str:
        return _PHRASES[self.outcome].format(self.client)


@dataclass
class Site:
    """One hospital. `handle` takes a packet from the coordinator and returns the packets that answer it.

    `notices` holds the newest things that the coordinator said about this hospital's own messages.
    """

    rules: Rules
    index: int
    identity: Identity = field(repr=False)
    state: StudyState
    work: LocalWork
    ledger: Ledger
    policy: Policy
    log: Log
    clock: Callable[[], float]
    spent: dict[str, float] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    stopped: bool = False
    _given: dict[bytes, Consent] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.state.study.digest() != self.rules.study:
            raise StudyError("the study document is not the one whose digest was approved")
        self.policy.check(self.state.study)
        privacy_plan.check_hospital(self.state.study, len(self.state.weights))
        name = self.state.study.hospitals[self.index - 1].name
        limit = self.policy.max_epsilon
        self.budget = privacy_ledger.budget_of(self.state.study, self.ledger, f"hospital {name!r}", limit)
        self._me = Member(self.rules, self.index, self.identity)
        self._breach_fact = f"breach in study {self.rules.study.hex()}"
        self.stopped = self.ledger.fact(self._breach_fact) is not None

    def handle(self, packet: bytes) -> list[bytes]:
        """Answer one packet.

        What is malformed, forged, stale or forbidden is logged with the reason and answered with nothing.

        Raises:
            StorageError: the ledger cannot be written; nothing was sent.
            BudgetExceededError: the privacy budget does not allow this contribution; nothing was sent.
        """
        if self.stopped:
            return []
        kind = "?"
        try:
            kind, data = unpack(packet)
            return self._answer(kind, data)
        except BudgetExceededError as error:
            self.stopped = True
            self.log("privacy budget spent", {"reason": error.message})
            raise
        except FaultyCoordinatorError as error:
            return self._breach(error)
        except SuspectError as error:
            return self._failed(error)
        except (ProtocolError, WireError, RefusedError, DataError) as error:
            self.log("refused", {"kind": kind, "reason": error.message})
            return self._failed(error) if kind == "Opening" else []

    def _answer(self, kind: str, data: bytes) -> list[bytes]:
        if kind == "Announce":
            return self._announce(self._from_coordinator(data, Announce))
        if kind == "Joined":
            return self._joined(self._from_coordinator(data, Joined))
        if kind == "ConsentRequest":
            return self._consent(wire.decode(ConsentRequest, data))
        if kind == "Certificate":
            return self._certificate(wire.decode(Certificate, data))
        if kind == "VoidRequest":
            return self._void(self._from_coordinator(data, VoidRequest))
        if kind == "Opening":
            return self._opening(self._from_coordinator(data, Opening))
        if kind == "Notice":
            return self._notice(self._from_coordinator(data, Notice))
        raise ProtocolError(f"a hospital does not take {kind} messages")

    # join

    def _announce(self, body: Announce) -> list[bytes]:
        if body.round > self.state.sums_done:
            return [self._packet(Behind(self.state.sums_done))]
        if body.round < self.state.sums_done or self.state.purpose is None:
            raise RefusedError("that sum is behind us")
        if not body.attempt < self.state.study.aggregation.max_attempts:
            raise RefusedError("more attempts than the study allows")
        task = plan.task_of(self.rules, self.state, body.attempt)
        if body.context != task.context:
            raise ProtocolError("the announced sum is not the one that follows from the approved study and my model")
        known = self.ledger.sum(task.context)
        if known is not None:
            if not known.joined:
                raise RefusedError("I have voted to leave this attempt")
            return [pack("Join", known.joined)]
        query = plan.query_of(self.state).digest()
        self._check_earlier_attempts(body)
        if self.ledger.exposed(query):
            raise AlreadyReleasedError("I have contributed to this query before; a second sum could single me out")
        started = self.clock()
        private, message = hospital.join(self._me, task, os.urandom(96))
        self.ledger.begin(task.context, self.rules.study, query, body.round, body.attempt, private, message)
        self._spend("encrypt", started)
        return [pack("Join", message)]

    def _check_earlier_attempts(self, body: Announce) -> None:
        if len(body.voids) != body.attempt:
            raise RefusedError("a new attempt needs a void certificate for each earlier one")
        for attempt, certificate in enumerate(body.voids):
            context = plan.task_of(self.rules, self.state, attempt).context
            known = self.ledger.sum(context)
            if known is None or known.is_void:
                continue
            if known.header or known.manifest:
                check_void(self.rules, context, certificate.votes)
            # Where I have said nothing that counts, my own word is enough: no more of that attempt, and its key goes.
            self.ledger.mark_void(context)

    # deal

    def _joined(self, body: Joined) -> list[bytes]:
        task, record = self._current(body.context)
        if record.vote and not record.manifest:
            return [pack("Vote", record.vote)]
        if record.update:
            return [pack("Update", record.update)]
        if record.is_void or record.vote or not record.joined:
            raise RefusedError("this attempt is over")
        if self.ledger.exposed(record.query):
            raise AlreadyReleasedError("I have contributed to this query in another attempt or study")
        hospital.holders_of(self.rules, task, body)
        try:
            vector = self._contribution(record.query)
        except DataError as error:
            return self._decline(task, error)
        started = self.clock()
        randomness = os.urandom(32) + self.ledger.device_key
        dealt = hospital.deal(self._me, task, body, vector, randomness, record.private_key)
        self.ledger.record_update(task.context, dealt.header, dealt.update)
        self._spend("encrypt", started)
        return [pack("Update", dealt.update)]

    def _decline(self, task: SumTask, error: DataError) -> list[bytes]:
        """Nothing is sent. The coordinator gets a code and need not wait; the reason stays here."""
        reason = error.reason if isinstance(error, UnfitUpdateError) else "unusable data"
        self.log("declined", {"sum": self.state.sums_done, "code": reason, "reason": error.message, "hint": error.hint})
        return [self._packet(Declined(task.context, reason))]

    def _contribution(self, query: bytes) -> NDArray[Any]:
        """The vector to protect. With a privacy budget it is charged, and kept, before anything can be sent."""
        scheme, state = self.rules.scheme, self.state
        if self.budget is None:
            return plan.vector_of(scheme, state, self.work.values(state))
        kept = self.budget.kept(query)
        if kept is not None:
            return plan.from_stored(scheme, state, kept)
        event = self.work.event(state)
        if event is not None:
            self.budget.check(event)  # before time is spent on training
        vector = plan.vector_of(scheme, state, self.work.values(state))
        purpose = state.purpose or ""
        self.budget.charge(query, state.sums_done, purpose, event, plan.stored(scheme, vector))
        facts: dict[str, object] = {"sum": state.sums_done, "what": purpose, "unit": self.budget.privacy.unit}
        if event is not None:
            spent = {"noise_multiplier": event.noise_multiplier, "steps": event.steps, "spent": self.budget.spent}
            facts |= {**spent, "epsilon": self.budget.privacy.epsilon, "delta": self.budget.privacy.delta}
        self.log("privacy charge" if event else "exact release, not covered by privacy", facts)
        return vector

    # consent, void

    def _consent(self, request: ConsentRequest) -> list[bytes]:
        started = self.clock()
        manifest = unsign(request.manifest, Manifest, study=self.rules.study, keys=self.rules.keys, sender=COORDINATOR)
        task, record = self._current(manifest.context)
        manifest_digest = digest("manifest", wire.encode(manifest))
        if record.is_void:
            raise RefusedError("this attempt is void")
        if record.vote and not record.manifest:
            return [pack("Vote", record.vote)]
        if record.vote and record.manifest != manifest_digest:
            raise RefusedError("I have voted on this sum, and not for this manifest")
        if record.release:
            return [pack("Vote", record.vote)]
        own = self._own(record)
        answer = hospital.consent(self._me, task, request, private_key=record.private_key, own=own)
        if isinstance(answer, Complaint):
            self.log("complaint", {"dealer": answer.dealer, "reason": answer.reason})
            return [self._packet(answer)]
        vote = sign(self.identity, self.rules.study, self.index, answer.vote)
        self.ledger.record_vote(task.context, vote, manifest_digest, wire.encode(request))
        self._given[task.context] = answer
        self._spend("consent", started)
        return [pack("Vote", vote)]

    def _void(self, body: VoidRequest) -> list[bytes]:
        if self.state.purpose is None:
            raise RefusedError("the study is finished")
        for attempt in range(self.state.study.aggregation.max_attempts):
            task = plan.task_of(self.rules, self.state, attempt)
            if task.context == body.context:
                break
        else:
            raise ProtocolError("asked to void a sum that does not follow from the approved study and my model")
        record = self.ledger.sum(task.context)
        if record is None:
            query = plan.query_of(self.state).digest()
            self.ledger.begin(task.context, self.rules.study, query, self.state.sums_done, attempt, b"", b"")
        elif record.vote:
            return [pack("Vote", record.vote)]
        vote = sign(self.identity, self.rules.study, self.index, hospital.void(task))
        self.ledger.record_vote(task.context, vote, b"")
        return [pack("Vote", vote)]

    # release

    def _certificate(self, certificate: Certificate) -> list[bytes]:
        started = self.clock()
        if not certificate.votes:
            raise WireError("an empty certificate")
        _, vote = signed_vote(self.rules, certificate.votes[0])
        task, record = self._current(vote.context)
        if record.release:
            return [pack("Release", record.release)]
        given = self._given.get(task.context) or self._recalled(task, record)
        if given is None or given.vote.choice != CONSENT:
            raise RefusedError("no consent of mine to release for")
        message = hospital.release(self._me, task, certificate, given, record.private_key)
        self.ledger.record_release(task.context, message)
        self._given.pop(task.context, None)
        self._spend("release", started)
        return [pack("Release", message)]

    def _recalled(self, task: SumTask, record: SumRecord) -> Consent | None:
        """The consent in the ledger, worked out again after a restart from the request that it answered."""
        if not record.request or not record.manifest or record.is_void:
            return None
        request = wire.decode(ConsentRequest, record.request)
        answer = hospital.consent(self._me, task, request, private_key=record.private_key, own=self._own(record))
        return answer if isinstance(answer, Consent) and answer.vote.manifest == record.manifest else None

    # verify

    def _opening(self, body: Opening) -> list[bytes]:
        if body.round > self.state.sums_done:
            return [self._packet(Behind(self.state.sums_done))]
        if receipt := self.ledger.receipt(self.rules.study, body.round):
            return [pack("Receipt", receipt)]
        if body.round < self.state.sums_done or self.state.purpose is None:
            raise RefusedError("that sum is behind us")
        started = self.clock()
        task = plan.task_of(self.rules, self.state, body.attempt)
        record = self.ledger.sum(task.context)
        consented = record.manifest if record and record.manifest else None
        try:
            verified = hospital.verify(
                self._me, task, body, own_header=(record.header or None) if record else None, consented=consented
            )
            following = plan.following(self.rules.scheme, self.state, verified.sums, len(verified.contributors))
        except SuspectError as error:
            return self._does_not_open(body, task, error)
        if following.digest() != body.next_model:
            raise FaultyCoordinatorError(
                "the announced model is not the one that follows from the certified sum", culprit="coordinator"
            )
        detail = "; ".join((*verified.checks, "next model recomputed, digest matches"))
        if verified.assumed:
            detail += "; assumed: " + "; ".join(verified.assumed)
        detail += f"; at most {self.state.study.thresholds.corrupt} corrupt hospital(s) assumed"
        self.state = following
        outcome = UNPROTECTED if self.rules.scheme.name == "plain" else PRESERVED
        answer = self._receipt(body.round, task.context, verified.manifest_digest, outcome, detail, body.next_model)
        self._spend("verify", started)
        return answer

    def _does_not_open(self, body: Opening, task: SumTask, error: SuspectError) -> list[bytes]:
        if self.state.purpose != "train" or body.next_model != self.state.after_failed().digest():
            raise error
        self.state = self.state.after_failed()
        self.log("round void", {"round": body.round, "reason": error.message})
        return self._receipt(body.round, task.context, b"", FAILED, error.message, body.next_model)

    # outcomes

    def _notice(self, body: Notice) -> list[bytes]:
        self.log("notice", {"sum": body.round, "code": body.code, "reason": body.reason})
        self.notices = [*self.notices, body][-_MAX_NOTICES:]
        return []

    def _breach(self, error: CipherwardError) -> list[bytes]:
        self.stopped = True
        self.ledger.record_fact(self._breach_fact, error.message.encode())
        self.log("breach", {"reason": error.message})
        return self._outcome(BREACH, error.message)

    def _failed(self, error: CipherwardError) -> list[bytes]:
        self.log("verification failed", {"reason": error.message})
        return self._outcome(FAILED, error.message)

    def _outcome(self, outcome: str, detail: str) -> list[bytes]:
        self._note(Outcome(self.state.sums_done, outcome, self.index, detail))
        return [self._packet(Receipt(b"", self.state.sums_done, b"", outcome, detail, b""))]

    def _receipt(
        self, round: int, context: bytes, manifest: bytes, outcome: str, detail: str, next_model: bytes
    ) -> list[bytes]:
        body = Receipt(context, round, manifest, outcome, detail, next_model)
        message = sign(self.identity, self.rules.study, self.index, body)
        self.ledger.record_receipt(context, self.rules.study, round, message)
        self._given.clear()
        self._note(Outcome(round, outcome, self.index, detail))
        return [pack("Receipt", message)]

    def _note(self, outcome: Outcome) -> None:
        self.outcomes = [*self.outcomes, outcome][-_MAX_OUTCOMES:]

    # shared

    def _current(self, context: bytes) -> tuple[SumTask, SumRecord]:
        """The task and record of one of the attempts of the sum that is next here."""
        record = self.ledger.sum(context)
        if record is None or record.round != self.state.sums_done or self.state.purpose is None:
            raise RefusedError("not about a sum that I take part in")
        task = plan.task_of(self.rules, self.state, record.attempt)
        if task.context != context:
            raise ProtocolError("the sum does not follow from the approved study and my model")
        return task, record

    def _own(self, record: SumRecord) -> Dealt | None:
        if not record.update:
            return None
        update = wire.decode(Update, record.update)
        header = unsign(record.header, Header, study=self.rules.study, keys=self.rules.keys, sender=self.index)
        if payload_digest(update.payload) != header.payload:
            raise ProtocolError("my own stored update does not match its header")
        return Dealt(record.header, update.payload, record.update)

    def _from_coordinator(self, data: bytes, kind: type[Any]) -> Any:
        return unsign(data, kind, study=self.rules.study, keys=self.rules.keys, sender=COORDINATOR)

    def _packet(self, body: Any) -> bytes:
        return pack(type(body).__name__, sign(self.identity, self.rules.study, self.index, body))

    def _spend(self, phase: str, started: float) -> None:
        self.spent[phase] = self.spent.get(phase, 0.0) + self.clock() - started
