"""Rule 11 at a hospital: which attempt at a sum it joins and consents to, by what its ledger knows of the others."""

from __future__ import annotations

from collections.abc import Sequence

from cipherward.disclosure.attempts import Attempt, consent_problem, join_problem
from cipherward.disclosure.refusals import Refusal
from cipherward.errors import RefusedError
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger
from cipherward.sums.messages import Announce
from cipherward.sums.votes import Rules, check_void


def check_join(rules: Rules, standing: Standing, contexts: Sequence[bytes], body: Announce) -> None:
    """Every earlier attempt is proved void, known here or not; what the ledger holds of them is then void.

    Args:
        contexts: of all attempts at the sum, in order.

    Raises:
        RefusedError, ProtocolError: this attempt is not joined.
    """
    ledger, earlier = standing.ledger, contexts[: body.attempt]
    if len(body.voids) != len(earlier):
        raise RefusedError("a new attempt needs a void certificate for each earlier one")
    for context, certificate in zip(earlier, body.voids, strict=True):
        check_void(rules, context, certificate.votes)
    _refuse(join_problem(_known(ledger, contexts), body.attempt, range(body.attempt)))
    for context in earlier:
        ledger.mark_void(context)
    standing.void(earlier)


def check_consent(ledger: Ledger, contexts: Sequence[bytes], attempt: int) -> None:
    """No other attempt at the sum has this hospital's consent and may still be opened.

    Raises:
        RefusedError: one has, or a later one was joined.
    """
    _refuse(consent_problem(_known(ledger, contexts), attempt))


def _known(ledger: Ledger, contexts: Sequence[bytes]) -> list[Attempt]:
    records = ((number, ledger.sum(context)) for number, context in enumerate(contexts))
    return [
        Attempt(
            number,
            is_joined=bool(known.joined),
            is_consented=bool(known.manifest),
            is_void=bool(known.vote and not known.manifest),
            is_resolved=known.is_void,
        )
        for number, known in records
        if known
    ]


def _refuse(refusal: Refusal | None) -> None:
    if refusal:
        raise RefusedError(refusal.what, hint=refusal.way_out)
