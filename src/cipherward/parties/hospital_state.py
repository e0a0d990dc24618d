"""What a hospital's node holds, and the small steps that its answers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.errors import (
    ProtocolError,
    RefusedError,
    StudyError,
)
from cipherward.parties import asking
from cipherward.parties.policy import Policy
from cipherward.privacy import budget as privacy_ledger
from cipherward.privacy import noise as privacy_plan
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import Header, Notice, Receipt, Update, sign, unsign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

PRESERVED, UNPROTECTED, BREACH, FAILED = "preserved", "unprotected", "breach", "failed"

_MAX_OUTCOMES = 100

_PHRASES = {
    PRESERVED: "Privacy Preserved for Client {}",
    UNPROTECTED: "Model verified for Client {} (scheme plain: nothing was protected)",
    BREACH: "Privacy Breach Detected for Client {}",
    FAILED: "Verification failed for Client {}",
}

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
class HospitalState:
    """One hospital, from its ledger and the state that its receipts lead to.

    `notices` holds the newest things that the coordinator said about this hospital's own messages. `cut` names the data
    that `work` reads: what was asked of an earlier cut counts as another question, since people here said so.
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
    cut: str = ""
    _given: dict[bytes, Consent] = field(default_factory=dict, repr=False)
    _worked: tuple[bytes, NDArray[Any]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.state.study.digest() != self.rules.study:
            raise StudyError("the study document is not the one whose digest was approved")
        self.policy.check(self.state.study)
        privacy_plan.check_hospital(self.state.study, self.state.n_parameters)
        name = self.state.study.hospitals[self.index - 1].name
        limit = self.policy.max_epsilon
        self.budget = privacy_ledger.budget_of(self.state.study, self.ledger, f"hospital {name!r}", limit)
        self._me = Member(self.rules, self.index, self.identity)
        self._breach_fact = f"breach in study {self.rules.study.hex()}"
        self.stopped = self.ledger.fact(self._breach_fact) is not None

    def _current(self, context: bytes) -> tuple[SumTask, SumRecord]:
        """The task and record of one of the attempts of the sum that is next here."""
        record = self.ledger.sum(context)
        if record is None or record.round != self.state.sums_done or self.state.purpose is None:
            raise RefusedError("not about a sum that I take part in")
        task = asking.task_of(self.rules, self.state, record.attempt)
        if task.context != context:
            raise ProtocolError("the sum does not follow from the approved study and my model")
        return task, record

    def _query(self) -> bytes:
        """The next sum's query, as the ledger knows it."""
        query = asking.query_of(self.state).digest()
        return digest("query of a data cut", query, self.cut.encode()) if self.cut else query

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

    # outcomes

    def _outcome(self, outcome: str, detail: str) -> list[bytes]:
        self._remember(Outcome(self.state.sums_done, outcome, self.index, detail))
        return [self._packet(Receipt(b"", self.state.sums_done, b"", outcome, detail, b""))]

    def _receipt(
        self,
        round: int,
        context: bytes,
        manifest: bytes,
        outcome: str,
        detail: str,
        next_model: bytes,
        contributors: tuple[bytes, ...] = (),
    ) -> list[bytes]:
        body = Receipt(context, round, manifest, outcome, detail, next_model)
        message = sign(self.identity, self.rules.study, self.index, body)
        self.ledger.record_receipt(context, self.rules.study, round, message, contributors)
        self._given.clear()
        self._worked = None
        self._remember(Outcome(round, outcome, self.index, detail))
        return [pack("Receipt", message)]

    def _remember(self, outcome: Outcome) -> None:
        self.outcomes = [*self.outcomes, outcome][-_MAX_OUTCOMES:]
