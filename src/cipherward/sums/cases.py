"""A certified sum that does not open, as everybody sees it who judges: `challenge.case_of` reads it from an opening."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyCoordinatorError, ProtocolError
from cipherward.sums import attribution
from cipherward.sums.attribution import Culprit, Numbers
from cipherward.sums.evidence import Answer
from cipherward.sums.messages import Header, read
from cipherward.sums.tables import Shape
from cipherward.sums.votes import Rules


def shape_of(scheme: QuorumScheme, task: SumTask, n_columns: int) -> Shape:
    """Of a table of numbers about the shares of this sum."""
    return Shape(scheme.share_slices(task), n_columns, scheme.share_modulus(task))


@dataclass(frozen=True)
class Case:
    """A certified sum that does not open: what is signed about it before anybody has answered.

    `holders`: everyone with a share, increasing; `released`: those of them whose releases the challenge lists.
    `releases`: what these have released, as far as it is there.
    """

    rules: Rules
    task: SumTask
    scheme: QuorumScheme
    seed: bytes
    headers: Mapping[int, Header]
    holders: tuple[int, ...]
    released: tuple[int, ...]
    releases: Mapping[int, bytes]

    @cached_property
    def dealers(self) -> list[int]:
        return sorted(self.headers)

    @cached_property
    def held_shape(self) -> Shape:
        """Of what holders answer about the shares that they hold."""
        return shape_of(self.scheme, self.task, len(self.headers))

    @cached_property
    def dealt_shape(self) -> Shape:
        """Of what dealers answer about those that they dealt to the first holders."""
        return shape_of(self.scheme, self.task, self.rules.threshold)

    def read_answer(self, data: bytes) -> tuple[int, Answer]:
        """A signed answer to this very challenge, of somebody who can give one, and its sender.

        Raises:
            ProtocolError, WireError: it is none.
        """
        signed = open_signed(data, study=self.rules.study, keys=self.rules.keys, kind="Answer")
        body = read(signed, Answer)
        if signed.sender == COORDINATOR or body.seed != self.seed:
            raise ProtocolError("an answer of nobody on the roster, or to another challenge")
        if bool(body.released) != bool(body.held) or (body.held and signed.sender not in self.released):
            raise ProtocolError("an answer about shares that its sender has not released, or about half of them")
        if body.released:
            self.says_released(body)
        return signed.sender, body

    def says_released(self, answer: Answer) -> Numbers:
        """What an answer says of its sender's release, uint32[slices, 8]. Raises ProtocolError: malformed."""
        return self.held_shape.read(answer.released, self.held_shape.n_slices)

    def numbers_released(self, holder: int) -> Numbers:
        """Those of the release that is here."""
        return self.scheme.numbers_released(self.task, self.seed, self.releases[holder])

    @property
    def first(self) -> tuple[int, ...]:
        """Whose releases give the witness."""
        return self.released[: self.rules.threshold]

    def contradicted(self, holder: int, answer: Answer) -> Culprit | None:
        """A holder that says other numbers of its release than those of the release that is here."""
        if not answer.released or holder not in self.releases:
            return None
        places = np.flatnonzero((self.says_released(answer) != self.numbers_released(holder)).any(axis=-1))
        return Culprit(holder, 0, holder, int(places[0])) if places.size else None

    def check_witness(self, answers: Mapping[int, Answer], witness: bytes) -> None:
        """Whether the first releases give this witness: each as it is here, or as its holder's answer has it.

        The vectors depend on the witness, so another one has these numbers with probability 2^-127.

        Raises:
            FaultyCoordinatorError: they do not. ProtocolError: the release and the answer of one of them are left out.
        """
        scheme, modulus, rows = self.scheme, self.scheme.share_modulus(self.task), list[Numbers]()
        for holder in self.first:
            if holder in self.releases:
                rows.append(attribution.total(modulus, self.numbers_released(holder)))
            elif holder in answers and answers[holder].released:
                rows.append(attribution.total(modulus, self.says_released(answers[holder])))
            else:
                raise ProtocolError(f"neither the release of hospital {holder} nor its answer is there")
        (given,) = attribution.polynomial_at(np.stack(rows), self.first, [0], modulus)
        if not np.array_equal(given, scheme.numbers_witness(self.task, self.seed, witness)):
            raise FaultyCoordinatorError(
                "the stated witness is not what the signed releases give", culprit="coordinator"
            )
