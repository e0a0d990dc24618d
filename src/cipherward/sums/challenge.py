"""The one challenge after a certified sum that does not open: what is asked, what is answered, who is proved to have lied.

`attribution` decides over numbers; here they come from signed messages. The coordinator, hospitals and auditors call
`verdict` on the same opening, so they name the same hospital, or nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Signed, open_signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import DealtShare, SumTask
from cipherward.crypto.shamir import N_CHALLENGES
from cipherward.errors import FaultyCoordinatorError, ProtocolError
from cipherward.sums import attribution, disputes
from cipherward.sums.attribution import Numbers, Verdict
from cipherward.sums.messages import Answer, Challenge, Entry, Header, Manifest, Opening, Release, read, unsign
from cipherward.sums.votes import Member, Rules

NOBODY = Verdict((), ())


def make(task: SumTask, manifest_digest: bytes, signed_releases: Mapping[int, bytes], witness: bytes) -> Challenge:
    """The challenge about these releases of this manifest, of which the first give this witness."""
    listed = (Entry(i, attribution.release_digest(signed_releases[i])) for i in sorted(signed_releases))
    return Challenge(task.context, manifest_digest, tuple(listed), _witness_digest(witness))


def _witness_digest(witness: bytes) -> bytes:
    return digest("witness", witness)


def seed_of(rules: Rules, challenge: Challenge) -> bytes:
    """What the challenge's vectors are drawn from.

    Raises:
        ProtocolError: it lists too few releases, or not in order.
    """
    holders = [entry.hospital for entry in challenge.releases]
    if holders != sorted(set(holders)) or any(not 1 <= i <= rules.n_hospitals for i in holders):
        raise ProtocolError("a challenge that repeats holders, or lists unknown ones")
    if len(holders) < rules.threshold:
        raise ProtocolError(f"a challenge about {len(holders)} release(s), with {rules.threshold} needed to open")
    return attribution.challenge_seed(
        challenge.manifest_digest,
        {entry.hospital: entry.digest for entry in challenge.releases},
        challenge.witness_digest,
    )


def lists(challenge: Challenge, holder: int, signed_release: bytes) -> bool:
    """Whether the challenge is about this holder's signed release."""
    return bool(signed_release) and Entry(holder, attribution.release_digest(signed_release)) in challenge.releases


def answer(
    me: Member,
    task: SumTask,
    challenge: Challenge,
    *,
    private_key: bytes,
    held: Mapping[int, DealtShare],
    header: Header | None,
    one_time: bytes,
) -> list[Answer]:
    """The parts of a hospital's answer: the numbers of each share that it holds, and of its own polynomial.

    Args:
        held: the shares by dealer that its release is the sum of; {} where the challenge does not list its release.
        header: of its own contribution, or None. one_time: as in `hospital_steps.Dealt`; b"" where it is lost.

    Raises:
        ProtocolError: a malformed challenge, or a scheme that knows none.
    """
    scheme, seed = me.rules.scheme, seed_of(me.rules, challenge)
    if not isinstance(scheme, QuorumScheme):
        raise ProtocolError("a challenge in a scheme that has none")
    numbers = scheme.numbers_held(task, seed, me.index, private_key, held) if held else {}
    dealt: Sequence[Numbers] = []
    if header and one_time:
        dealt = scheme.numbers_dealt(task, seed, me.index, one_time, header.shares.holders)
    parts = (_packed(numbers.values()), b""), (b"", _packed(dealt))
    return [Answer(task.context, seed, *part) for part in parts if any(part)] or [Answer(task.context, seed, b"", b"")]


def merged(parts: Iterable[Answer]) -> Answer:
    """One hospital's whole answer.

    Raises:
        ProtocolError: there is none, a part twice, or two in one.
    """
    bodies = list(parts)
    if not bodies or any(sum(bool(getattr(b, name)) for b in bodies) > 1 for name in ("held", "dealt")):
        raise ProtocolError("a hospital answers twice, or not at all")
    if any(body.held and body.dealt for body in bodies):
        raise ProtocolError("both parts of an answer in one message")
    held, dealt = (b"".join(getattr(body, name) for body in bodies) for name in ("held", "dealt"))
    return Answer(bodies[0].context, bodies[0].seed, held, dealt)


