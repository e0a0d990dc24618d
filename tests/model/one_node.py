"""What the others can say to one real hospital node about a sum: a coordinator and hospital 4 that lie, at their worst.

The node under test is `me`. The others' keys sign whatever is asked for, honest hospitals' too: more than any adversary has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tests.schedules.liars import packet_of
from tests.schedules.world import Setting, vector_of

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import SumTask, payload_digest, share_digest
from cipherward.disclosure.standing import Agreement, Statement
from cipherward.parties import asking, who_stands
from cipherward.parties.judging import judge
from cipherward.sums import challenge, hospital_steps, unopened
from cipherward.sums.cases import shape_of
from cipherward.sums.digests import Digests, Entry
from cipherward.sums.evidence import Answer, Answered, Challenge, Claim, ShowRequest
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.inquiry import Inquiry
from cipherward.sums.messages import (
    CONSENT,
    Announce,
    Certificate,
    Complaint,
    ConsentRequest,
    Contribution,
    Header,
    Joined,
    Manifest,
    Opening,
    Release,
    ShareFor,
    Update,
    VoidCertificate,
    VoidRequest,
    Vote,
    sign,
    unsign,
)
from cipherward.sums.votes import Member
from cipherward.tasks.state import StudyState

LIAR = 4
ATTEMPTS = (0, 1)
VARIANTS = {"whole": (1, 2, 3, 4), "another": (1, 2, 3, 4), "part": (1, 3, 4), "bad share": (1, 2, 3, 4)}
"""Manifests by name. In "another" the liar stands with another ciphertext, in "bad share" with a share that does not open;
"part" leaves out a member of the block."""


@dataclass(frozen=True)
class Said:
    """What the node under test has said in one attempt: its Join and its Update, b"" for nothing."""

    join: bytes
    update: bytes


@dataclass(frozen=True)
class Message:
    """One packet to the node. `about`: (attempt, variant); `is_proof`: what it carries proves what it should."""

    name: str
    packet: bytes
    attempt: int
    variant: str = ""
    is_proof: bool = True


@dataclass
class Others:
    """Everybody but the node under test. `names`: of manifests and challenges by their digests."""

    setting: Setting
    me: int
    names: dict[bytes, str] = field(default_factory=dict)
    _keys: dict[int, dict[int, tuple[bytes, bytes]]] = field(default_factory=dict)
    _dealt: dict[tuple[int, bytes], dict[tuple[int, str], Dealt]] = field(default_factory=dict)
    _made: dict[tuple[int, Said], tuple[Message, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rules, self.state = self.setting.rules, self.setting.first
        self.contexts = [self.task(a).context for a in ATTEMPTS]

    @property
    def scheme(self) -> QuorumScheme:
        assert isinstance(self.rules.scheme, QuorumScheme)
        return self.rules.scheme

    def task(self, attempt: int) -> SumTask:
        return asking.task_of(self.rules, self.state, attempt)

    def member(self, i: int) -> Member:
        return Member(self.rules, i, self.setting.keys.identities[i])

    def sign(self, i: int, body: Any) -> bytes:
        return sign(self.setting.keys.identities[i], self.setting.study.digest(), i, body)

    def packet(self, body: Any) -> bytes:
        return packet_of(self.setting, COORDINATOR, body)

    # messages

    def messages(self, attempt: int, said: Said) -> tuple[Message, ...]:
        """Everything that can be sent about this attempt; a list is made once."""
        key = attempt, said
        if key not in self._made:
            self._made[key] = tuple(self._messages(attempt, said))
        return self._made[key]

    def _messages(self, attempt: int, said: Said) -> Iterator[Message]:
        context = self.contexts[attempt]
        for name, n_voters in (("proof", 3), ("too few votes", 2), ("no proof", 0))[: 3 if attempt else 1]:
            voids = self._voids(attempt, n_voters)
            body = Announce(context, self.state.sums_done, attempt, voids)
            yield Message(f"announce {attempt}, {name}", self.packet(body), attempt, is_proof=name == "proof")
        yield Message(f"void {attempt}?", self.packet(VoidRequest(context)), attempt)
        if not said.join:
            return
        yield Message(f"joins of {attempt}", self.packet(self._joined(attempt, said)), attempt)
        for variant, members in VARIANTS.items():
            if said.update or self.me not in members:
                yield from self._about(attempt, said, variant)

    def _about(self, attempt: int, said: Said, variant: str) -> Iterator[Message]:
        what = f"{attempt}/{variant}"
        request = self._request(attempt, said, variant, self.me)
        yield Message(f"consent to {what}?", self.packet(request), attempt, variant)
        if variant == "bad share":
            return
        manifest_digest = self._digest(request)
        self.names[manifest_digest] = what
        others = [i for i in self.rules.keys if i not in (COORDINATOR, self.me)]
        votes = {i: self._vote(attempt, said, variant, i, manifest_digest) for i in others}
        for n in (3, 2):
            body = Certificate(manifest_digest, tuple(votes[i] for i in others[:n]))
            yield Message(f"certificate of {n} over {what}", self.packet(body), attempt, variant, is_proof=n == 3)
        if variant == "part":
            return
        given = {i: self._consent(attempt, said, variant, i) for i in others}
        certificate = Certificate(manifest_digest, tuple(votes.values()))
        releases = {
            i: hospital_steps.release(
                self.member(i), self.task(attempt), certificate, given[i], self._keys[attempt][i][0]
            )
            for i in others
        }
        false = self._false_release(attempt, manifest_digest, releases[LIAR])
        for number, listed in enumerate((releases, releases | {LIAR: false})):
            witness = self._found(attempt, said, variant, listed).witness
            asked = challenge.make(self.task(attempt), manifest_digest, listed, witness)
            seed = challenge.seed_of(self.rules, asked)
            self.names[seed] = f"{what}/{number}"
            yield Message(f"challenge {number} about {what}", self.packet(asked), attempt, variant)
            yield from self._show_requests(attempt, said, variant, asked, number, listed)
        for failed in (False, True):
            opening = self._opening(attempt, said, variant, votes, releases | ({LIAR: false} if failed else {}))
            name = f"opening of {what}{', failed' * failed}"
            yield Message(name, self.packet(opening), attempt, variant)
            if attempt:
                unproved = self.packet(dataclasses.replace(opening, voids=()))
                yield Message(f"{name}, no proof", unproved, attempt, variant, is_proof=False)

    def _show_requests(
        self, attempt: int, said: Said, variant: str, asked: Challenge, number: int, releases: dict[int, bytes]
    ) -> Iterator[Message]:
        """Disputes: complaints by the liar about the node and about another, an honest answer, and one that differs."""
        context = self.contexts[attempt]
        manifest = self._request(attempt, said, variant, self.me).manifest
        honest = 2 if self.me != 2 else 1
        about_me = self.sign(LIAR, Complaint(context, self.me, "because"))
        about_another = self.sign(LIAR, Complaint(context, honest, "because"))
        answers = {i: self._answer(attempt, said, variant, asked, i, releases[i]) for i in (honest, LIAR)}
        for name, claims, complaints in (
            ("a complaint about it", (), (about_me,)),
            ("a complaint about another", (), (about_another,)),
            ("an honest answer", self._claims(attempt, variant, answers[honest], honest, lies=False), ()),
            ("a false answer", self._claims(attempt, variant, answers[LIAR], LIAR, lies=True), ()),
        ):
            if number and complaints:
                continue
            body = ShowRequest(context, manifest, claims, complaints)
            yield Message(f"show after challenge {number}: {name}", self.packet(body), attempt, variant)

    def _claims(self, attempt: int, variant: str, answered: Answered, i: int, *, lies: bool) -> tuple[Claim, ...]:
        """What hospital `i` has signed of the shares between it and the node, of other numbers where it lies."""
        body, claims = unsign(answered.answer, Answer, study=self.rules.study, keys=self.rules.keys), []
        dealers = list(VARIANTS[variant])
        for name, n_columns in (("held", len(dealers)), ("dealt", self.rules.threshold)):
            shape = shape_of(self.scheme, self.task(attempt), n_columns)
            table = (shape.read(getattr(answered, name)) + np.uint32(lies)) % np.uint32(shape.modulus)
            body = dataclasses.replace(body, **{name: shape.root(table)})
            if name == "held" and self.me in dealers:
                claims.append((self.me, i, shape.entry(table, 0, dealers.index(self.me))))
            if name == "dealt":
                claims.append((i, self.me, shape.row(table, 0)))
        signed = self.sign(i, body)
        return tuple(Claim(signed, dealer, holder, 0, part) for dealer, holder, part in claims)

    # parts

    def _voids(self, attempt: int, n_voters: int = 3) -> tuple[VoidCertificate, ...]:
        return tuple(self._void(earlier, n_voters) for earlier in range(attempt) if n_voters)

    def _void(self, attempt: int, n_voters: int) -> VoidCertificate:
        others = [i for i in self.rules.keys if i not in (COORDINATOR, self.me)][:n_voters]
        votes = tuple(self.sign(i, hospital_steps.void(self.task(attempt))) for i in others)
        return VoidCertificate(votes)

    def _joined(self, attempt: int, said: Said) -> Joined:
        keys = self._keys.setdefault(attempt, {})
        for i in self.rules.keys:
            if i not in (COORDINATOR, self.me, *keys):
                randomness = digest("randomness", b"%d %d" % (attempt, i)) * 3
                keys[i] = hospital_steps.join(self.member(i), self.task(attempt), randomness)
        joins = {i: message for i, (_, message) in keys.items()} | {self.me: said.join}
        return Joined(self.contexts[attempt], tuple(joins[i] for i in sorted(joins)))

    def _deals(self, attempt: int, said: Said) -> dict[tuple[int, str], Dealt]:
        key = attempt, said.join
        if key not in self._dealt:
            joined, task = self._joined(attempt, said), self.task(attempt)
            found = {}
            for i, (private, _) in self._keys[attempt].items():
                for variant in ("whole", "another") if i == LIAR else ("whole",):
                    lanes = vector_of(self.rules, i, self.state)
                    randomness = digest("deal", b"%d %d" % (attempt, i), variant.encode()) * 2
                    vector = np.roll(lanes, variant == "another")
                    found[i, variant] = hospital_steps.deal(
                        self.member(i), task, joined, vector, randomness, private, self._statement(i)
                    )
            found[LIAR, "bad share"] = self._with_a_bad_share(found[LIAR, "whole"])
            self._dealt[key] = found
        return self._dealt[key]

    def _statement(self, i: int) -> Statement:
        study = self.setting.study
        register = self.rules.register(i)
        answer = who_stands.answer_of(study, study.hospitals[i - 1].name)
        return Statement(register, self.rules.blocks.of(register), Agreement(answer))

    def _with_a_bad_share(self, dealt: Dealt) -> Dealt:
        update = wire.decode(Update, dealt.update)
        shares = tuple(
            ShareFor(item.hospital, _bent(item.sealed) if item.hospital == self.me else item.sealed)
            for item in update.shares
        )
        header = unsign(update.header, Header, study=self.rules.study, keys=self.rules.keys)
        entries = Digests.of({item.hospital: share_digest(item.sealed) for item in shares})
        signed = self.sign(LIAR, dataclasses.replace(header, shares=entries))
        return Dealt(signed, dealt.payload, wire.encode(Update(signed, dealt.payload, shares)), dealt.one_time)

    def _chosen(self, attempt: int, said: Said, variant: str) -> dict[int, Dealt]:
        deals = self._deals(attempt, said)
        own = wire.decode(Update, said.update) if said.update else None
        chosen = {}
        for i in VARIANTS[variant]:
            if i == self.me:
                assert own is not None
                chosen[i] = Dealt(own.header, own.payload, said.update)
            else:
                chosen[i] = deals.get((i, variant), deals[i, "whole"])
        return chosen

    def _request(self, attempt: int, said: Said, variant: str, holder: int) -> ConsentRequest:
        chosen = self._chosen(attempt, said, variant)
        entries = tuple(Entry(i, digest("header", dealt.header)) for i, dealt in chosen.items())
        total = self._total(attempt, chosen)
        manifest = Manifest(self.contexts[attempt], entries, payload_digest(total))
        sealed = {i: {s.hospital: s for s in wire.decode(Update, dealt.update).shares} for i, dealt in chosen.items()}
        shares = tuple(ShareFor(i, sealed[i][holder].sealed) for i in chosen)
        headers = tuple(dealt.header for dealt in chosen.values())
        return ConsentRequest(self.sign(COORDINATOR, manifest), headers, shares)

    def _total(self, attempt: int, chosen: dict[int, Dealt]) -> bytes:
        task = self.task(attempt)
        total = self.scheme.accumulator(task, asking.base_of(self.scheme, self.state))
        for dealt in chosen.values():
            total.add(dealt.payload)
        return total.total()

    def _digest(self, request: ConsentRequest) -> bytes:
        manifest = unsign(request.manifest, Manifest, study=self.rules.study, keys=self.rules.keys)
        return digest("manifest", wire.encode(manifest))

    def _vote(self, attempt: int, said: Said, variant: str, i: int, manifest_digest: bytes) -> bytes:
        chosen = self._chosen(attempt, said, variant)
        mark = self.scheme.fingerprint(self.task(attempt), manifest_digest, chosen[i].payload) if i in chosen else b""
        return self.sign(i, Vote(self.contexts[attempt], CONSENT, manifest_digest, mark))

    def _consent(self, attempt: int, said: Said, variant: str, i: int) -> Consent:
        own, private = self._chosen(attempt, said, variant)[i], self._keys[attempt][i][0]
        request = self._request(attempt, said, variant, i)
        given = hospital_steps.consent(self.member(i), self.task(attempt), request, private_key=private, own=own)
        assert isinstance(given, Consent)
        return given

    def _false_release(self, attempt: int, manifest_digest: bytes, signed: bytes) -> bytes:
        shares = _bent(challenge.shares_in(signed))
        return self.sign(LIAR, Release(self.contexts[attempt], manifest_digest, shares))

    def _answer(self, attempt: int, said: Said, variant: str, asked: Challenge, i: int, release: bytes) -> Answered:
        own, task = self._chosen(attempt, said, variant)[i], self.task(attempt)
        given = self._consent(attempt, said, variant, i)
        header = unsign(own.header, Header, study=self.rules.study, keys=self.rules.keys)
        return challenge.answer(
            self.member(i),
            task,
            asked,
            private_key=self._keys[attempt][i][0],
            signed_release=release,
            held=given.dealt,
            header=header,
            one_time=own.one_time,
        )

    def _opening(
        self, attempt: int, said: Said, variant: str, votes: dict[int, bytes], releases: dict[int, bytes]
    ) -> Opening:
        """As a coordinator publishes it; where the liar's release is false, with the challenge that names it."""
        task, chosen = self.task(attempt), self._chosen(attempt, said, variant)
        request, total = self._request(attempt, said, variant, self.me), self._total(attempt, chosen)
        found = self._found(attempt, said, variant, releases)
        served = (Contribution(self.me, chosen[self.me].payload),)
        evidence = tuple(releases.values()) if found.reason else ()
        order, headers = tuple(votes.values()), request.headers
        opening = Opening(
            self.state.sums_done,
            attempt,
            request.manifest,
            headers,
            order,
            total,
            found.witness,
            served,
            b"",
            evidence,
            voids=self._voids(attempt),
        )
        if found.reason:
            inquiry = Inquiry(self.member(COORDINATOR), task, opening, self._digest(request))
            asked = challenge.make(task, self._digest(request), releases, found.witness)
            for i in votes:
                inquiry.add_answer(i, wire.encode(self._answer(attempt, said, variant, asked, i, releases[i])))
            opening = inquiry.evidence()
        return dataclasses.replace(opening, next_model=self.after(attempt, opening).digest())

    def _found(self, attempt: int, said: Said, variant: str, releases: dict[int, bytes]) -> unopened.Found:
        """What these signed releases open."""
        chosen = self._chosen(attempt, said, variant)
        shares = {i: challenge.shares_in(signed) for i, signed in releases.items()}
        base, total = asking.base_of(self.scheme, self.state), self._total(attempt, chosen)
        return unopened.opened(self.scheme, self.task(attempt), total, shares, base, len(chosen))

    def after(self, attempt: int, opening: Opening) -> StudyState:
        """The state that follows from an opening, as an auditor works it out."""
        return judge(self.member(COORDINATOR), self.task(attempt), self.state, opening).following


def _bent(data: bytes) -> bytes:
    """Other bytes, of numbers that are still in the field."""
    return bytes([data[0] ^ 1]) + data[1:] if data else b""
