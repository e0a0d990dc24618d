"""What proves that a hospital's signed answer to a challenge is false: it contradicts something else that it has signed."""

from __future__ import annotations

import numpy as np

from cipherward.errors import ProtocolError
from cipherward.sums import attribution, disputes
from cipherward.sums.attribution import Culprit, Numbers
from cipherward.sums.cases import Case
from cipherward.sums.evidence import Answer, Contradiction, Excerpt, ShownSlice


def check(case: Case, answer: Answer, item: Contradiction) -> Culprit:
    """The hospital that this proves to have spoiled the sum of the case.

    Args:
        answer: its signed answer.

    Raises:
        ProtocolError, WireError: it proves nothing.
    """
    culprit = Culprit(item.hospital, item.dealer, item.holder, item.place)
    if np.array_equal(*_two_things(case, answer, item)):
        raise ProtocolError(f"a proof against hospital {item.hospital} that proves nothing")
    return culprit


def _two_things(case: Case, answer: Answer, item: Contradiction) -> tuple[Numbers, Numbers]:
    if item.hospital == item.holder and not item.dealer:
        row = case.held_shape.read_row(_part(answer.held), item.said, item.place)
        return attribution.total(case.held_shape.modulus, row), case.says_released(answer)[item.place]
    if item.dealer not in case.headers or item.holder not in case.holders:
        raise ProtocolError("a proof about a share that nobody has dealt")
    if item.dealer == item.holder == item.hospital:
        dealt = Excerpt(item.other, b"", item.path)
        return said_held(case, answer, item.dealer, item.place, item.said), said_dealt(
            case, answer, item.holder, item.place, dealt
        )
    shown = ShownSlice(item.dealer, item.holder, item.place, item.other, item.path, item.sealed_digest)
    if not disputes.slice_matches(case.task, case.headers[item.dealer], case.held_shape.n_slices, shown):
        raise ProtocolError("a proof with a share that is not the one in its dealer's header")
    right = case.scheme.numbers_shown(case.task, case.seed, item.place, item.other)
    if item.hospital == item.holder:
        return said_held(case, answer, item.dealer, item.place, item.said), right
    if item.hospital == item.dealer:
        return said_dealt(case, answer, item.holder, item.place, item.said), right
    raise ProtocolError("a proof about a share that its subject has neither dealt nor held")


def said_held(case: Case, answer: Answer, dealer: int, place: int, said: Excerpt) -> Numbers:
    """The numbers that a holder's answer has of a slice of the share that it got from a dealer. Raises ProtocolError, WireError."""
    return case.held_shape.read_entry(_part(answer.held), said, place, case.dealers.index(dealer))


def said_dealt(case: Case, answer: Answer, holder: int, place: int, said: Excerpt) -> Numbers:
    """Those that a dealer's answer has of a slice of the share that it dealt to a holder. Raises ProtocolError, WireError."""
    row = case.dealt_shape.read_row(_part(answer.dealt), said, place)
    points, modulus = case.holders[: case.rules.threshold], case.dealt_shape.modulus
    numbers: Numbers = attribution.polynomial_at(row, points, [holder], modulus)[0]
    return numbers


def _part(root: bytes) -> bytes:
    if not root:
        raise ProtocolError("a proof by a part of an answer that is not there")
    return root
