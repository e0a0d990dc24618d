"""What a study makes a hospital send, sum by sum: which numbers, how many, how many bytes. Computed, not declared."""

from __future__ import annotations

from dataclasses import dataclass

from cipherward.crypto import ckks, params, schemes
from cipherward.study import Study
from cipherward.tasks.lanes import Layout, RealSegment, Segment
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Question

# Envelopes, headers, votes, certificates and receipts around the values; fitted to what the messages take, and tested.
_UP, _UP_EACH = 2_540, 41
_DOWN, _DOWN_EACH, _DOWN_PAIR = 860, 2_370, 72
_CKKS_CIPHERTEXT, _CKKS_UP, _CKKS_DOWN = 63_700, 1_300, 1_000


@dataclass(frozen=True)
class Group:
    """`count` numbers with one meaning. `exact`: whole counts and sums; otherwise real numbers, rounded."""

    name: str
    count: int
    exact: bool
    meaning: str


@dataclass(frozen=True)
class Outgoing:
    """One kind of sum. `times`: how often at most; bytes are of one sum, for this hospital, first attempt.

    `noisy`: whether this hospital adds noise of its own, for its own patients; otherwise the sum is exact.
    `gives_up_noise`: it could carry such noise, and the study asks for it without. `has_private_updates`: its changes of the model carry the noise of the study's differential privacy.
    """

    purpose: str
    title: str
    times: int
    groups: tuple[Group, ...]
    noisy: bool
    bytes_up: int
    bytes_down: int
    has_private_updates: bool = False
    gives_up_noise: bool = False

    @property
    def count(self) -> int:
        """Numbers in one sum."""
        return sum(group.count for group in self.groups)


def outgoing(study: Study, first: StudyState) -> tuple[Outgoing, ...]:
    """Every kind of sum of a study, in order. `first`: the state before the first sum."""
    return tuple(
        Outgoing(question.purpose, question.title, times, _groups(question), *_rest(study, question))
        for question, times in first.task.plan()
    )


def _rest(study: Study, question: Question) -> tuple[bool, int, int, bool, bool]:
    private = study.privacy is not None and "update" in question.meaning
    can_carry, adds = question.sensitivity is not None, study.own_noise is not None
    return can_carry and adds, *_bytes(study, question.layout), private, can_carry and not adds


def _groups(question: Question) -> tuple[Group, ...]:
    """The question's numbers, those of one meaning together: "update" for every tensor of an update."""
    counts: dict[str, list[Segment]] = {}
    for segment in question.layout.segments:
        name = segment.name if segment.name in question.meaning else segment.name.split("/")[0]
        counts.setdefault(name, []).append(segment)
    return tuple(
        Group(name, sum(s.size for s in parts), not isinstance(parts[0], RealSegment), question.meaning[name])
        for name, parts in counts.items()
    )


def _bytes(study: Study, layout: Layout) -> tuple[int, int]:
    """(up, down) of one sum in which every hospital takes part. Shares are an average over roster places."""
    n, lanes = study.n_hospitals, max(layout.n_lanes, 1)
    if not schemes.facts(study.aggregation.scheme).deals_shares:
        payload = -(-lanes // ckks.N_SLOTS) * _CKKS_CIPHERTEXT
        return _CKKS_UP + payload, _CKKS_DOWN * (n + 1) + payload + 8 * lanes
    chosen = params.choose(lanes, bits=layout.bits, n_hospitals=n, threshold=study.thresholds.threshold)
    up, down = _UP + _UP_EACH * n, _DOWN + _DOWN_EACH * n + _DOWN_PAIR * n * n
    return (
        up + chosen.update_bytes + chosen.share_bytes,
        down + chosen.update_bytes + 4 * chosen.ring.ring_degree,  # the shares to open, the sum, what opens it
    )
