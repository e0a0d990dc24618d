"""A hospital's node: approves the study, answers the coordinator's messages, never sends what its rules forbid.

It speaks bytes only. Whatever it says about a sum is in its ledger before it is returned, and asked again it returns
the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import SumTask
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.standing import Agreement
from cipherward.errors import (
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
from cipherward.parties import asking, attempts, culprits, days
from cipherward.parties.answers import Answers
from cipherward.parties.ballot import Ballot, manifest_of
from cipherward.parties.contribution import Log, contributions_of
from cipherward.parties.entering import enter
from cipherward.parties.judging import Judged, Judgement, agrees, checked, judge
from cipherward.parties.outcomes import BOUND, BREACH, FAILED, Outcome, breach_fact, of_verified, reasons
from cipherward.parties.policy import Policy
from cipherward.parties.remembered import remembers
from cipherward.privacy import noise as privacy_plan
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums import hospital_steps
from cipherward.sums.evidence import Challenge, ShowRequest
from cipherward.sums.hospital_steps import Verified
from cipherward.sums.messages import (
    Announce,
    Behind,
    Certificate,
    ConsentRequest,
    Declined,
    Joined,
    Notice,
    Opening,
    Receipt,
    VoidRequest,
    sign,
    unsign,
)
from cipherward.sums.packets import pack, unpack
from cipherward.sums.votes import Member, Rules, signed_vote
from cipherward.tasks import noise
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

__all__ = ["HospitalNode", "Log"]

_MOST_KEPT = 100


@dataclass
class HospitalNode:
    """One hospital, from its ledger and the state that its receipts lead to.

    `handle` takes a packet from the coordinator and returns the packets that answer it. `notices` holds the newest
    things that the coordinator said about this hospital's own messages. `answer`: what people here said to the question of
    rule 3, may this hospital be singled out by what is opened? `rounding_key`: as in `Contributions`; b"" for one that
    follows from the ledger's device key; a simulation, whose results repeat, gives its own. `judged`: shared by the parties of a simulation.
    """

    rules: Rules
    index: int
    identity: Identity = field(repr=False)
    state: StudyState
    work: HospitalWork
    ledger: Ledger
    policy: Policy
    log: Log
    clock: Callable[[], float]
    spent: dict[str, float] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    stopped: bool = False
    answer: Agreement = Agreement.NO
    rounding_key: bytes = field(default=b"", repr=False)
    judged: Judged | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.state.study.digest() != self.rules.study:
            raise StudyError("the study document is not the one whose digest was approved")
        self.policy.check(self.state.study)
        privacy_plan.check_hospital(self.state.study, self.state.n_parameters)
        noise.check_hospital(self.state.study, self.state.task, self.work.n_rows)
        self.standing = enter(self.ledger, self.rules, self.index, self.state, self.answer, self.work.steps)
        rounding_key = self.rounding_key or digest("rounding key", self.ledger.device_key, self.rules.study)
        who = f"hospital {self.state.names([self.index])!r}"
        self._contributions = contributions_of(
            self.rules.scheme, self.state.study, self.standing, self.policy, who, self.log, rounding_key
        )
        self.budget = self._contributions.budget
        self._ballot = Ballot(self.ledger, self.log)
        self._answers = Answers(self.ledger, self.log)
        self._me = Member(self.rules, self.index, self.identity)
        self.stopped = self.ledger.fact(breach_fact(self.rules.study)) is not None

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
            self.log("refused", {"kind": kind} | reasons(error.logged, error.hint))
            return self._failed(error) if kind == "Opening" else []

    def end(self) -> None:
        """The study is over here: nothing is answered any more, and what could open a sum of it is erased.

        Raises:
            StorageError: the ledger cannot be written; it is to be called again.
        """
        self.stopped = True
        self._forget()
        self.ledger.erase_study(self.rules.study)
        self.log("keys erased", {"sums": self.state.sums_done})

    def _answer(self, kind: str, data: bytes) -> list[bytes]:
        signed: dict[str, tuple[type[Any], Callable[[Any], list[bytes]]]] = {
            "Announce": (Announce, self._announce),
            "Joined": (Joined, self._joined),
            "VoidRequest": (VoidRequest, self._void),
            "Challenge": (Challenge, self._challenge),
            "ShowRequest": (ShowRequest, self._show),
            "Opening": (Opening, self._opening),
            "Notice": (Notice, self._notice),
        }
        if kind in signed:
            body, answer = signed[kind]
            return answer(unsign(data, body, study=self.rules.study, keys=self.rules.keys, sender=COORDINATOR))
        # These carry signatures of their own inside.
        if kind == "ConsentRequest":
            return self._consent(data)
        if kind == "Certificate":
            return self._certificate(wire.decode(Certificate, data))
        if kind == "Receipt":
            self.stopped = not remembers(self._me, self.ledger, data, self.log)
            return []
        raise ProtocolError(f"a hospital does not take {kind} messages")

    def _current(self, context: bytes, *, in_brief: bool = False) -> tuple[SumTask, SumRecord]:
        return attempts.current(self.rules, self.state, self.ledger, context, in_brief=in_brief)

    def _query(self) -> bytes:
        """The next sum's query, as the ledger knows it."""
        return asking.query_of(self.state).digest()

    def _packet(self, body: Any) -> bytes:
        return pack(type(body).__name__, sign(self.identity, self.rules.study, self.index, body))

    def _behind(self) -> bytes:
        return self._packet(Behind(self.state.sums_done, self.state.last))

    def _spend(self, phase: str, started: float) -> None:
        self.spent[phase] = self.spent.get(phase, 0.0) + self.clock() - started

    # join

    def _announce(self, body: Announce) -> list[bytes]:
        if body.round > self.state.sums_done:
            return [self._behind()]
        task = attempts.announced(self.rules, self.state, body)
        known = self.ledger.in_brief(task.context)
        if known is not None:
            if not known.joined:
                raise RefusedError("I have voted to leave this attempt")
            return [pack("Join", known.joined)]
        attempts.check_join(self.rules, task, self.standing, self._attempts, body)
        started = self.clock()
        private, message = hospital_steps.join(self._me, task, os.urandom(96))
        self.ledger.begin(task.context, self.rules.study, self._query(), body.round, body.attempt, private, message)
        self._spend("encrypt", started)
        return [pack("Join", message)]

    @property
    def _attempts(self) -> tuple[bytes, ...]:
        """The contexts of every attempt at the next sum."""
        return asking.contexts_of(self.rules, self.state, asking.MAX_ATTEMPTS)

    # deal

    def _joined(self, body: Joined) -> list[bytes]:
        task, record = self._current(body.context, in_brief=True)
        if record.vote and not record.manifest:
            return [pack("Vote", record.vote)]
        if record.header and (update := self.ledger.update(task.context)):
            return [pack("Update", update)]
        if record.is_void or record.vote or not record.joined:
            raise RefusedError("this attempt is over")
        if not task.admits(self.index):
            raise RefusedError("this sum is for contributions of others; I help to open it")
        holders = hospital_steps.holders_of(self.rules, task, body)
        block = self.rules.blocks.of(self.standing.register)
        if refusal := self.standing.problem(block, self.rules.blocks):
            facts = {"sum": self.state.sums_done, "code": BOUND, "rule": refusal.rule}
            self.log("declined", facts | {"reason": refusal.what, "hint": refusal.way_out})
            return [self._packet(Declined(task.context, BOUND))]
        try:
            vector = self._contributions.vector(self.work, self.state)
        except DataError as error:
            return self._decline(task, error)
        started, randomness = self.clock(), os.urandom(32) + self.ledger.device_key
        has_rows = self.work.has_rows(self.state, self.policy.cell_min)
        with self.ledger.together():
            self.standing.named(block, task.context)
            said = self.standing.statement(block, has_rows=has_rows)
            dealt = hospital_steps.deal(self._me, task, body, vector, randomness, record.private_key, said, holders)
            self.ledger.record_update(task.context, dealt.header, dealt.update)
        self._answers.keep(task.context, dealt.one_time)
        self._ballot.keep(task.context, dealt)
        self._spend("encrypt", started)
        return [pack("Update", dealt.update)]

    def _decline(self, task: SumTask, error: DataError) -> list[bytes]:
        """Nothing is sent. The coordinator gets a code and need not wait; the reason stays here."""
        reason = error.reason if isinstance(error, UnfitUpdateError) else "unusable data"
        self.log("declined", {"sum": self.state.sums_done, "code": reason, "reason": error.logged, "hint": error.hint})
        return [self._packet(Declined(task.context, reason))]

    # consent, void

    def _consent(self, data: bytes) -> list[bytes]:
        started, request = self.clock(), wire.decode(ConsentRequest, data)
        manifest = manifest_of(self._me, request)
        task, record = self._current(manifest.context, in_brief=True)
        if not record.vote:
            attempts.check_consent(self.ledger, self._attempts, record.attempt)
        answer = self._ballot.consent(
            self._me, task, record, request, data, digest("manifest", wire.encode(manifest)), self.standing
        )
        self._spend("consent", started)
        return answer

    def _void(self, body: VoidRequest) -> list[bytes]:
        attempt = attempts.to_void(self.rules, self.state, body)
        task = asking.task_of(self.rules, self.state, attempt)
        record = self.ledger.in_brief(task.context)
        if record is None:
            self.ledger.begin(task.context, self.rules.study, self._query(), self.state.sums_done, attempt, b"", b"")
        elif record.vote:
            return [pack("Vote", record.vote)]
        return self._ballot.void(self._me, task)

    # release

    def _certificate(self, certificate: Certificate) -> list[bytes]:
        started = self.clock()
        if not certificate.votes:
            raise WireError("an empty certificate")
        _, vote = signed_vote(self.rules, certificate.votes[0])
        task, record = self._current(vote.context, in_brief=True)
        answer = self._ballot.release(self._me, task, record, certificate)
        self._spend("release", started)
        return answer

    # a sum that does not open, a share that somebody disputes

    def _challenge(self, body: Challenge) -> list[bytes]:
        task, record = self._current(body.context)
        return self._answers.answer(self._me, task, record, body)

    def _show(self, body: ShowRequest) -> list[bytes]:
        task, record = self._current(body.context)
        return self._answers.show(self._me, task, record, body)

    # verify

    def _opening(self, body: Opening) -> list[bytes]:
        if body.round > self.state.sums_done:
            return [self._behind()]
        if receipt := self.ledger.receipt(self.rules.study, body.round):
            return [pack("Receipt", receipt)]
        if body.round < self.state.sums_done or self.state.purpose is None:
            raise attempts.behind()
        started = self.clock()
        task = asking.task_of(self.rules, self.state, body.attempt)
        record = self.ledger.in_brief(task.context)
        consented = record.manifest if record and record.manifest else None
        attempts.check_opened(self.ledger, self._attempts, body.attempt)
        own_header = (record.header or None) if record else None
        judgement = judge(
            self._me, task, self.state, body, own_header=own_header, consented=consented, judged=self.judged
        )
        if not agrees(judgement, body):
            raise FaultyCoordinatorError(
                "the announced model is not the one that follows from the certified sum", culprit="coordinator"
            )
        absent = set(judgement.following.excluded).difference(judgement.contributors)
        self.standing.spoiled(frozenset(map(self.rules.register, absent)))
        if problems := refusals(judgement.said, self.rules.blocks, self.standing.memory):
            raise ProtocolError(f"what I have seen elsewhere speaks against this sum: {problems[0]}")
        with self.ledger.together():
            self.standing.opened(task.context, self._attempts, judgement.said, self.rules.blocks)
            verified = judgement.verified
            answer = (
                self._verified(body, task, judgement, verified) if verified else self._closed(body, task, judgement)
            )
            self.standing.learn(judgement.following.memory)
        self.state = judgement.following
        self._spend("verify", started)
        return answer

    def _verified(self, body: Opening, task: SumTask, judgement: Judgement, verified: Verified) -> list[bytes]:
        """A sum that opens, and passed every check."""
        own = next((one for one in verified.statements if one.register == self.standing.register), None)
        outcome, detail = of_verified(own, is_encrypted=self.rules.is_encrypted), checked(verified, self.state)
        return self._receipt(body.round, task.context, verified.manifest_digest, outcome, detail, judgement.following)

    def _closed(self, body: Opening, task: SumTask, judgement: Judgement) -> list[bytes]:
        """A certified sum that does not open, as the evidence proves. Without a culprit it stays closed for good."""
        following, told = judgement.following, culprits.facts(judgement.following)
        detail = "; ".join((judgement.reason, *culprits.sentences(told)))
        # The honest rest may answer the same question once more.
        rest = [i for i in judgement.contributors if i not in following.excluded and not following.unexplained]
        answer = self._receipt(body.round, task.context, b"", FAILED, detail, following, asked_again=bool(rest))
        self.log("sum closed", {"sum": body.round, "reason": judgement.reason} | told)
        return answer

    def _notice(self, body: Notice) -> list[bytes]:
        self.log("notice", {"sum": body.round, "code": body.code, "reason": body.reason})
        self.notices = [*self.notices, body][-_MOST_KEPT:]
        return []

    def _breach(self, error: CipherwardError) -> list[bytes]:
        self.ledger.record_fact(breach_fact(self.rules.study), error.message.encode())
        self.log("breach", {"reason": error.message})
        self.end()
        return self._outcome(BREACH, error.message)

    def _failed(self, error: CipherwardError) -> list[bytes]:
        self.log("verification failed", reasons(error.message, error.hint))
        return self._outcome(FAILED, error.message)

    # outcomes

    def _outcome(self, outcome: str, detail: str) -> list[bytes]:
        self._remember(Outcome(self.state.sums_done, outcome, self.index, detail))
        return [self._packet(Receipt(b"", self.state.sums_done, b"", outcome, detail, b"", self.state.last))]

    def _receipt(
        self,
        round: int,
        context: bytes,
        manifest: bytes,
        outcome: str,
        detail: str,
        following: StudyState,
        *,
        asked_again: bool = False,
    ) -> list[bytes]:
        body = Receipt(context, round, manifest, outcome, detail, following.digest(), following.last, days.today())
        message = sign(self.identity, self.rules.study, self.index, body)
        self.ledger.record_receipt(context, self.rules.study, round, message, asked_again=asked_again)
        self._forget()
        self._remember(Outcome(round, outcome, self.index, detail))
        return [pack("Receipt", message)]

    def _forget(self) -> None:
        self._ballot.forget()
        self._answers.forget()
        self._contributions.forget()

    def _remember(self, outcome: Outcome) -> None:
        self.outcomes = [*self.outcomes, outcome][-_MOST_KEPT:]
