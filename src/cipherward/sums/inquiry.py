"""The coordinator's side of a challenge: ask once, collect answers and disputed slices, put the evidence in the opening."""

from __future__ import annotations

import dataclasses

from cipherward.crypto import wire
from cipherward.crypto.scheme import SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import attribution, challenge, disputes
from cipherward.sums.attribution import Culprit, Dispute, Numbers, Verdict
from cipherward.sums.cases import Case
from cipherward.sums.evidence import Answer, Answered, Claim, Contradiction, Excerpt, Shown, ShownSlice, ShowRequest
from cipherward.sums.messages import Opening, sign, unsign
from cipherward.sums.releases import same
from cipherward.sums.tables import Shape
from cipherward.sums.votes import Member


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
        self._messages: dict[int, bytes] = {}
        self._answers: dict[int, Answer] = {}
        self._held: dict[int, Numbers] = {}
        self._dealt: dict[int, Numbers] = {}
        self._shown: dict[Dispute, ShownSlice] = {}

    def add_answer(self, sender: int, data: bytes) -> bool:
        """Note an answer; whether it is new.

        Raises:
            FaultyHospitalError: a second, different answer; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        answered = wire.decode(Answered, data)
        answering, body = self._case.read_answer(answered.answer)
        if answering != sender:
            raise ProtocolError("an answer of somebody else")
        if sender in self._messages:
            same("answer", sender, self._messages[sender], answered.answer)
            return False
        held = _table(self._case.held_shape, answered.held, body.held)
        dealt = _table(self._case.dealt_shape, answered.dealt, body.dealt) if sender in self._case.headers else None
        self._messages[sender], self._answers[sender] = answered.answer, body
        if held is not None:
            self._held[sender] = held
        if dealt is not None:
            self._dealt[sender] = dealt
        return True

    def add_shown(self, sender: int, data: bytes) -> bool:
        """Note slices that a hospital shows; whether there are new ones. Raises ProtocolError or WireError."""
        body = unsign(data, Shown, study=self._rules.study, keys=self._rules.keys, sender=sender)
        before = len(self._shown)
        if body.context != self._task.context or not body.slices:
            raise ProtocolError("shows no slice of a share, or one of another sum")
        case = self._case
        for item in body.slices:
            if sender not in (item.dealer, item.holder):
                raise ProtocolError("shows a share that is not its own")
            if item.dealer not in case.headers or not disputes.slice_matches(
                self._task, case.headers[item.dealer], case.held_shape.n_slices, item
            ):
                raise ProtocolError("shows no share that its dealer committed to")
            case.scheme.numbers_shown(self._task, case.seed, item.place, item.piece)
            self._shown.setdefault(Dispute(item.dealer, item.holder, item.place), item)
        return len(self._shown) > before

    @property
    def answered(self) -> frozenset[int]:
        return frozenset(self._answers)

    @property
    def disputed(self) -> dict[int, ShowRequest]:
        """What each hospital is asked that has answered something else about a slice, which nobody has shown, than another."""
        asked: dict[int, list[Claim]] = {}
        for one in attribution.to_decide(self.verdict.disputes, self._rules.corrupt):
            asked.setdefault(one.dealer, []).append(self._claim(one, one.holder))
            asked.setdefault(one.holder, []).append(self._claim(one, one.dealer))
        return {
            i: ShowRequest(self._task.context, self._opening.manifest, tuple(claims), ())
            for i, claims in sorted(asked.items())
        }

    def _claim(self, one: Dispute, by: int) -> Claim:
        said = self._said_held(one) if by == one.holder else self._said_dealt(one)
        return Claim(self._messages[by], one.dealer, one.holder, one.place, said)

    @property
    def verdict(self) -> Verdict:
        """By everything that has come in."""
        case = self._case
        return attribution.judge(
            case.held_shape.modulus,
            self._rules.threshold,
            case.holders,
            case.dealers,
            {i: case.numbers_released(i) for i in case.releases},
            self._held,
            self._dealt,
            {
                one: case.scheme.numbers_shown(self._task, case.seed, item.place, item.piece)
                for one, item in self._shown.items()
            },
        )

    # the opening

    @property
    def told(self) -> Verdict:
        """What everybody finds in `evidence`."""
        opening = self.evidence()
        return challenge.proved(self._case, challenge.answers_in(self._case, opening), opening)

    def evidence(self) -> Opening:
        """The opening with what shows that the sum does not open, and who is proved to have spoiled it."""
        case, answers = self._case, self._answers
        false = {i for i, body in answers.items() if case.contradicted(i, body)}
        whole = false.union(i for i in case.first if i not in answers or not answers[i].released)
        proved = tuple(self._contradiction(one) for one in self.verdict.culprits if one.hospital not in false)
        needed = false.union(answers.keys() & case.first, (item.hospital for item in proved))
        return dataclasses.replace(
            self._opening,
            releases=tuple(self._releases[i] for i in sorted(whole)),
            answers=tuple(self._messages[i] for i in sorted(needed)),
            contradictions=proved,
        )

    def _contradiction(self, one: Culprit) -> Contradiction:
        where = one.hospital, one.dealer, one.holder, one.place
        if not one.dealer:
            return Contradiction(*where, self._case.held_shape.row(self._held[one.holder], one.place))
        about = Dispute(one.dealer, one.holder, one.place)
        if one.dealer == one.holder:
            dealt = self._said_dealt(about)
            return Contradiction(*where, self._said_held(about), dealt.numbers, dealt.above)
        shown = self._shown[about]
        said = self._said_held(about) if one.hospital == one.holder else self._said_dealt(about)
        return Contradiction(*where, said, shown.piece, shown.path, shown.sealed_digest)

    def _said_held(self, one: Dispute) -> Excerpt:
        return self._case.held_shape.entry(self._held[one.holder], one.place, self._case.dealers.index(one.dealer))

    def _said_dealt(self, one: Dispute) -> Excerpt:
        return self._case.dealt_shape.row(self._dealt[one.dealer], one.place)


def _table(shape: Shape, packed: bytes, root: bytes) -> Numbers | None:
    """The table in an answer, if it has one. Raises ProtocolError: not the one that is signed."""
    if not root:
        return None
    table = shape.read(packed)
    if shape.root(table) != root:
        raise ProtocolError("an answer with other numbers than its sender has signed")
    return table
