"""Rule 11 at a hospital: which attempt at a sum it joins and consents to, by what its ledger knows of the others."""

from __future__ import annotations

from collections.abc import Sequence

from cipherward.crypto.scheme import SumTask
from cipherward.disclosure.attempts import Attempt, consent_problem, join_problem
from cipherward.disclosure.refusals import Refusal
from cipherward.errors import FaultyCoordinatorError, ProtocolError, RefusedError
from cipherward.parties import asking
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums import false_shares, forks
from cipherward.sums.messages import Announce, VoidRequest
from cipherward.sums.votes import Rules, check_voids
from cipherward.tasks.state import StudyState


def behind() -> RefusedError:
    """The coordinator asks for what was opened and verified here before."""
    return RefusedError(
        "that sum is behind us: it was opened and verified here before",
        hint="once: nothing, an old letter came again; again and again: the coordinator's home is an old copy, call its people",
    )


def announced(rules: Rules, state: StudyState, body: Announce) -> SumTask:
    """The task of an announced attempt at the next sum.

    Raises:
        RefusedError: it is over, or people have to decide first. ProtocolError: it does not follow from what I know.
        FaultyCoordinatorError: it follows on another opening than the one that I was shown.
    """
    if body.round < state.sums_done or state.purpose is None:
        raise behind()
    if closed := state.unexplained:
        raise RefusedError(f"sum {closed.number} does not open, and nobody is proved to have spoiled it: people decide")
    if not body.attempt < asking.MAX_ATTEMPTS:
        raise RefusedError("more attempts at one sum than any hospital takes part in")
    forks.check("the coordinator", body.last, state.last, signed_by_coordinator=True)
    task = asking.task_of(rules, state, body.attempt)
    if body.context != task.context:
        raise ProtocolError("the announced sum is not the one that follows from the approved study and my model")
    return task


def current(
    rules: Rules, state: StudyState, ledger: Ledger, context: bytes, *, in_brief: bool = False
) -> tuple[SumTask, SumRecord]:
    """The task and record of one of the attempts at the next sum.

    Raises:
        RefusedError: the ledger knows of none. ProtocolError: it does not follow from what I know.
    """
    record = ledger.in_brief(context) if in_brief else ledger.sum(context)
    if record is None or record.round != state.sums_done or state.purpose is None:
        raise RefusedError("not about a sum that I take part in")
    task = asking.task_of(rules, state, record.attempt)
    if task.context != context:
        raise ProtocolError("the sum does not follow from the approved study and my model")
    return task, record


def to_void(rules: Rules, state: StudyState, body: VoidRequest) -> int:
    """Which attempt at the next sum is to be left.

    Raises:
        RefusedError: there is no next sum. ProtocolError: none has this context.
    """
    if state.purpose is None:
        raise RefusedError("the study is finished")
    attempt = asking.attempt_of(rules, state, body.context)
    if attempt is None:
        raise ProtocolError("asked to void a sum that does not follow from the approved study and my model")
    return attempt


def check_join(rules: Rules, task: SumTask, standing: Standing, contexts: Sequence[bytes], body: Announce) -> None:
    """Every earlier attempt is proved void, known here or not; what the ledger holds of them is then void. Who is proved to
    have dealt a false share in one of them is protected no longer.

    Args:
        contexts: of all attempts at the sum, in order.

    Raises:
        RefusedError, ProtocolError: this attempt is not joined.
    """
    ledger, earlier = standing.ledger, contexts[: body.attempt]
    check_voids(rules, earlier, body.voids)
    proved = false_shares.dealers(rules, task, earlier, body.proofs)
    _refuse(join_problem(_known(ledger, contexts), body.attempt, range(body.attempt)))
    for context in earlier:
        ledger.mark_void(context)
    standing.void(earlier)
    standing.spoiled(frozenset(map(rules.register, proved)))


def check_consent(ledger: Ledger, contexts: Sequence[bytes], attempt: int) -> None:
    """No other attempt at the sum has this hospital's consent and may still be opened.

    Raises:
        RefusedError: one has, or a later one was joined.
    """
    _refuse(consent_problem(_known(ledger, contexts), attempt))


def check_opened(ledger: Ledger, contexts: Sequence[bytes], attempt: int) -> None:
    """No void certificate of this attempt was shown here.

    Raises:
        FaultyCoordinatorError: one was, and now the attempt is said to be opened.
    """
    known = _known(ledger, contexts)
    if any((a.number > attempt and a.is_joined) or (a.number == attempt and a.is_resolved) for a in known):
        raise FaultyCoordinatorError(
            f"attempt {attempt} of this sum is opened, and I was shown that it is void", culprit="coordinator"
        )


def _known(ledger: Ledger, contexts: Sequence[bytes]) -> list[Attempt]:
    return [
        Attempt(
            known.attempt,
            is_joined=bool(known.joined),
            is_consented=bool(known.manifest),
            is_void=bool(known.vote and not known.manifest),
            is_resolved=known.is_void,
        )
        for known in ledger.sums(contexts)
    ]


def _refuse(refusal: Refusal | None) -> None:
    if refusal:
        raise RefusedError(refusal.what, hint=refusal.way_out)
