"""A dealer that shows another share than the one it signed: proof for everybody, in its own two signatures (rule 14)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.scheme import SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import disputes
from cipherward.sums.evidence import Shown
from cipherward.sums.messages import FalseShare, Header, read
from cipherward.sums.votes import Rules


def dealers(rules: Rules, task: SumTask, contexts: Sequence[bytes], proofs: Iterable[FalseShare]) -> frozenset[int]:
    """Who is proved to have dealt a false share in one of these attempts at the sum of `task`.

    Raises:
        ProtocolError, WireError: a proof proves nothing, so nobody is named.
    """
    return frozenset(_dealer(rules, task, contexts, proof) for proof in proofs)


def _dealer(rules: Rules, task: SumTask, contexts: Sequence[bytes], proof: FalseShare) -> int:
    headed = open_signed(proof.header, study=rules.study, keys=rules.keys, kind="Header")
    shower = open_signed(proof.shown, study=rules.study, keys=rules.keys, kind="Shown")
    header, shown, dealer = read(headed, Header), read(shower, Shown), headed.sender
    if shower.sender != dealer or dealer == COORDINATOR:
        raise ProtocolError("a proof of a false share with the signatures of two parties, or the coordinator's")
    if header.context != shown.context or header.context not in contexts:
        raise ProtocolError("a proof of a false share about two attempts, or about another sum")
    attempt, holders = dataclasses.replace(task, context=header.context), header.shares.holders
    own = [item for item in shown.shares if item.dealer == dealer and item.holder in holders]
    if all(disputes.matches(attempt, header, item) for item in own):
        raise ProtocolError(f"a proof of a false share of hospital {dealer} that proves nothing")
    return dealer