def _packed(numbers: Iterable[Numbers]) -> bytes:
    return np.array(list(numbers), "<u4").tobytes()


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

    @property
    def dealers(self) -> list[int]:
        return sorted(self.headers)

    def read_answer(self, data: bytes) -> tuple[int, Answer]:
        """A signed answer to this very challenge, of the right size, and its sender.

        Raises:
            ProtocolError, WireError: it is none.
        """
        signed = open_signed(data, study=self.rules.study, keys=self.rules.keys, kind="Answer")
        body = read(signed, Answer)
        if signed.sender == COORDINATOR or body.context != self.task.context or body.seed != self.seed:
            raise ProtocolError("an answer of nobody on the roster, or to another challenge")
        sizes = {"held": len(self.headers), "dealt": self.rules.threshold}
        for name, size in sizes.items():
            packed = getattr(body, name)
            if packed and len(packed) != 4 * N_CHALLENGES * size:
                raise ProtocolError(f"an answer with another number of shares {name}")
            if any(value >= self.scheme.share_modulus(self.task) for value in np.frombuffer(packed, "<u4")):
                raise ProtocolError("an answer with a number outside of the field")
        return signed.sender, body

    def judged(self, answers: Mapping[int, Answer], shown: Mapping[tuple[int, int], bytes]) -> Verdict:
        """Who is proved to have spoiled the sum.

        Args:
            answers: as `read_answer` gives them. shown: as `disputes.read_shown` gives them.
        """
        scheme, task, seed = self.scheme, self.task, self.seed
        return attribution.judge(
            scheme.share_modulus(task),
            self.rules.threshold,
            self.holders,
            self.dealers,
            {i: scheme.numbers_released(task, seed, data) for i, data in self.releases.items()},
            {
                i: dict(zip(self.dealers, _numbers(body.held), strict=True))
                for i, body in answers.items()
                if body.held and i in self.released
            },
            {i: _numbers(body.dealt) for i, body in answers.items() if body.dealt and i in self.headers},
            {pair: scheme.numbers_released(task, seed, share) for pair, share in shown.items()},
        )

    @property
    def first(self) -> tuple[int, ...]:
        """Whose releases give the witness."""
        return self.released[: self.rules.threshold]

    def adds_up(self, holder: int, answer: Answer) -> bool:
        """Whether a holder has answered for the shares that it holds, and that adds up to its release, which is here."""
        released = self.scheme.numbers_released(self.task, self.seed, self.releases[holder])
        modulus = self.scheme.share_modulus(self.task)
        return bool(answer.held) and attribution.total(modulus, _numbers(answer.held)) == released

    def check_witness(self, answers: Mapping[int, Answer], witness: bytes) -> None:
        """Whether the first releases give this witness: each as it is here, or as its holder's answer has it.

        The vectors depend on the witness, so another one has these numbers with probability 2^-127.

        Raises:
            FaultyCoordinatorError: they do not. ProtocolError: the release and the answer of one of them are left out.
        """
        scheme, modulus, rows = self.scheme, self.scheme.share_modulus(self.task), list[Numbers]()
        for holder in self.first:
            if holder in self.releases:
                rows.append(scheme.numbers_released(self.task, self.seed, self.releases[holder]))
            elif holder in answers and answers[holder].held:
                rows.append(attribution.total(modulus, _numbers(answers[holder].held)))
            else:
                raise ProtocolError(f"neither the release of hospital {holder} nor its answer is there")
        given = attribution.polynomial_at(rows, self.first, [0], modulus)[0]
        if given != scheme.numbers_witness(self.task, self.seed, witness):
            raise FaultyCoordinatorError(
                "the stated witness is not what the signed releases give", culprit="coordinator"
            )


def _numbers(packed: bytes) -> list[Numbers]:
    rows = np.frombuffer(packed, "<u4").reshape(-1, N_CHALLENGES)
    return [tuple(int(value) for value in row) for row in rows]


