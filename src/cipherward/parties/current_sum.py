"""The coordinator's current sum: its attempts so far, the present one, and what can still become of it."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from collections.abc import Collection as AnyOf

from cipherward.crypto import wire
from cipherward.crypto.scheme import SumTask
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.missing import Setting
from cipherward.disclosure.refusals import Refusal
from cipherward.disclosure.standing import Memory
from cipherward.parties import asking
from cipherward.parties.pending import Pending
from cipherward.sums import checks
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.messages import Announce, FalseShare, VoidCertificate
from cipherward.sums.votes import Member
from cipherward.tasks.state import StudyState


class CurrentSum:
    """One sum, from its first attempt to its opening.

    Args:
        payloads: makes the store in which one attempt's payloads wait for their fingerprints.
        closed: contexts of sums and attempts that are over.

    Attributes:
        voids: a void certificate for each earlier attempt.
        refused: how many of them hospitals had voted on.
        proved: of dealers whose own signed messages contradict each other about a share, these messages.
        proofs: those that hospitals were shown when the present attempt began.
    """

    task: SumTask
    limit: int
    collection: Collection

    def __init__(
        self,
        me: Member,
        state: StudyState,
        pending: Pending,
        payloads: Callable[[], MutableMapping[int, bytes]],
        closed: AnyOf[bytes],
    ) -> None:
        self._me, self._rules, self._state = me, me.rules, state
        self._pending, self._payloads, self._closed = pending, payloads, closed
        self.voids: tuple[VoidCertificate, ...] = ()
        self.refused = 0
        self.proved: dict[int, FalseShare] = {}
        self.proofs: tuple[FalseShare, ...] = ()
        self.start_attempt()

    def start_attempt(self) -> None:
        """The next attempt, without those who are proved to have spoiled an earlier one."""
        self.task = asking.task_of(self._rules, self._state, len(self.voids))
        out = {*self.proved, *self._state.excluded}
        self.proofs = tuple(self.proved[i] for i in sorted(self.proved))
        self.limit = checks.packet_limit(self._rules, self.task)
        base = asking.base_of(self._rules.scheme, self._state)
        self.collection = Collection(self._me, self.task, base, self._payloads(), out, self._closed, self.memory)

    @property
    def memory(self) -> Memory:
        """What the study's openings, and what was proved in this sum, say of its registers."""
        return self._state.memory.spoiled(frozenset(map(self._rules.register, self.proved)))

    def prove(self, dealer: int, evidence: tuple[bytes, ...]) -> bytes:
        """A dealer's header and what it has shown contradict each other: the proof, for the journal."""
        header, shown = evidence
        return wire.encode(self.proved.setdefault(dealer, FalseShare(header, shown)))

    def recall(self, dealer: int, proof: bytes) -> None:
        """What `prove` gave, after a restart. Raises WireError."""
        self.proved[dealer] = wire.decode(FalseShare, proof)

    def void(self, certificate: VoidCertificate) -> None:
        """The present attempt is over without an opening."""
        self.refused += self.collection.is_closed
        self.voids = (*self.voids, certificate)

    @property
    def announce(self) -> Announce:
        return Announce(
            self.task.context, self._state.sums_done, len(self.voids), self.voids, self.task.last, self.proofs
        )

    @property
    def holders_needed(self) -> int:
        return max(self._rules.threshold, self._rules.min_contributors)

    # While keys come

    @property
    def may_stand(self) -> bool:
        """Whether contributions of those who have joined could be opened together."""
        least, found = self._rules.min_contributors, self.collection
        return len(found.dealers) < least or len(found.updates.could_stand(found.dealers)) >= least

    @property
    def lacking(self) -> frozenset[int]:
        """Who is waited for where the sum adds one block's contributions, and too few of it have joined."""
        found, asked = self.collection, self._state.asked.asked
        if not asked or len(found.dealers) >= self._rules.min_contributors:
            return frozenset()
        able = self._pending.taking_part - found.excluded - set(found.declined) - found.dealers
        return able.intersection(asked)

    def apart(self, there: frozenset[int]) -> frozenset[int]:
        """Who is missing from a block of which these are a part, and did not agree to be singled out."""
        found, memory = self.collection, self.memory
        setting = Setting({}, self._rules.blocks, self._rules.threshold, self._rules.min_contributors)
        waited = setting.waited_for((statement for _, statement in found.updates.as_they_say(there)), memory)
        return frozenset(i for i in self._pending.everyone if self._rules.register(i) in waited)

    def refusals_of(self, there: frozenset[int]) -> tuple[Refusal, ...]:
        """Why the contributions of these may not all be opened together."""
        said = (statement for _, statement in self.collection.updates.as_they_say(there))
        return refusals(said, self._rules.blocks, self.memory)

    # While contributions come

    @property
    def unheard(self) -> frozenset[int]:
        """Who was sent the list of joins and has answered it with nothing."""
        found = self.collection
        return found.joined.intersection(self._pending.packets) - found.heard - self._pending.excluded

    @property
    def can_close(self) -> bool:
        """Whether a manifest may be made: with it, hospitals are bound to wait for `threshold` of the holders."""
        found = self.collection
        present = len(found.joined - self.unheard - self._pending.excluded)
        return found.is_complete and present >= self._rules.threshold

    @property
    def has_left(self) -> bool:
        """Whether an earlier coordinator process left this attempt, or hospitals dealt in it to another list of holders.

        A hospital can claim either falsely, so the attempts that hospitals take part in bound this, too.
        """
        return bool(self.collection.void_voters or self.collection.stale) and self._may_try_again

    @property
    def could_start_again(self) -> bool:
        """Whether those who are there, with whoever came after the list of joins, are enough for a new attempt."""
        found, excluded = self.collection, self._pending.excluded
        if not found.latecomers - excluded or not self._may_try_again:
            return False
        contributors = (found.contributors | found.latecomers) - excluded
        holders = (contributors | found.heard) - excluded
        enough = len(found.updates.could_stand(contributors)) >= self._rules.min_contributors
        return enough and len(holders) >= self.holders_needed

    @property
    def _may_try_again(self) -> bool:
        return len(self.voids) + 1 < asking.MAX_ATTEMPTS

    # While hospitals vote

    @property
    def silent(self) -> frozenset[int]:
        """Holders who have neither voted nor complained."""
        found = self.collection
        return found.joined - found.voters - found.complainers - found.void_voters - self._pending.excluded

    @property
    def consent_may_come(self) -> bool:
        return len(self.collection.voters) + len(self.silent) >= self._rules.threshold

    @property
    def could_leave(self) -> bool:
        """Whether those who are there and have not consented are enough for a void certificate."""
        found = self.collection
        there = (found.latecomers | found.complainers | found.void_voters) - found.voters - self._pending.excluded
        return len(there) >= self._rules.threshold
