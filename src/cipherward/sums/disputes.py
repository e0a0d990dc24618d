"""Shares, and slices of them, that somebody disputes, shown in the clear: the digest in the dealer's signed header decides
which is the one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cipherward.crypto import sealing, slices
from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.scheme import SumTask, shown_digest
from cipherward.errors import ProtocolError
from cipherward.sums.evidence import Shown, ShownShare, ShownSlice
from cipherward.sums.messages import Header, read
from cipherward.sums.votes import Rules


def matches(task: SumTask, header: Header, item: ShownShare) -> bool:
    """Whether this is the share that the dealer of the header committed to."""
    expected = header.shares.get(item.holder)
    commitment = sealing.commitment(task, item.dealer, item.holder, item.share)
    return expected == shown_digest(commitment, item.sealed_digest)


def slice_matches(task: SumTask, header: Header, n_slices: int, item: ShownSlice) -> bool:
    """Whether this is a slice of the share that the dealer of the header committed to. Raises WireError: no path to one."""
    expected = header.shares.get(item.holder)
    root = slices.root_from(item.piece, item.place, n_slices, item.path)
    return expected == shown_digest(sealing.commitment_to(task, item.dealer, item.holder, root), item.sealed_digest)


def read_shown(
    rules: Rules, task: SumTask, messages: Iterable[bytes], headers: Mapping[int, Header]
) -> dict[tuple[int, int], bytes]:
    """By (dealer, holder), the shares in signed messages that match the digest in their dealer's header.

    Args:
        headers: of the manifest's contributors, signatures checked.

    Raises:
        ProtocolError, WireError: a message is forged, malformed or about another sum.
    """
    found: dict[tuple[int, int], bytes] = {}
    for data in messages:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Shown")
        body = read(signed, Shown)
        if signed.sender == COORDINATOR or body.context != task.context:
            raise ProtocolError("a share is shown by nobody on the roster, or of another sum")
        for item in body.shares:
            if item.dealer in headers and matches(task, headers[item.dealer], item):
                found[item.dealer, item.holder] = item.share
    return found
