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
from cipherward.errors import ProtocolError
from cipherward.sums import attribution, disputes
from cipherward.sums.attribution import Numbers, Verdict
from cipherward.sums.messages import Answer, Challenge, Entry, Header, Manifest, Opening, Release, read, unsign
from cipherward.sums.votes import Member, Rules

NOBODY = Verdict((), ())


def make(task: SumTask, manifest_digest: bytes, signed_releases: Mapping[int, bytes]) -> Challenge:
    """The challenge about these releases of this manifest."""
    listed = (Entry(i, attribution.release_digest(signed_releases[i])) for i in sorted(signed_releases))
    return Challenge(task.context, manifest_digest, tuple(listed))


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
        challenge.manifest_digest, {entry.hospital: entry.digest for entry in challenge.releases}
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
) -> Answer:
    """A hospital's answer: the numbers of each share that it holds, and of its own polynomial.

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
        dealt = scheme.numbers_dealt(task, seed, me.index, one_time, (entry.hospital for entry in header.shares))
    return Answer(task.context, seed, _packed(numbers.values()), _packed(dealt))


def _packed(numbers: Iterable[Numbers]) -> bytes:
    return np.array(list(numbers), "<u4").tobytes()


@dataclass(frozen=True)
class Case:
    """A certified sum that does not open: what is signed about it before anybody has answered.

    `holders`: everyone with a share, increasing. `releases`: each holder's shares as released.
    """

    rules: Rules
    task: SumTask
    scheme: QuorumScheme
    seed: bytes
    headers: Mapping[int, Header]
    holders: tuple[int, ...]
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
                if body.held and i in self.releases
            },
            {i: _numbers(body.dealt) for i, body in answers.items() if body.dealt and i in self.headers},
            {pair: scheme.numbers_released(task, seed, share) for pair, share in shown.items()},
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
    if challenge != make(task, manifest_digest(rules, opening), releases):
        raise ProtocolError("the challenge is not about the releases beside it")
    headers = {}
    for data in opening.headers:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Header")
        headers[signed.sender] = read(signed, Header)
    lists = {tuple(entry.hospital for entry in header.shares) for header in headers.values()}
    if len(lists) != 1:
        raise ProtocolError("the contributors have dealt to different hospitals")
    shares = {i: shares_in(data) for i, data in releases.items()}
    return Case(rules, task, scheme, seed_of(rules, challenge), headers, min(lists), shares)


def verdict(rules: Rules, task: SumTask, opening: Opening) -> Verdict:
    """Who is proved by an opening to have spoiled its sum, which does not open.

    Raises:
        ProtocolError, WireError: the evidence is not what it claims to be.
    """
    case = case_of(rules, task, opening)
    if case is None:
        return NOBODY
    answers: dict[int, Answer] = {}
    for data in opening.answers:
        sender, body = case.read_answer(data)
        if sender in answers:
            raise ProtocolError(f"hospital {sender} answers twice")
        answers[sender] = body
    return case.judged(answers, disputes.read_shown(rules, task, opening.shown, case.headers))


def manifest_digest(rules: Rules, opening: Opening) -> bytes:
    """The digest of an opening's signed manifest. Raises ProtocolError or WireError."""
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    return digest("manifest", wire.encode(manifest))
