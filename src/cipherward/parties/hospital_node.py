"""A hospital's node: approves the study, answers the coordinator's messages, never sends what its rules forbid.

It speaks bytes only. Whatever it says about a sum is in its ledger before it is returned, and asked again it returns
the same bytes.
"""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.scheme import SumTask
from cipherward.errors import (
    AlreadyReleasedError,
    BudgetExceededError,
    CipherwardError,
    DataError,
    FaultyCoordinatorError,
    ProtocolError,
    RefusedError,
    SuspectError,
    UnfitUpdateError,
    WireError,
)
from cipherward.parties import asking, culprits
from cipherward.parties.hospital_state import BREACH, FAILED, PRESERVED, UNPROTECTED, HospitalState, Log, Outcome
from cipherward.parties.judging import agrees, judge
from cipherward.store.ledger import SumRecord
from cipherward.sums import asked_before, hospital_steps
from cipherward.sums.hospital_steps import Consent
from cipherward.sums.messages import (
    CONSENT,
    Announce,
    Behind,
    Certificate,
    Complaint,
    ConsentRequest,
    Declined,
    Join,
    Joined,
    Manifest,
    Notice,
    Opening,
    VoidRequest,
    sign,
    unsign,
)
from cipherward.sums.packets import pack, unpack
from cipherward.sums.votes import check_void, signed_vote

__all__ = ["BREACH", "FAILED", "PRESERVED", "UNPROTECTED", "HospitalNode", "Log", "Outcome"]

_MAX_NOTICES = 100

ASKED_BEFORE = "asked before, of other hospitals"
"""What the coordinator is told; the rest stays in this hospital's log."""


