"""Which messages about the current sum belong to which phases, and what takes them."""

from __future__ import annotations

from collections.abc import Callable

from cipherward.parties import sumlog
from cipherward.parties.phases import Phase
from cipherward.parties.steps import Steps
from cipherward.sums import checks
from cipherward.sums.checks import Check, SetAside


def take(steps: Steps, sender: int, kind: str, content: memoryview) -> bool:
    """Give a message to the current sum; whether it is new.

    Raises:
        ProtocolError, WireError: it is not used, with the reason and the number of the check.
    """
    if kind not in _TAKEN or steps.phase not in _TAKEN[kind][0]:
        raise checks.late(f"a {kind} message has no place in phase {steps.phase.value!r}")
    return _TAKEN[kind][1](steps, sender, content)


def said_by(steps: Steps, item: SetAside) -> str:
    """What a message that was set aside says about its sender all the same, as the journal calls it; "" for nothing."""
    if steps.phase is Phase.DEAL and item.kind == "Update" and item.check >= Check.HOLDERS:
        # Signed by this hospital for this sum: nothing better will come from it.
        return sumlog.STALE if item.sender in steps.sum.collection.stale else sumlog.HEARD
    is_open = item.kind == "Join" and steps.phase in (Phase.DEAL, Phase.CONSENT)
    return sumlog.LATECOMER if is_open and item.sender in steps.sum.collection.latecomers else ""


def is_counted(steps: Steps, sender: int, kind: str) -> bool:
    """Whether a late message is a repeat of one that was in time, or not one that its sender would miss."""
    if kind not in ("Join", "Update"):
        return True
    if not steps.is_summing:
        return sender in steps.opened.contributors
    found = steps.sum.collection
    return sender in (found.joined if kind == "Join" else found.contributors)


def _join(steps: Steps, sender: int, content: memoryview) -> bool:
    return steps.sum.collection.add_join(sender, bytes(content))


def _update(steps: Steps, sender: int, content: memoryview) -> bool:
    started = steps.clock()
    steps.sum.collection.add_update(sender, content)  # an update stays where it is
    steps.spend("add", started)
    return True


def _declined(steps: Steps, sender: int, content: memoryview) -> bool:
    found = steps.sum.collection
    is_new = found.add_declined(sender, bytes(content))
    if is_new:
        steps.log("declined", {"hospital": sender, "reason": found.declined[sender]})
    return is_new


def _vote(steps: Steps, sender: int, content: memoryview) -> bool:
    return steps.sum.collection.add_vote(sender, bytes(content))


def _complaint(steps: Steps, sender: int, content: memoryview) -> bool:
    return steps.sum.collection.add_complaint(sender, bytes(content))


def _release(steps: Steps, sender: int, content: memoryview) -> bool:
    return steps.sum.collection.add_release(sender, bytes(content))


def _attested(steps: Steps, sender: int, content: memoryview) -> bool:
    return steps.sum.collection.add_attested(sender, bytes(content))


def _answer(steps: Steps, sender: int, content: memoryview) -> bool:
    return steps.inquiry.add_answer(sender, bytes(content))


def _shown(steps: Steps, sender: int, content: memoryview) -> bool:
    if steps.phase is Phase.SHOW:
        return steps.inquiry.add_shown(sender, bytes(content))
    return steps.sum.collection.add_shown(sender, bytes(content))


_Taking = Callable[[Steps, int, memoryview], bool]

_TAKEN: dict[str, tuple[frozenset[Phase], _Taking]] = {
    "Join": (frozenset({Phase.JOIN, Phase.DEAL, Phase.CONSENT}), _join),
    "Update": (frozenset({Phase.DEAL}), _update),
    "Declined": (frozenset({Phase.JOIN, Phase.DEAL}), _declined),
    "Vote": (frozenset({Phase.DEAL, Phase.CONSENT, Phase.VOID, Phase.RELEASE}), _vote),
    "Complaint": (frozenset({Phase.CONSENT}), _complaint),
    "Release": (frozenset({Phase.RELEASE}), _release),
    "Attested": (frozenset({Phase.RELEASE}), _attested),
    "Answered": (frozenset({Phase.CHALLENGE}), _answer),
    "Shown": (frozenset({Phase.CONSENT, Phase.SHOW}), _shown),
}
