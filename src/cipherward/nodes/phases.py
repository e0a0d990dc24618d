"""How the coordinator's node goes from one phase of a sum to the next: each step gives the packets to send."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.errors import (
    DataError,
    FaultyCoordinatorError,
    SuspectError,
)
from cipherward.learning.state import StudyState
from cipherward.nodes import plan, sumlog
from cipherward.nodes.hubstate import HubState, Outgoing, Phase, SumReport
from cipherward.nodes.packets import pack
from cipherward.nodes.sumlog import Opened
from cipherward.protocol import checks
from cipherward.protocol.coordinator import Collection
from cipherward.protocol.messages import (
    Announce,
    VoidRequest,
)


class Phases(HubState):
    """The steps between the phases; `_advance` takes the one that is due."""

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

    def _finish(self) -> list[Outgoing]:
        late = self._taking_part - set(self._receipts) - self._asked_again
        if late:
            # Once more for whoever could not verify; after that they catch up before the next sum.
            self._asked_again |= late
            self._caught_up -= late
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
