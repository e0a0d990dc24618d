"""What the coordinator's node holds, and the small steps that its phases share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import SumTask
from cipherward.errors import (
    DeclinedError,
    QuorumError,
    StorageError,
)
from cipherward.parties.sumlog import Opened, SumLog
from cipherward.store.journal import Journal
from cipherward.sums.checks import SetAside
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.messages import Receipt, VoidCertificate, sign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.state import StudyState

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
    """One finished sum, for the run's records. Bytes of the opening are on disk, see `CoordinatorNode.keep_opening`."""

    round: int
    attempt: int
    purpose: str
    contributors: tuple[int, ...]
    opened: bool
    reason: str
    receipts: dict[int, Receipt] = field(repr=False)


@dataclass
class CoordinatorState:
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
        closed: contexts of sums and attempts that are over (`audit.Replayed.closed`): what comes for them is late.
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
    closed: Iterable[bytes] = ()
    spent: dict[str, float] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    reports: list[SumReport] = field(default_factory=list)
    phase: Phase = Phase.IDLE

    def __post_init__(self) -> None:
        self._me = Member(self.rules, COORDINATOR, self.identity)
        self._everyone = frozenset(range(1, self.rules.n_hospitals + 1))
        self._log = SumLog(self.journal, self.rules.study)
        self._noted: set[tuple[str, int]] = set()
        self._noted_total = b""
        self._refused = 0
        self._closed = deque(self.closed, maxlen=256)
        self._packets: dict[int, bytes] = {}
        self._waiting: set[int] = set()
        self._caught_up: set[int] = set()
        self._asked_again: set[int] = set()
        self._receipts: dict[int, Receipt] = {}
        self._breaches: dict[int, str] = {}
        self._broken = ""
        self._opened = Opened(0, 0, "", (), 0, "")
        # Set by the steps of a sum.
        self._task: SumTask
        self._limit: int
        self._collection: Collection
        self._voids: tuple[VoidCertificate, ...]
        self._requests: dict[int, bytes]
        self._certificate: bytes

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
    def only(self) -> frozenset[int]:
        """The hospitals of which the current sum has to be, since some of them have answered its question before."""
        is_open = self.phase in (Phase.JOIN, Phase.DEAL)
        return frozenset(self._collection.only or ()) if is_open else frozenset()

    @property
    def round(self) -> int:
        """Number of the current sum; of the next one between two sums."""
        return self.state.sums_done - (self.phase is Phase.VERIFY)

    def outstanding(self, hospital: int = 0) -> list[Outgoing]:
        """The current phase's packets once more, for whoever has not answered (or for one hospital, if it has not)."""
        self._caught_up -= {hospital} if hospital else self._everyone  # what they were sent may be lost, too
        asked = self._waiting & ({hospital} if hospital else self._everyone)
        return [(i, self._packets[i]) for i in sorted(asked) if i in self._packets]

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
