"""Whether a hospital's ledger remembers what the hospital has signed, as others can show it."""

from __future__ import annotations

from cipherward.parties.contribution import Log
from cipherward.store.ledger import Ledger
from cipherward.sums.hospital_steps import OLD_COPY
from cipherward.sums.messages import Receipt, unsign
from cipherward.sums.votes import Member


def remembers(me: Member, ledger: Ledger, data: bytes, log: Log) -> bool:
    """Whether a receipt with my signature, which the coordinator sends back, is in my ledger; if not, the log says what to do.

    Raises:
        ProtocolError, WireError: not a receipt of mine.
    """
    body = unsign(data, Receipt, study=me.rules.study, keys=me.rules.keys, sender=me.index)
    if not body.context or ledger.receipt(me.rules.study, body.round):
        return True
    reason = (
        f"the ledger is older than my receipt for sum {body.round}, which the coordinator has: was it lost or set back?"
    )
    log("refused", {"kind": "Receipt", "reason": reason, "hint": OLD_COPY})
    return False
