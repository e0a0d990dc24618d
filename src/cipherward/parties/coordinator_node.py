"""The coordinator's node: runs the study's sums one after the other with whoever is there.

It speaks bytes only: `begin` starts the next sum, `handle` takes one hospital's packet, `expire` says that waiting is
over. Each returns the packets to send. It cannot read an update, and no hospital believes what it cannot check.

What it has accepted and decided is in the journal before it answers; after a restart at any instant `recover` goes on
with the same attempt. A node that raised StorageError is behind or ahead of its disk: drop it and recover another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from typing import Literal

from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.errors import CipherwardError, FaultyHospitalError, ProtocolError, StorageError, WireError
from cipherward.parties import follow_ups, incoming, sumlog, turned_away
from cipherward.parties.current_sum import CurrentSum
from cipherward.parties.early_joins import EarlyJoins
from cipherward.parties.pending import Outgoing, Pending, addressed
from cipherward.parties.phases import Phase, SumReport
from cipherward.parties.receipts import Receipts
from cipherward.parties.steps import Steps
from cipherward.parties.sumlog import SumLog
from cipherward.parties.turned_away import TurnedAway
from cipherward.store.journal import Journal, Record
from cipherward.sums import checks, forks
from cipherward.sums.checks import Check, SetAside
from cipherward.sums.messages import Behind, Receipt, unsign
from cipherward.sums.packets import view
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.state import StudyState

__all__ = ["CoordinatorNode", "Outgoing", "Phase", "SumReport"]


class CoordinatorNode:
    """The coordinator: what comes in goes to the current sum (`steps`), what is decided to the journal.

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
        closed: contexts of sums and attempts that are over (`verify.Replayed.closed`): what comes for them is late.
        ahead: announce each sum with the opening before it, so that hospitals join while receipts come in.
    """

    def __init__(
        self,
        *,
        rules: Rules,
        identity: Identity,
        state: StudyState,
        payloads: Callable[[], MutableMapping[int, bytes]],
        keep_opening: Callable[[int, bytes], None],
        load_opening: Callable[[int], bytes],
        keep_receipt: Callable[[int, int, bytes], None],
        load_receipt: Callable[[int, int], bytes] = lambda round, hospital: b"",
        log: Callable[[str, dict[str, object]], None],
        clock: Callable[[], float],
        journal: Journal | None = None,
        on_breach: Literal["stop", "exclude"] = "stop",
        keep_breach: Callable[[int, bytes], None] = lambda hospital, receipt: None,
        keep_quarantine: Callable[[int, int, bytes, str], None] = lambda round, hospital, packet, reason: None,
        keep_evidence: Callable[[int, int, tuple[bytes, bytes], str], None] = lambda round, hospital, two, reason: None,
        excluded: Iterable[int] = (),
        closed: Iterable[bytes] = (),
        ahead: bool = False,
    ) -> None:
        self.rules, self.log, self.clock = rules, log, clock
        self.payloads, self.journal, self.on_breach = payloads, journal, on_breach
        self._keep_receipt, self._keep_breach = keep_receipt, keep_breach
        self._pending = Pending(rules.n_hospitals, set(excluded))
        self._receipts = Receipts(load_opening, load_receipt)
        self._turned_away = TurnedAway(log, keep_quarantine, keep_evidence)
        self._log = SumLog(journal, rules.study)
        self._steps = Steps(
            Member(rules, COORDINATOR, identity),
            state,
            self._pending,
            self._receipts,
            self._log,
            payloads=lambda: self.payloads(),
            keep_opening=keep_opening,
            log=log,
            clock=clock,
            closed=deque(closed, maxlen=256),
            ahead=ahead,
        )
        self._early = EarlyJoins(rules)

    @property
    def state(self) -> StudyState:
        return self._steps.state

    @property
    def phase(self) -> Phase:
        return self._steps.phase

    @property
    def round(self) -> int:
        """Number of the current sum; of the next one between two sums."""
        return self._steps.round

    @property
    def current_sum(self) -> CurrentSum:
        """The sum under way, unless the phase is IDLE."""
        return self._steps.sum

    @property
    def reports(self) -> list[SumReport]:
        """The sums that this object has finished."""
        return self._steps.reports

    @property
    def spent(self) -> dict[str, float]:
        """Seconds by kind of work."""
        return self._steps.spent

    @property
    def set_aside(self) -> list[SetAside]:
        """The newest messages that were not used."""
        return self._turned_away.items

    @property
    def excluded(self) -> set[int]:
        """Hospitals that take no further part."""
        return self._pending.excluded

    @property
    def deadline_seconds(self) -> float:
        """How long an engine waits for the rest of a phase once there are `enough`."""
        return self.state.study.aggregation.deadline_seconds

    @property
    def finished(self) -> bool:
        """Whether the study's last sum has been opened and its receipts are in."""
        return self.state.purpose is None and self.phase is Phase.IDLE

    @property
    def enough(self) -> bool:
        """Whether `expire` would take the current phase to its end with the answers that are there.

        While openings are verified, the first `expire` asks those who have not answered once more.
        """
        return self._steps.is_due

    @property
    def waiting(self) -> frozenset[int]:
        """Hospitals whose answer the current phase still waits for."""
        return frozenset(self._pending.waiting)

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Names of the hospitals in `waiting`."""
        return tuple(self.state.study.hospitals[i - 1].name for i in sorted(self.waiting))

    @property
    def needed(self) -> frozenset[int]:
        """Hospitals without which a whole block stays out of the current sum, since they said no: who is waited for, and
        why (rule 1)."""
        if self.phase not in (Phase.JOIN, Phase.DEAL):
            return frozenset()
        found = self._steps.sum.collection
        return self._steps.sum.apart(found.joined if self.phase is Phase.JOIN else found.contributors)

    def outstanding(self, hospital: int = 0) -> list[Outgoing]:
        """The current phase's packets once more, for whoever has not answered (or for one hospital, if it has not)."""
        # What they were sent may be lost, too.
        self._receipts.caught_up -= {hospital} if hospital else self._pending.everyone
        return self._pending.outstanding(hospital)

    # going on

    def begin(self, left: frozenset[int] = frozenset()) -> list[Outgoing]:
        """Start the next sum. Whoever has joined it early is not asked again; of those who `left` since, no join counts."""
        if self.phase is not Phase.IDLE or self.state.purpose is None:
            raise ProtocolError(f"cannot begin a sum: the coordinator is in phase {self.phase.value}")
        with self._log.durable():
            self._log.begin(self.state.sums_done)
        announced = self._steps.begin()
        answers = [one for sender, packet in self._early.give(left) for one in self.handle(sender, packet)]
        return [one for one in announced if one[0] in self.waiting] + answers

    def advance(self) -> list[Outgoing]:
        """Go on if everyone has answered. Engines call it after `handle`.

        Raises:
            as `expire`.
        """
        return [] if self.waiting else self._steps.take()

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
        if missing := sorted(self.waiting):
            self.log("deadline", {"phase": self.phase.value, "missing": missing})
        self._pending.wait_for(frozenset())
        return self._steps.take()

    def last_call(self) -> list[Outgoing]:
        """The newest opening once more, for whoever has left no receipt.

        After the study's last sum no later one makes the absent catch up, and after a restart receipts may be missing.
        """
        if self.phase is not Phase.IDLE or not self.state.sums_done:
            return []
        late = self._pending.taking_part - set(self._receipts.received)
        self._receipts.caught_up -= late
        return addressed(late, "Opening", self._receipts.load_opening(self.state.sums_done - 1))

    # what comes in

    def handle(self, sender: int, packet: bytes | memoryview) -> list[Outgoing]:
        """Take one hospital's packet. What cannot be used is set aside with the reason, and nothing else happens.

        What is faulty is kept in quarantine. Who sends something faulty, or joins or contributes too late, is told.

        Raises:
            StorageError: the coordinator's disk failed.
        """
        kind = "?"
        with self._log.durable():
            try:
                with checks.check(Check.SIZE):
                    if self._steps.is_summing and len(packet) > self._steps.sum.limit:
                        raise WireError(f"a packet of {len(packet)} bytes, more than this sum can need")
                with checks.check(Check.ENCODING):
                    kind, _ = view(packet)
                return self._take(sender, packet)
            except StorageError:
                raise  # this machine's disk, not what the hospital sent
            except CipherwardError as error:
                return self._put_aside(sender, kind, bytes(packet), error)

    def _take(self, sender: int, packet: bytes | memoryview) -> list[Outgoing]:
        kind, content = view(packet)
        with checks.check(Check.ROSTER):
            if sender not in self._pending.everyone:
                raise ProtocolError("not on the roster")
            if sender in self.excluded:
                raise ProtocolError("takes no further part: it reported a breach")
        if kind == "Behind":
            return self._catch_up(sender, bytes(content))
        if kind == "Join" and not self._steps.is_summing and self._early.take(self.state, sender, content):
            return []
        if kind == "Receipt":
            is_new, answers = self._receipt(sender, bytes(content)), list[Outgoing]()
            if not is_new:
                return []
        else:
            is_new = incoming.take(self._steps, sender, kind, content)
            answers = follow_ups.to(self._steps, self._pending, sender, kind, is_new)
        if is_new:
            self._log.write(sumlog.PACKET, sender, packet)
        if not answers and kind != "Attested" and not (kind == "Shown" and self.phase is Phase.CONSENT):
            self._pending.answered(sender)
        return answers

    def _catch_up(self, sender: int, data: bytes) -> list[Outgoing]:
        body = unsign(data, Behind, study=self.rules.study, keys=self.rules.keys, sender=sender)
        missed = self._receipts.missed(sender, body, self.state)
        self.log("catching up", {"hospital": sender, "from": body.round, "to": self.state.sums_done})
        if self.phase is Phase.JOIN:
            missed += addressed({sender}, "Announce", self._steps.signed(self._steps.sum.announce))
        return missed

    def _receipt(self, sender: int, data: bytes) -> bool:
        """Note a receipt; whether it is new and answers what the current phase waits for."""
        body = unsign(data, Receipt, study=self.rules.study, keys=self.rules.keys, sender=sender)
        if body.outcome == "breach":
            self._breach(sender, body.detail, data)
            return False
        if not body.round < self.state.sums_done + (not body.context):
            raise ProtocolError("a receipt for a sum that has not been opened")
        forks.check(f"hospital {sender}", body.last, self.state.last_of(body.round + bool(body.context)))
        if body.context:
            self._keep_receipt(body.round, sender, data)
        else:
            self.log("verification failed", {"hospital": sender, "reason": body.detail})
        if self.phase is not Phase.VERIFY or body.round != self.round:
            return False
        self._pending.answered(sender)
        if not body.context:
            return False
        is_new = sender not in self._receipts.received
        self._receipts.received[sender] = body
        return is_new

    def _breach(self, sender: int, reason: str, receipt: bytes) -> None:
        self._keep_breach(sender, receipt)
        self.log("breach reported", {"hospital": sender, "reason": reason})
        if self.on_breach == "stop":
            self._receipts.breaches[sender] = reason
            self._pending.answered(sender)
        else:
            self._log.write(sumlog.EXCLUDE, sender)
            self._exclude(sender)

    def _exclude(self, hospital: int) -> None:
        self.excluded.add(hospital)
        self._pending.answered(hospital)

    # what is not used

    def _put_aside(self, sender: int, kind: str, packet: bytes, error: CipherwardError) -> list[Outgoing]:
        """Note a message that is not used, keep it where it is faulty, and tell its sender what it needs to know."""
        item = self._turned_away.note(sender, kind, error)
        if sender not in self._pending.everyone:
            return []
        self._turned_away.keep(self.round, item, packet, error)
        if noted := incoming.said_by(self._steps, item):
            self._log.write_once(self._steps.sum.task.context, noted, sender)
            self._pending.answered(sender)
        if kind == "Shown" and isinstance(error, FaultyHospitalError):
            proof = self._steps.sum.prove(sender, error.evidence)
            self._log.write_once(self._steps.sum.task.context, sumlog.PROVED, sender, proof)
        if item.verdict == "faulty" or (item.verdict == "late" and not incoming.is_counted(self._steps, sender, kind)):
            context = self._steps.sum.task.context if self._steps.is_summing else b""
            told = turned_away.notice(context, self.round, item, is_excluded=sender in self.excluded)
            return addressed({sender}, "Notice", self._steps.signed(told))
        return []

    def recover(self) -> list[Outgoing]:
        """After a restart: take the journal's sum up where it was, and give what is still to be answered.

        Called once, on a fresh node whose `state` follows from the openings on disk. The same attempt goes on with the
        same list of joins and the same manifest. Nothing to recover: [], and the phase is IDLE; `reports` then holds the
        last sum's report if it had just finished.

        Raises:
            StorageError: the journal is damaged, or is not of this study or state; its hint says the way out.
        """
        if self.phase is not Phase.IDLE or self.reports:
            raise ProtocolError("only a coordinator that has done nothing yet can recover")
        self.excluded.difference_update(self._log.excluded())
        self._log.replaying = True
        try:
            for record in self._log.to_replay(self.state.sums_done):
                self._replay(record)
        except StorageError:
            raise
        except CipherwardError as error:
            raise sumlog.does_not_fit(error.message) from None
        finally:
            self._log.replaying, self._steps.noted_total = False, b""
        if self.phase is not Phase.IDLE:
            facts = {"sum": self.round, "phase": self.phase.value, "waiting": sorted(self.waiting)}
            self.log("sum recovered", facts)
        return self.outstanding()

    def _replay(self, record: Record) -> None:
        kind, hospital, steps = record.kind, record.hospital, self._steps
        if kind == sumlog.BEGIN:
            steps.begin()
        elif kind == sumlog.PACKET:
            self._take(hospital, record.data)
        elif kind in (sumlog.STALE, sumlog.HEARD, sumlog.LATECOMER):
            found = steps.sum.collection
            noted = {sumlog.STALE: (found.stale, found.heard), sumlog.HEARD: (found.heard,)}
            for hospitals in noted.get(kind, (found.latecomers,)):
                hospitals.add(hospital)
            self._pending.answered(hospital)
        elif kind == sumlog.PROVED:
            steps.sum.recall(hospital, record.data)
        elif kind == sumlog.EXCLUDE:
            self._exclude(hospital)
        elif kind == sumlog.TOTAL:
            steps.noted_total = record.data
        elif kind == sumlog.OPENED and self.phase is Phase.IDLE:
            opened = sumlog.read_opened(record)
            steps.publish(opened, self._receipts.load_opening(opened.round))
        elif kind == sumlog.ADVANCE:
            self._replay_advance(*record.data.decode(errors="replace").split(" ", 1))

    def _replay_advance(self, before: str, after: str) -> None:
        if before != after == Phase.VERIFY.value and self.phase is Phase.VERIFY:
            return  # the opening is on disk, and `state` follows from it
        if before != self.phase.value:
            raise sumlog.does_not_fit(f"phase {self.phase.value} where {before} ended")
        self._steps.take()
        if after != self.phase.value:
            raise sumlog.does_not_fit(f"phase {before} ended in {self.phase.value}, not {after}")
