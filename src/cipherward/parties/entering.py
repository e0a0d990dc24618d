"""A hospital begins to take part in a study: what its ledger has to know before the first message."""

from __future__ import annotations

from cipherward.disclosure.standing import Agreement, of_scheme
from cipherward.parties import given_up, inheritance
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger
from cipherward.sums.votes import Rules
from cipherward.tasks.state import StudyState


def enter(
    ledger: Ledger, rules: Rules, index: int, state: StudyState, answer: Agreement, steps: tuple[int, ...] = ()
) -> Standing:
    """How this hospital's register stands, once the ledger holds what the document and its openings show.

    Args:
        steps: the refreshes at which the batches that are read entered.

    Raises:
        RefusedError: the document names keys otherwise than this hospital knows them (rule 4).
        StudyError: it gives up a founding without proof.
    """
    if refused := inheritance.problem(ledger, state.study, index):
        raise refused
    inheritance.accept(ledger, state.study)
    standing = Standing(ledger, rules.register(index), state.study.hospitals[index - 1].refresh, steps)
    standing.widen(of_scheme(answer, hides_single_updates=rules.hides_single_updates))
    standing.learn(state.memory)
    if voided := given_up.contexts_of(state.study):
        for context in voided:
            ledger.mark_void(context)
        standing.void(voided)
    return standing
