"""What the coordinator sends at once because of a message that it has taken, before the phase ends."""

from __future__ import annotations

from cipherward.crypto import wire
from cipherward.parties.pending import Outgoing, Pending
from cipherward.parties.phases import Phase
from cipherward.parties.steps import Steps
from cipherward.sums.packets import pack


def to(steps: Steps, pending: Pending, sender: int, kind: str, is_new: bool) -> list[Outgoing]:
    """The packets that follow from a message of `kind`; whoever gets one is waited for."""
    if kind == "Vote" and is_new and steps.phase is Phase.RELEASE:
        return _late_consent(steps, pending, sender)
    if steps.phase is Phase.CONSENT and kind == "Complaint":
        # The dealer shows that one share, and its digest decides. Who complains is still asked to consent.
        asked = steps.sum.collection.complaints.asked_to_show(sender)
        return [(dealer, pack("ShowRequest", steps.signed(request))) for dealer, request in asked.items()]
    if steps.phase is Phase.CONSENT and kind == "Shown":
        return _asked_again(steps, pending, sender)
    return []


def _late_consent(steps: Steps, pending: Pending, sender: int) -> list[Outgoing]:
    """The sum is certified, and one more hospital may release: perhaps in the place of one that is gone."""
    if sender not in steps.sum.collection.voters:
        return []
    answer = (sender, pack("Certificate", steps.certificate))
    pending.ask_too([answer])
    return [answer]


def _asked_again(steps: Steps, pending: Pending, dealer: int) -> list[Outgoing]:
    """Those who complained about this dealer can look at the share that it has shown."""
    found = steps.sum.collection
    complainers = sorted(found.complaints.shown_by(dealer) - found.voters)
    again = [(i, pack("ConsentRequest", wire.encode(found.request_for(i)))) for i in complainers]
    pending.ask_too(again)
    return again
