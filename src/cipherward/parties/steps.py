"""How the coordinator's sum goes from one phase to the next: each step gives the packets to send."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, MutableMapping
from collections.abc import Set as AbstractSet
from typing import Any

from cipherward.crypto import wire
from cipherward.crypto.quorum import QuorumScheme
from cipherward.errors import DeclinedError, QuorumError, SuspectError
from cipherward.parties import asking, culprits, early_joins, failed_sums, sumlog
from cipherward.parties.current_sum import CurrentSum
from cipherward.parties.judging import after_failed
from cipherward.parties.pending import Outgoing, Pending, addressed
from cipherward.parties.phases import Phase, SumReport
from cipherward.parties.receipts import Receipts
from cipherward.parties.shortage import Shortage
from cipherward.parties.sumlog import Opened, SumLog
from cipherward.sums import unopened
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.inquiry import Inquiry
from cipherward.sums.messages import Opening, VoidRequest, opening_digest, sign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member
from cipherward.tasks.state import StudyState


class Steps:
    """The coordinator's place in the study: public state, phase, current sum; `take` makes the step that is due.

    The arguments are as in `CoordinatorNode`.
    """

    sum: CurrentSum
    """Set by `begin`."""
    inquiry: Inquiry
    """Set where a certified sum does not open."""

    def __init__(
        self,
        me: Member,
        state: StudyState,
        pending: Pending,
        receipts: Receipts,
        journal: SumLog,
        *,
        payloads: Callable[[], MutableMapping[int, bytes]],
        keep_opening: Callable[[int, bytes], None],
        log: Callable[[str, dict[str, object]], None],
        clock: Callable[[], float],
        closed: deque[bytes],
        ahead: bool,
    ) -> None:
        self._me, self._rules = me, me.rules
        self.state = state
        self.phase = Phase.IDLE
        self.opened = Opened(0, 0, "", (), 0, "")
        self.reports: list[SumReport] = []
        self.spent: dict[str, float] = {}
        self.noted_total = b""
        self._pending, self._receipts, self._journal = pending, receipts, journal
        self._payloads, self._keep_opening = payloads, keep_opening
        self.log, self.clock, self._closed, self._ahead = log, clock, closed, ahead
        self._requests: dict[int, bytes] = {}
        self._reason = ""
        self.certificate = b""

    @property
    def round(self) -> int:
        """Number of the current sum; of the next one between two sums."""
        return self.state.sums_done - (self.phase is Phase.VERIFY)

    @property
    def is_summing(self) -> bool:
        """Whether a sum is under way that has not been opened."""
        return self.phase not in (Phase.IDLE, Phase.VERIFY)

    @property
    def is_due(self) -> bool:
        """Whether `take` would end the current phase with the answers that are there.

        While openings are verified, the first `take` asks those who have not answered once more.
        """
        if self.phase is Phase.IDLE:
            return False
        if self.phase is Phase.VERIFY:
            return len(self._receipts.received) >= self._rules.threshold
        now, found = self.sum, self.sum.collection
        if self.phase is Phase.JOIN:
            return len(found.joined) >= now.holders_needed and now.may_stand and not now.lacking
        if self.phase is Phase.DEAL:
            return now.can_close or now.has_left or now.could_start_again
        if self.phase is Phase.CONSENT:
            return found.is_certified or not now.consent_may_come or now.could_leave
        if self.phase is Phase.VOID:
            return found.is_certified or found.void_certificate() is not None
        if self.phase is Phase.CHALLENGE:
            return len(self.inquiry.answered) >= self._rules.threshold
        return self.phase is Phase.SHOW or found.can_open

    def begin(self) -> list[Outgoing]:
        """The first attempt at the next sum.

        Raises:
            SuspectError: the last sum did not open, and nobody is proved to have spoiled it, or too few are left.
        """
        failed_sums.check(self.state, self._rules)
        self.sum = CurrentSum(self._me, self.state, self._pending, self._payloads, self._closed)
        return self._announce()

    def take(self) -> list[Outgoing]:
        """The step that ends the current phase.

        Raises:
            as `CoordinatorNode.expire`.
        """
        self._receipts.check_breaches()
        steps: dict[Phase, Callable[[], list[Outgoing]]] = {
            Phase.JOIN: self._close_joins,
            Phase.DEAL: self._close_sum,
            Phase.CONSENT: self._certify,
            Phase.VOID: self._next_attempt,
            Phase.RELEASE: self._open,
            Phase.CHALLENGE: self._ask_to_show,
            Phase.SHOW: self._conclude,
            Phase.VERIFY: self._finish,
        }
        if self.phase not in steps:
            return []
        before = self.phase
        with self._journal.durable():
            outgoing = steps[self.phase]()
            self._journal.write(sumlog.ADVANCE, 0, f"{before.value} {self.phase.value}".encode())
        return outgoing

    def enter(self, phase: Phase, outgoing: list[Outgoing]) -> list[Outgoing]:
        """Go to a phase that waits for the answers to these packets."""
        self.phase = phase
        return self._pending.ask(outgoing, keeping=phase is Phase.VERIFY)

    def publish(self, opened: Opened, opening: bytes) -> list[Outgoing]:
        """The opening is on disk: send it, and wait for receipts."""
        self.opened = opened
        self._receipts.expect()
        there = self._pending.taking_part
        asked = self.enter(Phase.VERIFY, addressed(there, "Opening", opening))
        return asked + (early_joins.announced(self._me, self.state, opened, there) if self._ahead else [])

    def signed(self, body: Any) -> bytes:
        return sign(self._me.identity, self._rules.study, self._me.index, body)

    def spend(self, phase: str, started: float) -> None:
        self.spent[phase] = self.spent.get(phase, 0.0) + self.clock() - started

    def names(self, hospitals: AbstractSet[int]) -> str:
        return self.state.names(sorted(hospitals))

    # join

    def _announce(self) -> list[Outgoing]:
        self._receipts.caught_up.clear()
        asked = self._pending.taking_part - self.sum.collection.excluded
        return self.enter(Phase.JOIN, addressed(asked, "Announce", self.signed(self.sum.announce)))

    def _close_joins(self) -> list[Outgoing]:
        now, found, needed = self.sum, self.sum.collection, self.sum.holders_needed
        joined, declined = found.joined, frozenset(found.declined)
        absent = self._pending.everyone - joined
        if len(joined) < needed:
            if len(self._pending.taking_part - declined) < needed:
                raise self._shortage.too_few_can(absent)
            raise self._shortage.too_few("joined the sum", len(joined), needed, absent)
        if lacking := now.lacking:
            least = self._rules.min_contributors
            raise self._shortage.too_few("of the block joined its sum", len(found.dealers), least, lacking)
        if not now.may_stand:
            able = len(found.updates.could_stand(found.dealers))
            raise self._shortage.apart("joined who may be opened together", able, frozenset())
        return self.enter(Phase.DEAL, addressed(found.dealers, "Joined", self.signed(found.close_joins())))

    # deal

    def _close_sum(self) -> list[Outgoing]:
        now, found = self.sum, self.sum.collection
        if now.can_close:
            requests = found.close(self.noted_total)
            self._journal.write(sumlog.TOTAL, 0, found.total)
            self.noted_total = b""
            self._requests = {i: pack("ConsentRequest", wire.encode(request)) for i, request in requests.items()}
            return self.enter(Phase.CONSENT, list(self._requests.items()))
        if now.has_left:
            return self._ask_to_leave(
                "attempt cannot be used", left=sorted(found.void_voters), other_holders=sorted(found.stale)
            )
        if now.could_start_again:
            return self._ask_to_leave("attempt left", silent=sorted(now.unheard))
        raise self._too_few_contribute(found)

    def _too_few_contribute(self, found: Collection) -> QuorumError | DeclinedError:
        missing, least, declined = found.dealers - found.contributors, self._rules.min_contributors, set(found.declined)
        if declined and len(found.updates.could_stand(self._may_come | found.contributors)) < least:
            return self._shortage.too_few_can(missing | (declined - found.contributors))
        if len(found.contributors) < least:
            error = self._shortage.too_few("sent a usable update", len(found.contributors), least, missing)
        elif not found.is_complete:
            error = self._shortage.apart(
                "sent usable updates that may be opened together", len(found.updates.standing), missing
            )
        else:
            unheard = self.sum.unheard
            heard = len(found.joined - unheard)
            error = self._shortage.too_few("answered the list of joins", heard, self._rules.threshold, unheard)
        self._invite()
        return error

    @property
    def _may_come(self) -> frozenset[int]:
        """Who may still contribute to the sum, in this attempt or another."""
        found, admitted = self.sum.collection, self.sum.task
        able = self._pending.taking_part - found.excluded - set(found.declined)
        return frozenset(i for i in able if admitted.admits(i))

    def _invite(self) -> None:
        """While the sum waits: whoever is not on the list of joins may say that it is there."""
        found = self.sum.collection
        outside = self._pending.taking_part - found.joined - found.latecomers - found.excluded
        self._pending.ask_too(addressed(outside, "Announce", self.signed(self.sum.announce)))

    # consent, void

    def _certify(self) -> list[Outgoing]:
        now, found = self.sum, self.sum.collection
        if found.is_certified:
            self.certificate = wire.encode(found.certificate())
            packets = [(i, pack("Certificate", wire.encode(one))) for i, one in found.certificates().items()]
            return self.enter(Phase.RELEASE, packets)
        if now.consent_may_come and not now.could_leave:
            # A void vote would rule it out for ever.
            error = self._shortage.too_few("consented to the sum", len(found.voters), self._rules.threshold, now.silent)
            others = self._pending.taking_part - found.voters - now.silent
            if len(others) >= self._rules.threshold:
                self._invite()
            raise error
        return self._ask_to_leave()

    def _ask_to_leave(self, why: str = "", **facts: object) -> list[Outgoing]:
        if why:
            self.log(why, {"sum": self.round} | {name.replace("_", " "): value for name, value in facts.items()})
        request = self.signed(VoidRequest(self.sum.task.context))
        return self.enter(Phase.VOID, addressed(self._pending.taking_part, "VoidRequest", request))

    def _next_attempt(self) -> list[Outgoing]:
        now, found = self.sum, self.sum.collection
        if found.is_certified:
            return self._certify()
        certificate = found.void_certificate()
        if certificate is None:
            agreed = max(found.voters, found.void_voters, key=len)
            silent = self._pending.everyone - found.voters - found.void_voters
            raise self._shortage.too_few(
                "agreed on the sum, or on leaving it", len(agreed), self._rules.threshold, silent
            )
        if now.refused + found.is_closed >= self.state.study.aggregation.max_attempts:
            raise SuspectError(
                f"no attempt at the {self.state.purpose} sum found {self._rules.threshold} hospitals that consent",
                hint=f"complaints about shares, which prove nothing: {failed_sums.complaints(self.state, found) or 'none'}; see log.jsonl",
            )
        self.log("attempt void", {"attempt": len(now.voids), "complaints": failed_sums.complaints(self.state, found)})
        self._closed.append(now.task.context)
        now.void(certificate)
        now.start_attempt()
        return self._announce()

    # release, open

    def _open(self) -> list[Outgoing]:
        now, found = self.sum, self.sum.collection
        if not found.can_open:
            missing = found.voters - found.releases
            error = self._shortage.too_few("released their shares", len(found.releases), self._rules.threshold, missing)
            # Whoever has not consented yet can stand in for one that is gone.
            self._pending.ask_too((i, self._requests[i]) for i in now.silent)
            raise error
        started = self.clock()
        shown = found.open()
        if shown.conflict:
            self.log("releases contradict each other", {"reason": shown.conflict, "holders": sorted(found.releases)})
        if shown.without:
            self.log("opened without a holder", {"hospital": shown.without})
        if shown.sums is None:
            return self._challenge(found, shown)
        reason = ""
        try:
            following = asking.following(self._rules.scheme, self._judged, shown.sums, len(found.contributors))
        except SuspectError as error:
            # Sums that open within noise prove the releases right: what is wrong with them is a contributor's.
            reason = error.message
            following = self._judged.after_failed(sorted(found.contributors))
        opening = self._opening(shown.witness, following.digest())
        self.spend("open", started)
        return self._publish(opening, following, reason)

    def _opening(self, witness: bytes, next_model: bytes, *, with_releases: bool = False) -> Opening:
        now = self.sum
        opening = now.collection.opening(
            self.state.sums_done, len(now.voids), witness, next_model, with_releases=with_releases
        )
        proofs = tuple(now.proved[i] for i in sorted(now.proved))
        return dataclasses.replace(opening, voids=now.voids, proofs=proofs)

    @property
    def _judged(self) -> StudyState:
        """The present state, with those who are proved to have dealt a false share in this sum."""
        proved = self.sum.proved
        return self.state.proved(proved, frozenset(map(self._rules.register, proved)))

    def _publish(self, opening: Opening, following: StudyState, reason: str) -> list[Outgoing]:
        message, contributors = self.signed(opening), tuple(sorted(self.sum.collection.contributors))
        if reason:
            told = {"sum": self.state.sums_done, "reason": reason, "contributors": list(contributors)}
            self.log("sum does not open", told | culprits.facts(following))
        outcome = Opened(
            self.state.sums_done, opening.attempt, self.state.purpose or "", contributors, int(not reason), reason
        )
        self._journal.write(sumlog.OPENED, 0, wire.encode(outcome))
        self._keep_opening(self.state.sums_done, message)
        self._closed.append(self.sum.task.context)
        context, found = self.sum.task.context, self.sum.collection
        said, spoilers = found.updates.statements, frozenset(map(self._rules.register, following.excluded))
        digest = opening_digest(context, found.manifest_digest, opening.next_model)
        self.state = following.seen(digest, context, said, self._rules.blocks, spoilers)
        outgoing = self.publish(outcome, message)
        self._journal.drop_large()
        return outgoing

    # a sum that does not open

    def _challenge(self, found: Collection, shown: unopened.Found) -> list[Outgoing]:
        """Ask everybody, once, for what shows who spoiled the sum; in a scheme that knows no challenge, nobody is named."""
        opening = self._opening(shown.witness, b"", with_releases=self._rules.scheme.deals_shares)
        self._reason = shown.reason
        if not isinstance(self._rules.scheme, QuorumScheme):
            following = self._judged.after_failed(sorted(found.contributors))
            return self._publish(dataclasses.replace(opening, next_model=following.digest()), following, shown.reason)
        self.inquiry = Inquiry(self._me, self.sum.task, opening, found.manifest_digest)
        self.log("challenge", {"sum": self.round, "reason": shown.reason, "holders": sorted(found.releases)})
        asked = (found.joined | found.contributors) & self._pending.taking_part
        return self.enter(Phase.CHALLENGE, addressed(asked, "Challenge", self.inquiry.signed))

    def _ask_to_show(self) -> list[Outgoing]:
        answered, needed = self.inquiry.answered, self._rules.threshold
        if len(answered) < needed:
            missing = self.sum.collection.joined - answered
            raise self._shortage.too_few(
                "answered the challenge about a sum that does not open", len(answered), needed, missing
            )
        asked = self.inquiry.disputed
        if not asked:
            return self._conclude()
        packets = [(i, pack("ShowRequest", self.signed(request))) for i, request in asked.items()]
        return self.enter(Phase.SHOW, packets)

    def _conclude(self) -> list[Outgoing]:
        contributors = sorted(self.sum.collection.contributors)
        following = after_failed(self._judged, contributors, self.inquiry.told)
        opening = dataclasses.replace(self.inquiry.evidence(), next_model=following.digest())
        return self._publish(opening, following, self._reason)

    # verify

    def _finish(self) -> list[Outgoing]:
        receipts = self._receipts
        late = self._pending.taking_part - set(receipts.received) - receipts.asked_again
        if late:
            # Once more for whoever could not verify; after that they catch up before the next sum.
            receipts.asked_again |= late
            receipts.caught_up -= late
            return self.enter(Phase.VERIFY, addressed(late, "Opening", receipts.load_opening(self.round)))
        if len(receipts.received) < self._rules.threshold:
            missing = self._pending.everyone - set(receipts.received)
            raise self._shortage.too_few(
                "verified the opened sum", len(receipts.received), self._rules.threshold, missing
            )
        of = self.opened
        report = SumReport(
            of.round, of.attempt, of.purpose, of.contributors, bool(of.opened), of.reason, receipts.received
        )
        self.reports.append(report)
        return self.enter(Phase.IDLE, [])

    # what people are told

    @property
    def _shortage(self) -> Shortage:
        purpose = self.opened.purpose if self.phase is Phase.VERIFY else self.state.purpose
        return Shortage(f"sum {self.round} ({purpose})", self._pending, lambda: self.sum, self._rules, self.names)
