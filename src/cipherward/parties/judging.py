"""What follows from an opening, as hospitals and auditors work it out for themselves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cipherward.crypto.scheme import SumTask
from cipherward.disclosure.standing import Statement
from cipherward.errors import ProtocolError, SuspectError
from cipherward.parties import asking
from cipherward.sums import challenge, false_shares, hospital_steps, unopened
from cipherward.sums.attribution import Verdict
from cipherward.sums.hospital_steps import Verified
from cipherward.sums.messages import Opening, opening_digest
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.state import StudyState


@dataclass(frozen=True)
class Judgement:
    """The next state. `verified` is None for a void sum, and `reason` then says why it is void; `said`: how those in it stood."""

    following: StudyState = field(repr=False)
    contributors: tuple[int, ...]
    said: tuple[Statement, ...]
    verified: Verified | None = None
    reason: str = ""


@dataclass
class Judged:
    """The newest opening that a party of this process found in order, and what follows from it, for the other parties of
    the process: one with the same rules and the same state that gets the very same opening checks in it what is its own.
    A hospital on a machine of its own has none."""

    _kept: tuple[Rules, SumTask, StudyState, Opening, Judgement] | None = field(default=None, repr=False)

    def known(self, rules: Rules, task: SumTask, state: StudyState, opening: Opening) -> Judgement | None:
        """What follows from an opening that opens, where a party with the same rules and state has found that."""
        if self._kept is None:
            return None
        before, asked, at, same, found = self._kept
        return found if before is rules and at is state and asked == task and same == opening else None

    def keep(self, rules: Rules, task: SumTask, state: StudyState, opening: Opening, found: Judgement) -> None:
        self._kept = rules, task, state, opening, found


def judge(
    me: Member,
    task: SumTask,
    state: StudyState,
    opening: Opening,
    *,
    own_header: bytes | None = None,
    consented: bytes | None = None,
    judged: Judged | None = None,
) -> Judgement:
    """Verify an opening and recompute what follows; the digest of the next state is still to be compared.

    Args:
        judged: what parties of the same process have found.

    Raises:
        SuspectError: it does not open, and that is not proved.
        DataError: the sums make no model. And as `hospital_steps.verify`, `unopened.check` and `challenge.verdict`.
    """
    known = judged.known(me.rules, task, state, opening) if judged else None
    if known and known.verified:
        mine = hospital_steps.verified_here(me, opening, known.verified, own_header=own_header, consented=consented)
        return replace(known, verified=mine)
    found = _judge(me, task, state, opening, own_header=own_header, consented=consented)
    if judged and found.verified:
        judged.keep(me.rules, task, state, opening, found)
    return found


def _judge(
    me: Member, task: SumTask, state: StudyState, opening: Opening, *, own_header: bytes | None, consented: bytes | None
) -> Judgement:
    if not opening.attempt < asking.MAX_ATTEMPTS:
        raise ProtocolError("the opening is of an attempt that no hospital takes part in")
    earlier = asking.contexts_of(me.rules, state, opening.attempt)
    false_dealers = false_shares.dealers(me.rules, task, (*earlier, task.context), opening.proofs)
    contributors = hospital_steps.contributors_of(me.rules, opening)
    state = state.proved(false_dealers, frozenset(map(me.rules.register, false_dealers.difference(contributors))))

    def seen(following: StudyState) -> StudyState:
        spoilers = frozenset(me.rules.register(i) for i in following.excluded)
        manifest_digest = challenge.manifest_digest(me.rules, opening)
        opened = opening_digest(task.context, manifest_digest, following.digest())
        return following.seen(opened, task.context, said, me.rules.blocks, spoilers)

    try:
        verified = hospital_steps.verify(
            me, task, opening, own_header=own_header, consented=consented, memory=state.memory, earlier=earlier
        )
    except SuspectError as error:
        if me.rules.scheme.deals_shares and not (opening.releases or opening.challenge):
            raise
        unopened.check(me.rules, task, opening, asking.base_of(me.rules.scheme, state))
        found = challenge.verdict(me.rules, task, opening)
        said = hospital_steps.statements_in(me.rules, task, opening)
        return Judgement(seen(after_failed(state, contributors, found)), contributors, said, None, error.message)
    said = verified.statements
    try:
        following = asking.following(me.rules.scheme, state, verified.sums, len(verified.contributors))
    except SuspectError as error:
        failed = seen(state.after_failed(verified.contributors))
        return Judgement(failed, verified.contributors, said, None, error.message)
    return Judgement(seen(following), verified.contributors, said, verified)


def after_failed(state: StudyState, contributors: Sequence[int], found: Verdict) -> StudyState:
    """The state after a sum that does not open, with those whom the evidence names."""
    return state.after_failed(contributors, [(culprit.hospital, culprit.reason) for culprit in found.culprits])


def agrees(judgement: Judgement, opening: Opening) -> bool:
    """Whether the opening announces the state that follows.

    Raises:
        ProtocolError: it is void, and the opening says something else.
    """
    if judgement.following.digest() == opening.next_model:
        return True
    if judgement.verified is None:
        raise ProtocolError(f"the sum is void ({judgement.reason}), and the announced next state is not what follows")
    return False


def checked(verified: Verified, state: StudyState) -> str:
    """What a receipt says of a sum, the next of `state`, that was verified: the checks, what they rest on, and whose noise
    it carries."""
    assumed = ("assumed: " + "; ".join(verified.assumed),) if verified.assumed else ()
    parts = (*verified.checks, "next model recomputed, digest matches", *assumed)
    whose = state.whose_noise
    said = f"noise: {whose}" if whose else "exact, so it promises single patients nothing"
    words = "; ".join((*parts, f"at most {state.study.thresholds.corrupt} corrupt hospital(s) assumed", said))
    return sys.intern(words)  # nearly every sum of a study has the same, and outcomes are kept
