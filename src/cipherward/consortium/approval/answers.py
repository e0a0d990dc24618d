"""The answer that every approval gives: may this hospital be singled out by what is opened?"""

from __future__ import annotations

from cipherward.disclosure.blocks import ALONE
from cipherward.disclosure.standing import Agreement
from cipherward.errors import RefusedError
from cipherward.parties import who_stands
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger
from cipherward.study import Study


def check(study: Study, index: int, answer: Agreement) -> None:
    """Raises RefusedError where the study has this hospital stand by itself, and it may not be singled out."""
    is_alone = who_stands.blocks_of(study).of(who_stands.registers_of(study)[index - 1]) == ALONE
    can_be_read = not who_stands.hides_single_updates(study)
    if answer is Agreement.NO and (can_be_read or is_alone):
        why = (
            f"its scheme {study.aggregation.scheme!r} lets the coordinator read single updates"
            if can_be_read
            else "the study lists no block for this hospital, so it would stand in sums by itself"
        )
        raise RefusedError(
            f"the study {study.name!r} cannot be approved with the answer no: {why} (rule 3)",
            hint="ask the coordinator for a study that lists this hospital in a block, under scheme quorum; or answer yes",
        )


def kept(ledger: Ledger, study: Study, index: int) -> str:
    """What the ledger holds for all studies: "yes" or "no"; empty before a first study has run."""
    binding = Standing(ledger, who_stands.registers_of(study)[index - 1]).binding
    return "yes" if binding.agreement is Agreement.YES else "no" if binding.open or binding.is_founded else ""
