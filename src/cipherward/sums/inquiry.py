"""The coordinator's side of a challenge: ask once, collect answers and disputed shares, put the evidence in the opening."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyHospitalError, ProtocolError
from cipherward.sums import challenge, disputes
from cipherward.sums.attribution import Verdict
from cipherward.sums.challenge import Case
from cipherward.sums.messages import Answer, Answered, Opening, Shown, ShowRequest, sign, unsign
from cipherward.sums.votes import Member


@dataclass(frozen=True)
class Evidence:
    """Parts of what has come in: the signed releases, parts of answers, and messages with shares, each by hospital."""

    releases: frozenset[int]
    held: frozenset[int]
    dealt: frozenset[int]
    shown: frozenset[int] = frozenset()

    def with_(self, other: Evidence) -> Evidence:
        """Both together."""
        return Evidence(
            self.releases | other.releases, self.held | other.held, self.dealt | other.dealt, self.shown | other.shown
        )


class Inquiry:
    """One certified sum that does not open.

    Args:
        opening: as it would be published, with its signed releases and without a challenge.

    Attributes:
        signed: the signed challenge.
    """

    def __init__(self, me: Member, task: SumTask, opening: Opening, manifest_digest: bytes) -> None:
        self._releases = challenge.signed_releases(me.rules, task, opening)
        asked = challenge.make(task, manifest_digest, self._releases, opening.witness)
        self._rules, self._task = me.rules, task
        self.signed = sign(me.identity, me.rules.study, me.index, asked)
        self._opening = dataclasses.replace(opening, challenge=self.signed)
        case = challenge.case_of(me.rules, task, self._opening)
        if case is None:
            raise ValueError("this scheme knows no challenge")
        self._case: Case = case
        self._messages: dict[int, tuple[bytes, ...]] = {}
        self._answers: dict[int, Answer] = {}
        self._shown: dict[int, bytes] = {}

    def add_answer(self, sender: int, data: bytes) -> bool:
        """Note an answer; whether it is new.

        Raises:
            FaultyHospitalError: a second, different answer; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        messages, parts = wire.decode(Answered, data).answers, list[Answer]()
        for message in messages:
            answering, body = self._case.read_answer(message)
            if answering != sender:
                raise ProtocolError("an answer of somebody else")
            parts.append(body)
        whole = challenge.merged(parts)
        if sender in self._messages:
            first = self._messages[sender]
            if whole != self._answers[sender]:
                other = next((one for one in messages if one not in first), messages[0])
                raise FaultyHospitalError(
                    "a second, different answer", culprit=f"hospital {sender}", evidence=(first[0], other)
                )
            return False
        self._messages[sender], self._answers[sender] = messages, whole
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
        return frozenset(self._messages)

    @property
    def disputed(self) -> tuple[frozenset[int], ShowRequest | None]:
        """Whose answers differ about a share that nobody has shown, and what they are asked; None for nothing."""
        open_ones = self.verdict.disputes
        parties = frozenset(i for one in open_ones for i in (one.dealer, one.holder))
        if not parties:
            return parties, None
        answers = tuple(message for i in sorted(parties) for message in self._messages[i])
        return parties, ShowRequest(self._task.context, self.signed, self._opening.manifest, answers)

    @property
    def verdict(self) -> Verdict:
        """By everything that has come in."""
        everybody = frozenset(self._answers)
        return self._judged(Evidence(frozenset(self._releases), everybody, everybody, frozenset(self._shown)))

    # the opening

    @property
    def told(self) -> Verdict:
        """What everybody finds in `evidence`: the same hospitals as in `verdict`."""
        return self._judged(self._needed)

    def evidence(self, next_model: bytes) -> Opening:
        """The opening with what shows that the sum does not open, and who is proved to have spoiled it."""
        needed = self._needed
        releases = tuple(self._releases[i] for i in sorted(needed.releases))
        shown = tuple(self._shown[i] for i in sorted(needed.shown))
        answers = tuple(
            message
            for i in sorted(needed.held | needed.dealt)
            for message, body in self._parts(i)
            if (body.held and i in needed.held) or (body.dealt and i in needed.dealt)
        )
        return dataclasses.replace(
            self._opening, next_model=next_model, releases=releases, answers=answers, shown=shown
        )

    @property
    def _needed(self) -> Evidence:
        """The first holders' answers where they are those of their releases (or these), which give the witness, and the least that names each culprit."""
        first = frozenset(self._case.first)
        held = frozenset(i for i in first if i in self._answers and self._case.adds_up(i, self._answers[i]))
        needed = Evidence(first - held, held, frozenset())
        for culprit in sorted(self.verdict.named):
            for more in self._against(culprit):
                if culprit not in self._judged(needed).named and culprit in self._judged(needed.with_(more)).named:
                    needed = needed.with_(more)
        return needed

    def _against(self, culprit: int) -> Iterator[Evidence]:
        """What may be the proof against one, the smallest first."""
        own = frozenset({culprit})
        yield Evidence(frozenset(), own, frozenset())  # where its release is there anyway
        yield Evidence(frozenset(), own, own)
        if culprit in self._releases:
            yield Evidence(own, own, frozenset())
        for sender in sorted(self._shown, key=lambda i: len(self._shown[i])):
            shares = wire.decode(Shown, wire.decode(Signed, self._shown[sender]).body).shares
            pairs = [(item.dealer, item.holder) for item in shares if culprit in (item.dealer, item.holder)]
            dealers, holders = (frozenset(pair[side] for pair in pairs) for side in (0, 1))
            yield Evidence(frozenset(), holders, dealers, frozenset({sender}))

    def _judged(self, by: Evidence) -> Verdict:
        case = dataclasses.replace(
            self._case, releases={i: share for i, share in self._case.releases.items() if i in by.releases}
        )
        answers = {
            i: dataclasses.replace(
                body, held=body.held if i in by.held else b"", dealt=body.dealt if i in by.dealt else b""
            )
            for i, body in self._answers.items()
        }
        messages = [self._shown[i] for i in sorted(by.shown)]
        return case.judged(answers, disputes.read_shown(self._rules, self._task, messages, case.headers))

    def _parts(self, hospital: int) -> Iterator[tuple[bytes, Answer]]:
        return ((message, self._case.read_answer(message)[1]) for message in self._messages.get(hospital, ()))