class HospitalNode(HospitalState):
    """One hospital. `handle` takes a packet from the coordinator and returns the packets that answer it.

    `HospitalState` says what it is made of.
    """

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
            self.log("refused", {"kind": kind, "reason": error.logged})
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
        if not body.attempt < asking.MAX_ATTEMPTS:
            raise RefusedError("more attempts at one sum than any hospital takes part in")
        task = asking.task_of(self.rules, self.state, body.attempt)
        if body.context != task.context:
            raise ProtocolError("the announced sum is not the one that follows from the approved study and my model")
        known = self.ledger.sum(task.context)
        if known is not None:
            if not known.joined:
                raise RefusedError("I have voted to leave this attempt")
            return [pack("Join", known.joined)]
        query = self._query()
        self._check_earlier_attempts(body)
        try:
            only = self._earlier(query)
        except AlreadyReleasedError as error:
            self.log("declined", {"sum": body.round, "code": ASKED_BEFORE, "reason": error.message, "hint": error.hint})
            return [self._packet(Declined(task.context, ASKED_BEFORE))]
        started = self.clock()
        private, message = hospital_steps.join(self._me, task, os.urandom(96), only)
        self.ledger.begin(task.context, self.rules.study, query, body.round, body.attempt, private, message)
        self._spend("encrypt", started)
        return [pack("Join", message)]

    def _check_earlier_attempts(self, body: Announce) -> None:
        if len(body.voids) != body.attempt:
            raise RefusedError("a new attempt needs a void certificate for each earlier one")
        contexts = asking.contexts_of(self.rules, self.state, body.attempt)
        for context, certificate in zip(contexts, body.voids, strict=True):
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
        if not task.admits(self.index):
            raise RefusedError("this sum is for contributions of others; I help to open it")
        try:
            only = self._earlier(record.query)
        except AlreadyReleasedError as error:
            if self._dealt_here(record.query):
                raise
            return self._leave(task, error.message)
        if only != unsign(record.joined, Join, study=self.rules.study, keys=self.rules.keys, sender=self.index).only:
            return self._leave(task, "since I joined, I have answered this question in another study")
        hospital_steps.holders_of(self.rules, task, body)
        try:
            vector = self._contribution(record.query)
        except DataError as error:
            return self._decline(task, error)
        started = self.clock()
        randomness = os.urandom(32) + self.ledger.device_key
        dealt = hospital_steps.deal(self._me, task, body, vector, randomness, record.private_key, only)
        self.ledger.record_update(task.context, dealt.header, dealt.update)
        self._spend("encrypt", started)
        return [pack("Update", dealt.update)]

    def _earlier(self, query: bytes) -> tuple[int, ...]:
        """The hospitals with which I answered this query before, by their numbers in this study; () if I did not.

        Raises:
            AlreadyReleasedError: they cannot answer it again together here.
        """
        sets = [self.ledger.contributors(record.context) for record in self.ledger.exposed(query)]
        if not sets:
            return ()
        if not all(sets):
            raise AlreadyReleasedError(
                "I have contributed to this question before, in a sum that I did not see opened", hint=asked_before.HINT
            )
        numbers = {self.rules.keys[i]: i for i in range(1, self.rules.n_hospitals + 1)}
        if len(set(sets)) > 1 or not all(key in numbers for key in sets[0]):
            raise AlreadyReleasedError(
                "I have contributed to this question before, in a sum of hospitals that are not all in this study",
                hint=asked_before.HINT,
            )
        return tuple(sorted(numbers[key] for key in sets[0]))

    def _dealt_here(self, query: bytes) -> bool:
        """Whether one of the contributions to this query is to another attempt at the present sum."""
        contexts = asking.contexts_of(self.rules, self.state, asking.MAX_ATTEMPTS)
        return any(record.context in contexts for record in self.ledger.exposed(query))

    def _leave(self, task: SumTask, reason: str) -> list[bytes]:
        """Vote against this attempt: in the next one I can say with whom I have answered the question meanwhile."""
        self.log("attempt left", {"sum": self.state.sums_done, "reason": reason})
        vote = sign(self.identity, self.rules.study, self.index, hospital_steps.void(task))
        self.ledger.record_vote(task.context, vote, b"")
        return [pack("Vote", vote)]

    def _decline(self, task: SumTask, error: DataError) -> list[bytes]:
        """Nothing is sent. The coordinator gets a code and need not wait; the reason stays here."""
        reason = error.reason if isinstance(error, UnfitUpdateError) else "unusable data"
        self.log("declined", {"sum": self.state.sums_done, "code": reason, "reason": error.logged, "hint": error.hint})
        return [self._packet(Declined(task.context, reason))]

    def _contribution(self, query: bytes) -> NDArray[Any]:
        """The vector to protect; another attempt at the sum needs no other. With a privacy budget it is charged, and kept, before anything can be sent."""
        scheme, state = self.rules.scheme, self.state
        if self.budget is None:
            if self._worked is None or self._worked[0] != query:
                self._worked = query, asking.vector_of(scheme, state, self.work.values(state))
            return self._worked[1]
        kept = self.budget.kept(query)
        if kept is not None:
            return asking.from_stored(scheme, state, kept)
        event = self.work.event(state)
        if event is not None:
            self.budget.check(event)  # before time is spent on training
        vector = asking.vector_of(scheme, state, self.work.values(state))
        purpose = state.purpose or ""
        self.budget.charge(query, state.sums_done, purpose, event, asking.stored(scheme, vector))
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
        answer = hospital_steps.consent(self._me, task, request, private_key=record.private_key, own=own)
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
        attempt = asking.attempt_of(self.rules, self.state, body.context)
        if attempt is None:
            raise ProtocolError("asked to void a sum that does not follow from the approved study and my model")
        task = asking.task_of(self.rules, self.state, attempt)
        record = self.ledger.sum(task.context)
        if record is None:
            self.ledger.begin(task.context, self.rules.study, self._query(), self.state.sums_done, attempt, b"", b"")
        elif record.vote:
            return [pack("Vote", record.vote)]
        vote = sign(self.identity, self.rules.study, self.index, hospital_steps.void(task))
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
        message = hospital_steps.release(self._me, task, certificate, given, record.private_key)
        self.ledger.record_release(task.context, message)
        self._given.pop(task.context, None)
        self._spend("release", started)
        return [pack("Release", message)]

    def _recalled(self, task: SumTask, record: SumRecord) -> Consent | None:
        """The consent in the ledger, worked out again after a restart from the request that it answered."""
        if not record.request or not record.manifest or record.is_void:
            return None
        request = wire.decode(ConsentRequest, record.request)
        answer = hospital_steps.consent(self._me, task, request, private_key=record.private_key, own=self._own(record))
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
        task = asking.task_of(self.rules, self.state, body.attempt)
        record = self.ledger.sum(task.context)
        consented = record.manifest if record and record.manifest else None
        own_header = (record.header or None) if record else None
        judgement = judge(self._me, task, self.state, body, own_header=own_header, consented=consented)
        if not agrees(judgement, body):
            raise FaultyCoordinatorError(
                "the announced model is not the one that follows from the certified sum", culprit="coordinator"
            )
        verified = judgement.verified
        if verified is None:
            answer = self._receipt(body.round, task.context, b"", FAILED, judgement.reason, body.next_model)
            self.state = judgement.following
            self.log("round void", {"round": body.round, "reason": judgement.reason} | culprits.facts(self.state))
            return answer
        detail = "; ".join((*verified.checks, "next model recomputed, digest matches"))
        if verified.assumed:
            detail += "; assumed: " + "; ".join(verified.assumed)
        detail += f"; at most {self.state.study.thresholds.corrupt} corrupt hospital(s) assumed"
        outcome = UNPROTECTED if self.rules.scheme.name == "plain" else PRESERVED
        together = verified.contributors if self.index in verified.contributors else ()
        keys = tuple(self.rules.keys[i] for i in together)
        answer = self._receipt(
            body.round, task.context, verified.manifest_digest, outcome, detail, body.next_model, keys
        )
        self.state = judgement.following
        self._spend("verify", started)
        return answer

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
