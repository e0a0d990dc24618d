"""The coordinator's side of a challenge: ask once, collect answers and disputed shares, put the evidence in the opening."""

from __future__ import annotations

import dataclasses

from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyHospitalError, ProtocolError
from cipherward.sums import challenge, disputes
from cipherward.sums.attribution import Verdict
from cipherward.sums.challenge import Case
from cipherward.sums.messages import Answer, Opening, Shown, ShowRequest, sign, unsign
from cipherward.sums.votes import Member


class Inquiry:
    """One certified sum that does not open.

    Args:
        opening: as it would be published, with its signed releases and without a challenge.

    Attributes:
        signed: the signed challenge.
    """

    def __init__(self, me: Member, task: SumTask, opening: Opening, manifest_digest: bytes) -> None:
        releases = challenge.signed_releases(me.rules, task, opening)
        asked = challenge.make(task, manifest_digest, releases)
        self._rules, self._task = me.rules, task
        self.signed = sign(me.identity, me.rules.study, me.index, asked)
        self._opening = dataclasses.replace(opening, challenge=self.signed)
        case = challenge.case_of(me.rules, task, self._opening)
        if case is None:
            raise ValueError("this scheme knows no challenge")
        self._case: Case = case
        self._answers: dict[int, tuple[bytes, Answer]] = {}
        self._shown: dict[int, bytes] = {}

    def add_answer(self, sender: int, data: bytes) -> bool:
        """Note an answer; whether it is new.

        Raises:
            FaultyHospitalError: a second, different answer; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        answering, body = self._case.read_answer(data)
        if answering != sender:
            raise ProtocolError("an answer of somebody else")
        if sender in self._answers:
            first = self._answers[sender][0]
            if first != data:
                raise FaultyHospitalError(
                    "a second, different answer", culprit=f"hospital {sender}", evidence=(first, data)
                )
            return False
        self._answers[sender] = data, body
        return True

    def add_shown(self, sender: int, data: bytes) -> bool:
        """Note shares that a hospital shows; whether they are new. Raises ProtocolError or WireError."""
        body = unsign(data, Shown, study=self._rules.study, keys=self._rules.keys, sender=sender)
        if not disputes.read_shown(self._rules, self._task, [data], self._case.headers):
            raise ProtocolError("shows no share that its dealer committed to")
        if any(sender not in (item.dealer, item.holder) for item in body.shares):
            raise ProtocolError("shows a share that is not its own")
        is_new = sender not in self._shown
        self._shown.setdefault(sender, data)
        return is_new

    @property
    def answered(self) -> frozenset[int]:
        return frozenset(self._answers)

    @property
    def disputed(self) -> tuple[frozenset[int], ShowRequest | None]:
        """Whose answers differ about a share that nobody has shown, and what they are asked; None for nothing."""
        open_ones = self.verdict.disputes
        parties = frozenset(i for one in open_ones for i in (one.dealer, one.holder))
        if not parties:
            return parties, None
        answers = tuple(self._answers[i][0] for i in sorted(parties))
        return parties, ShowRequest(self._task.context, self.signed, self._opening.manifest, answers)

    @property
    def verdict(self) -> Verdict:
        answers = {i: body for i, (_, body) in self._answers.items()}
        shown = disputes.read_shown(self._rules, self._task, self._messages, self._case.headers)
        return self._case.judged(answers, shown)

    def evidence(self, next_model: bytes) -> Opening:
        """The opening with everything that the verdict rests on."""
        answers = tuple(self._answers[i][0] for i in sorted(self._answers))
        return dataclasses.replace(self._opening, next_model=next_model, answers=answers, shown=self._messages)

    @property
    def _messages(self) -> tuple[bytes, ...]:
        return tuple(self._shown[i] for i in sorted(self._shown))
