"""What a study makes a hospital send, sum by sum: which numbers, how many, how many bytes. Computed, not declared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from cipherward.crypto import ckks, params
from cipherward.data.preprocess import Preprocessor
from cipherward.study import Study
from cipherward.tasks.lanes import Layout, RealSegment
from cipherward.tasks.state import Purpose, StudyState

_MEANING = {
    "rows": "how many training rows there are, and how many have the outcome",
    "present": "for each numeric column: how many training rows have a value",
    "sum": "for each numeric column: the sum of its values (scaled to 0..1, training rows)",
    "square": "for each numeric column: the sum of its squared values (likewise)",
    "sum_fine": "for each numeric column: further digits of its sum",
    "square_fine": "for each numeric column: further digits of the sum of its squares",
    "weight": "how much this hospital's update counts: its training rows, as a share of a cap",
    "clipped": "for each part of the model: how many numbers of the update were cut to the range",
    "crowded": "for each part of the model: how many numbers of the update were large",
    "test/negative": "histogram of the model's scores on test rows without the outcome",
    "test/positive": "histogram of the model's scores on test rows with the outcome",
    "test/brier": "sum of squared errors of the scores on test rows",
    "test/log_loss": "sum of logarithmic errors of the scores on test rows",
    "validation": "loss on the validation rows, and how many there are",
}
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
    """One kind of sum. `times`: how often at most; bytes are of one sum, for this hospital, first attempt."""

    purpose: Purpose
    times: int
    groups: tuple[Group, ...]
    bytes_up: int
    bytes_down: int

    @property
    def count(self) -> int:
        """Numbers in one sum."""
        return sum(group.count for group in self.groups)


def outgoing(study: Study, first: StudyState) -> tuple[Outgoing, ...]:
    """Every kind of sum of a study, in order. `first`: the state before the first sum."""
    zeros = tuple(0.0 for column in study.columns if column.kind == "numeric")
    fitted = Preprocessor(study.columns, zeros, tuple(1.0 for _ in zeros), 1, 1)
    training = dataclasses.replace(first, preprocessor=fitted, sums_done=1)
    rounds = study.training.rounds
    last = dataclasses.replace(training, rounds_done=rounds, sums_done=rounds + 1)
    found = []
    for state, times in ((first, 1), (training, rounds), (last, 1)):
        purpose, layout = state.purpose, state.layout()
        if purpose is not None:
            found.append(Outgoing(purpose, times, _groups(layout), *_bytes(study, layout)))
    return tuple(found)


def _groups(layout: Layout) -> tuple[Group, ...]:
    groups: list[Group] = []
    updates = [s for s in layout.segments if s.name.startswith("update/")]
    if updates:
        tensors = ", ".join(segment.name.removeprefix("update/") for segment in updates)
        meaning = f"the change of the model by training here, multiplied by the weight ({tensors})"
        groups.append(Group("update", sum(segment.size for segment in updates), False, meaning))
    for segment in layout.segments:
        if not segment.name.startswith("update/"):
            exact = not isinstance(segment, RealSegment)
            groups.append(Group(segment.name, segment.size, exact, _MEANING.get(segment.name, segment.name)))
    return tuple(groups)


def _bytes(study: Study, layout: Layout) -> tuple[int, int]:
    """(up, down) of one sum in which every hospital takes part. Shares are an average over roster places."""
    n, lanes = study.n_hospitals, max(layout.n_lanes, 1)
    if study.aggregation.scheme == "ckks":
        payload = -(-lanes // ckks.N_SLOTS) * _CKKS_CIPHERTEXT
        return _CKKS_UP + payload, _CKKS_DOWN * (n + 1) + payload + 8 * lanes
    chosen = params.choose(lanes, bits=layout.bits, n_hospitals=n, threshold=study.thresholds.threshold)
    up, down = _UP + _UP_EACH * n, _DOWN + _DOWN_EACH * n + _DOWN_PAIR * n * n
    return (
        up + chosen.update_bytes + chosen.share_bytes,
        down + chosen.update_bytes + 4 * chosen.ring.ring_degree,  # the shares to open, the sum, what opens it
    )
