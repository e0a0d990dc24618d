"""The one challenge after a certified sum that does not open: what is asked, what is answered, who is proved to have lied.

`attribution` decides over numbers; here they come from signed messages. The coordinator, hospitals and auditors call
`verdict` on the same opening, so they name the same hospital, or nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Signed, open_signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import DealtShare, SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import attribution, contradictions
from cipherward.sums.attribution import Numbers, Verdict
from cipherward.sums.cases import Case, shape_of
from cipherward.sums.digests import Entry
from cipherward.sums.evidence import Answer, Answered, Challenge, Claim
from cipherward.sums.messages import Header, Manifest, Opening, Release, read, sign, unsign
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
    signed_release: bytes,
    held: Mapping[int, DealtShare],
    header: Header | None,
    one_time: bytes,
) -> Answered:
    """A hospital's signed answer: the numbers of its release, of each share that it holds, and of its own polynomial.

    Args:
        held: the shares by dealer that `signed_release` is the sum of; {} where the challenge does not list it.
        header: of its own contribution, or None. one_time: as in `hospital_steps.Dealt`; b"" where it is lost.

    Raises:
        ProtocolError: a malformed challenge, or a scheme that knows none.
    """
    scheme, seed = me.rules.scheme, seed_of(me.rules, challenge)
    if not isinstance(scheme, QuorumScheme):
        raise ProtocolError("a challenge in a scheme that has none")
    said: list[tuple[bytes, bytes]] = []
    numbers = scheme.numbers_held(task, seed, me.index, private_key, held) if held else {}
    dealt: Sequence[Numbers] = []
    if header and one_time:
        dealt = scheme.numbers_dealt(task, seed, me.index, one_time, header.shares.holders)
    for columns in (list(numbers.values()), dealt):
        shape = shape_of(scheme, task, len(columns))
        table = np.stack(columns, axis=1) if columns else None
        said.append((shape.root(table), shape.pack(table)) if table is not None else (b"", b""))
    released = b""
    if held:
        released = shape_of(scheme, task, 1).pack(scheme.numbers_released(task, seed, shares_in(signed_release)))
    (held_root, held_table), (dealt_root, dealt_table) = said
    body = Answer(seed, released, held_root, dealt_root)
    return Answered(sign(me.identity, me.rules.study, me.index, body), held_table, dealt_table)


def differ(
    rules: Rules,
    task: SumTask,
    dealers: Sequence[int],
    holders: Sequence[int],
    claim: Claim,
    by: int,
    theirs: Answer,
    mine: Answered,
) -> bool:
    """Whether what the other one has signed of a slice of the share between us differs from what I have answered; where one of us
    says nothing, it does not.

    Args:
        dealers: the manifest's contributors. holders: to whom the dealer dealt, increasing.
        by: who has signed the answer in the claim. theirs: its body.

    Raises:
        ProtocolError, WireError: the claim is not what the answer says.
    """
    scheme = rules.scheme
    if not isinstance(scheme, QuorumScheme) or claim.holder not in holders:
        return False
    held, dealt = (shape_of(scheme, task, n) for n in (len(dealers), rules.threshold))
    column, points = dealers.index(claim.dealer), list(holders)[: rules.threshold]
    if by == claim.holder and theirs.held and mine.dealt:
        number = held.read_entry(theirs.held, claim.said, claim.place, column)
        polynomial = dealt.read(mine.dealt)[claim.place]
    elif by == claim.dealer and theirs.dealt and mine.held:
        polynomial = dealt.read_row(theirs.dealt, claim.said, claim.place)
        number = held.read(mine.held)[claim.place, column]
    else:
        return False
    (claimed,) = attribution.polynomial_at(polynomial, points, [claim.holder], held.modulus)
    return not np.array_equal(claimed, number)


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
    answers = answers_in(case, opening)
    case.check_witness(answers, opening.witness)
    return proved(case, answers, opening)


def answers_in(case: Case, opening: Opening) -> dict[int, Answer]:
    """The signed answers in an opening by their senders. Raises ProtocolError, WireError: a forged or repeated one."""
    answers: dict[int, Answer] = {}
    for data in opening.answers:
        sender, body = case.read_answer(data)
        if sender in answers:
            raise ProtocolError("a hospital answers twice")
        answers[sender] = body
    return answers


def proved(case: Case, answers: Mapping[int, Answer], opening: Opening) -> Verdict:
    """Whom the releases and contradictions in an opening prove to have spoiled its sum.

    Raises:
        ProtocolError, WireError: one of them proves nothing, or a hospital is proved twice.
    """
    contradicted = (case.contradicted(i, body) for i, body in sorted(answers.items()))
    found = {culprit.hospital: culprit for culprit in contradicted if culprit}
    for item in opening.contradictions:
        if item.hospital in found or item.hospital not in answers:
            raise ProtocolError("a proof against a hospital that is proved already, or without its answer")
        found[item.hospital] = contradictions.check(case, answers[item.hospital], item)
    return Verdict(tuple(found[i] for i in sorted(found)), ())


def manifest_digest(rules: Rules, opening: Opening) -> bytes:
    """The digest of an opening's signed manifest. Raises ProtocolError or WireError."""
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    return digest("manifest", wire.encode(manifest))