def differ(
    rules: Rules,
    task: SumTask,
    holders: Sequence[int],
    holder: int,
    place: int,
    dealt: bytes,
    held: bytes,
) -> bool:
    """Whether a dealer's answer and a holder's differ about the share between them; where one says nothing, they do not.

    Args:
        holders: to whom the dealer dealt, increasing. place: the dealer's among the manifest's contributors, from 0.
        dealt, held: what the two answered.
    """
    scheme, size = rules.scheme, 4 * N_CHALLENGES
    numbers, known = held[size * place :][:size], dealt[: size * rules.threshold]
    whole = len(numbers) == size and len(known) == len(dealt) == size * rules.threshold
    if not whole or holder not in holders or not isinstance(scheme, QuorumScheme):
        return False
    points = list(holders)[: rules.threshold]
    claimed = attribution.polynomial_at(_numbers(known), points, [holder], scheme.share_modulus(task))
    return claimed[holder] != _numbers(numbers)[0]


def signed_releases(rules: Rules, task: SumTask, opening: Opening) -> dict[int, bytes]:
    """The signed releases of an opening by holder.

    Raises:
        ProtocolError, WireError: forged, repeated, or of another sum or manifest.
    """
    listed, found = manifest_digest(rules, opening), dict[int, bytes]()
    for data in opening.releases:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Release")
        body = read(signed, Release)
        if body.context != task.context or body.manifest_digest != listed:
            raise ProtocolError(f"the release of hospital {signed.sender} is for another sum")
        if signed.sender == COORDINATOR or signed.sender in found:
            raise ProtocolError(f"hospital {signed.sender} is counted twice, or is not on the roster")
        found[signed.sender] = data
    return found


def shares_in(signed_release: bytes) -> bytes:
    """What a release holds; its signature has been checked."""
    return wire.decode(Release, wire.decode(Signed, signed_release).body).shares


def case_of(rules: Rules, task: SumTask, opening: Opening) -> Case | None:
    """The case that an opening makes; None where it comes without a challenge.

    The opening's manifest, certificate and headers have been checked (`hospital_steps.verify`).

    Raises:
        ProtocolError, WireError: the challenge does not follow from the releases, or is malformed.
    """
    scheme = rules.scheme
    if not opening.challenge or not isinstance(scheme, QuorumScheme):
        return None
    releases = signed_releases(rules, task, opening)
    challenge = unsign(opening.challenge, Challenge, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    if challenge.context != task.context or challenge.manifest_digest != manifest_digest(rules, opening):
        raise ProtocolError("the challenge is about another sum or manifest")
    if not all(lists(challenge, holder, data) for holder, data in releases.items()):
        raise ProtocolError("the challenge is not about the releases beside it")
    if challenge.witness_digest != _witness_digest(opening.witness):
        raise ProtocolError("the challenge is about another witness")
    headers = {}
    for data in opening.headers:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Header")
        headers[signed.sender] = read(signed, Header)
    dealt_to = {header.shares.holders for header in headers.values()}
    released = tuple(entry.hospital for entry in challenge.releases)
    if len(dealt_to) != 1 or not set(released) <= set(min(dealt_to)):
        raise ProtocolError("the contributors have dealt to different hospitals, or not to those who released")
    shares = {i: shares_in(data) for i, data in releases.items()}
    return Case(rules, task, scheme, seed_of(rules, challenge), headers, min(dealt_to), released, shares)


def verdict(rules: Rules, task: SumTask, opening: Opening) -> Verdict:
    """Who is proved by an opening to have spoiled its sum, which does not open.

    Raises:
        FaultyCoordinatorError: the stated witness is not what the releases give.
        ProtocolError, WireError: the evidence is not what it claims to be.
    """
    case = case_of(rules, task, opening)
    if case is None:
        return NOBODY
    parts: dict[int, list[Answer]] = {}
    for data in opening.answers:
        sender, body = case.read_answer(data)
        parts.setdefault(sender, []).append(body)
    answers = {sender: merged(bodies) for sender, bodies in parts.items()}
    case.check_witness(answers, opening.witness)
    return case.judged(answers, disputes.read_shown(rules, task, opening.shown, case.headers))


def manifest_digest(rules: Rules, opening: Opening) -> bytes:
    """The digest of an opening's signed manifest. Raises ProtocolError or WireError."""
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    return digest("manifest", wire.encode(manifest))
