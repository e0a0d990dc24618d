"""How the coordinator's node goes from one phase of a sum to the next: each step gives the packets to send."""

from __future__ import annotations

from cipherward.crypto import wire
from cipherward.errors import (
    DataError,
    DeclinedError,
    FaultyCoordinatorError,
    SuspectError,
)
from cipherward.parties import asking, culprits, sumlog
from cipherward.parties.coordinator_state import CoordinatorState, Outgoing, Phase, SumReport
from cipherward.parties.sumlog import Opened
from cipherward.sums import asked_before, checks, unopened
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.messages import Announce, VoidRequest
from cipherward.sums.packets import pack
from cipherward.tasks.state import StudyState


class Phases(CoordinatorState):
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
        self._task = asking.task_of(self.rules, self.state, attempt)
        self._limit = checks.packet_limit(self.rules, self._task)
        base, payloads = asking.base_of(self.rules.scheme, self.state), self.payloads()
        self._collection = Collection(self._me, self._task, base, payloads, excluded, self._closed)
        self._caught_up.clear()
        self._noted.clear()
        asked = self._taking_part - set(excluded)
        return self._enter(Phase.JOIN, self._send(asked, "Announce", self._sign(self._announce())))

    def _announce(self) -> Announce:
        return Announce(self._task.context, self.state.sums_done, len(self._voids), self._voids)

    def _close_joins(self) -> list[Outgoing]:
        joined, declined = self._collection.joined, frozenset(self._collection.declined)
        if len(joined) < self._holders_needed:
            if len(self._taking_part - declined) < self._holders_needed:
                raise self._declined_error(self._everyone - joined)
            raise self._quorum_error("joined the sum", len(joined), self._holders_needed, self._everyone - joined)
        self._check_repeat(joined)
        message = self._sign(self._collection.close_joins())
        return self._enter(Phase.DEAL, self._send(self._collection.dealers, "Joined", message))

    def _check_repeat(self, joined: frozenset[int]) -> None:
        """Whether everyone is there without whom this question may not be asked again."""
        only = self._collection.only
        if only is None:
            named = {i: self._names(set(them)) for i, them in sorted(self._collection.named.items()) if them}
            said = "; ".join(f"{self._names({i})} in a sum of {them}" for i, them in named.items())
            raise DeclinedError(
                f"{self._sum_name}: hospitals have answered this question before, and cannot all do so again ({said})",
                hint=asked_before.HINT,
            )
        missing = frozenset(only) - joined
        if missing & set(self._collection.declined):
            raise self._declined_error(missing)
        if missing:
            what = "joined who have to answer this question together once more, as they did before"
            raise self._quorum_error(what, len(only) - len(missing), len(only), missing)

    def _close_sum(self) -> list[Outgoing]:
        found, needed = self._collection, self._collection.n_needed
        if not self._can_close:
            if self._has_left:
                facts: dict[str, object] = {"left": sorted(found.void_voters), "other holders": sorted(found.stale)}
                self.log("attempt cannot be used", {"sum": self.round} | facts)
                return self._ask_to_leave()
            if self._may_widen:
                self.log("group too small", {"sum": self.round, "contributors": sorted(found.contributors)})
                return self._ask_to_leave()
            if self._could_start_again:
                self.log("attempt left", {"sum": self.round, "silent": sorted(self._unheard)})
                return self._ask_to_leave()
            missing = found.dealers - found.contributors
            if len(found.contributors) + len(missing - set(found.declined)) < needed:
                raise self._declined_error(missing)
            if not found.is_complete:
                error = self._quorum_error("sent a usable update", len(found.contributors), needed, missing)
            else:
                heard = len(found.joined - self._unheard)
                error = self._quorum_error("answered the list of joins", heard, self.rules.threshold, self._unheard)
            self._invite()
            raise error
        requests = found.close(self._noted_total)
        self._log.write(sumlog.TOTAL, 0, found.total)
        self._noted_total = b""
        self._requests = {i: pack("ConsentRequest", wire.encode(request)) for i, request in requests.items()}
        return self._enter(Phase.CONSENT, list(self._requests.items()))

    @property
    def _has_left(self) -> bool:
        """Whether an earlier coordinator process left this attempt, or hospitals dealt in it to another list of holders.

        A hospital can claim either falsely, so the attempts that hospitals take part in bound this, too.
        """
        found = self._collection
        return bool(found.void_voters or found.stale) and len(self._voids) + 1 < asking.MAX_ATTEMPTS

    @property
    def _may_widen(self) -> bool:
        """Whether another attempt would admit more hospitals than this one, which is limited to a group."""
        attempts = len(self._voids) + 1
        is_group = self._task.admitted != self.state.admitted(attempts)
        return is_group and attempts < asking.MAX_ATTEMPTS

    def _certify(self) -> list[Outgoing]:
        found = self._collection
        if found.is_certified:
            self._certificate = wire.encode(found.certificate())
            return self._enter(Phase.RELEASE, self._send(found.voters, "Certificate", self._certificate))
        if self._consent_may_come and not self._could_leave:
            # A void vote would rule it out for ever.
            error = self._quorum_error("consented to the sum", len(found.voters), self.rules.threshold, self._silent)
            if len(self._everyone - found.voters - self._silent - self.excluded) >= self.rules.threshold:
                self._invite()
            raise error
        return self._ask_to_leave()

    @property
    def _unheard(self) -> frozenset[int]:
        """Who was sent the list of joins and has answered it with nothing."""
        found = self._collection
        return found.joined.intersection(self._packets) - found.heard - self.excluded

    @property
    def _can_close(self) -> bool:
        """Whether a manifest may be made: with it, hospitals are bound to wait for `threshold` of the holders."""
        found = self._collection
        present = len(found.joined - self._unheard - self.excluded)
        return found.is_complete and present >= self.rules.threshold

    @property
    def _could_start_again(self) -> bool:
        """Whether those who are there, with whoever came after the list of joins, are enough for a new attempt."""
        found = self._collection
        if not found.latecomers - self.excluded or len(self._voids) + 1 >= asking.MAX_ATTEMPTS:
            return False
        contributors = (found.contributors | found.latecomers) - self.excluded
        holders = (contributors | found.heard) - self.excluded
        return len(contributors) >= self.rules.min_contributors and len(holders) >= self._holders_needed

    @property
    def _could_leave(self) -> bool:
        """Whether those who are there and have not consented are enough for a void certificate."""
        found = self._collection
        there = (found.latecomers | found.complainers | found.void_voters) - found.voters - self.excluded
        return len(there) >= self.rules.threshold

    def _invite(self) -> None:
        """While the sum waits: whoever is not on the list of joins may say that it is there."""
        outside = self._taking_part - self._collection.joined - self._collection.latecomers - self._collection.excluded
        self._packets |= dict(self._send(outside, "Announce", self._sign(self._announce())))
        self._waiting |= outside

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
        was_voted_on = self._collection.is_closed
        if self._refused + was_voted_on >= self.state.study.aggregation.max_attempts:
            raise SuspectError(
                f"no attempt at the {self.state.purpose} sum found {self.rules.threshold} hospitals that consent",
                hint=f"complaints name dealers {sorted(self._collection.complaints)}; see log.jsonl",
                culprit="the dealers named, or those who complain",
            )
        excluded = self._faulty_dealers() if was_voted_on else tuple(sorted(self._collection.excluded))
        self._refused += was_voted_on
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
        found = self._collection.open()
        sums, reason = found.sums, found.reason
        # Sums that open within noise prove the releases right: what is wrong with them is a contributor's.
        suspected = unopened.releasers(self.rules, releases) if sums is None and self.rules.scheme.deals_shares else ()
        if found.conflict:
            self.log("releases contradict each other", {"reason": found.conflict, "holders": sorted(releases)})
        if found.without:
            self.log("opened without a holder", {"hospital": found.without})
        if sums is not None:
            try:
                following = asking.following(self.rules.scheme, self.state, sums, len(self._collection.contributors))
            except SuspectError as error:
                sums, reason = None, error.message
        if sums is None:
            self.log("sum does not open", {"round": self.state.sums_done, "reason": reason})
            following = self._after_failed(reason, suspected)
            self.log("culprit search", culprits.facts(following))
        opening = self._collection.opening(
            self.state.sums_done,
            len(self._voids),
            found.witness,
            following.digest(),
            with_releases=found.sums is None and self.rules.scheme.deals_shares,
        )
        message = self._sign(opening)
        self._spend("open", started)
        contributors = tuple(sorted(self._collection.contributors))
        purpose, attempt = self.state.purpose or "", len(self._voids)
        outcome = Opened(self.state.sums_done, attempt, purpose, contributors, int(sums is not None), reason)
        self._log.write(sumlog.OPENED, 0, wire.encode(outcome))
        self.keep_opening(self.state.sums_done, message)
        self._closed.append(self._task.context)
        self.state = following
        outgoing = self._publish(outcome, message)
        self._log.drop_large()
        return outgoing

    def _publish(self, opened: Opened, message: bytes) -> list[Outgoing]:
        self._opened = opened
        self._receipts = {}
        self._asked_again.clear()
        return self._enter(Phase.VERIFY, self._send(self._taking_part, "Opening", message))

    def _after_failed(self, reason: str, releasers: tuple[int, ...]) -> StudyState:
        try:
            return self.state.after_failed(sorted(self._collection.contributors), releasers)
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
